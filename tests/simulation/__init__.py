"""A world to run uploads against: server, network, files, disk and clock, deterministic from one seed, and what must hold in it."""

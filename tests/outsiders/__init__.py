"""Programs of others, against the emulator and beside vidup."""

"""How a file is split."""

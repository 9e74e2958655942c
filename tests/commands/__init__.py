"""Each command as its user calls it."""

"""The error table."""

"""The local server, held against the documented API."""

"""The wire, against a server that answers wrongly in every way."""

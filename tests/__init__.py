"""The promises of vidup, as tests; one file a room."""

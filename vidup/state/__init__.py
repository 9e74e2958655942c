"""What vidup remembers between runs: the records of interrupted uploads, their locks, and what tells one upload from another.
Nothing here asks the server."""

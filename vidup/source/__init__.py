"""What is uploaded, as a sized stream that can be read again: files on this machine. Nothing here knows of a server."""

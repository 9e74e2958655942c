"""What is uploaded."""

"""`python -m vidup`."""

from vidup.cli import main

main()

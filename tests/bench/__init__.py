"""Speed, memory and start, measured by hand: `python -m tests.bench --help`."""

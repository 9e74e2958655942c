"""The benchmark: vidup, curl and the published Python client against one local sink. `python -m tests.bench --help` tells how."""

"""How a file is split into parts, and what an upload in these parts will take. Arithmetic alone."""

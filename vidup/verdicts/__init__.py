"""The error table: a row for each answer, what vidup does about it, and the lookup from one to the other. No room but this
compares the words of an error."""

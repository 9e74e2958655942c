"""DOOR: one file per command, named as the command; thin: options in, one call, one result out."""

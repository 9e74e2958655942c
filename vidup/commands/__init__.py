"""One file a command, named as the command: options in, one call, one result out."""

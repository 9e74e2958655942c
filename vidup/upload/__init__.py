"""The conductor: how files become videos. What to do next is decided here, from values, without a socket; nothing here prints,
reads options, or knows HTTP."""

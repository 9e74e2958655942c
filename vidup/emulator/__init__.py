"""The local server of `vidup emulator`: the same API, limits and errors as api.video's, with faults on request. It shares the rows
of the error table with the client and nothing else, so that the two cannot be wrong together."""

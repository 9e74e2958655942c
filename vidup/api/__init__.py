"""The wire: the verbs of api.video, who is asking, and what its answers hold. What an answer makes vidup do is decided elsewhere."""

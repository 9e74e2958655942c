"""vidup puts a video on api.video from a terminal or a CI job, and never loses what was already sent."""

__version__ = "0.1.0"

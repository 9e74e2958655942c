"""One HTTP request out and one `Reply` back, whatever happened on the way; the only room that knows `requests`."""

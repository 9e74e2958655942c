"""What makes a vidup process under test die or its disk fill at one exact call."""

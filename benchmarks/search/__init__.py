"""What a search finds, how fast, and from how much memory."""

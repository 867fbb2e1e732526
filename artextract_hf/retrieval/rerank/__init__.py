"""The first answers of a search, put into a better order."""

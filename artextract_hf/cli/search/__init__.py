"""Commands that make collections searchable and search them: paintings, their parts, painted faces."""

"""What people write about a picture, and what it means: names of columns, rows, dates in words."""

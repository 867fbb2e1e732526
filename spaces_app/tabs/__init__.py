"""The tabs of the page, one file each: a function that lays it out, and what its buttons ask."""

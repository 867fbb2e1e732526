"""Search by painted face: how it looks, and how the head is turned."""

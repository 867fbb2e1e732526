"""Stage 1: pictures and labels, from any source, become records of one schema."""

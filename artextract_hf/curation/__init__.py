"""Stage 6: what is wrong with a collection: pictures that stand twice, or leak from one split to another."""

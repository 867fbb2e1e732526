"""How fast networks train, embed and classify, beside named peers."""

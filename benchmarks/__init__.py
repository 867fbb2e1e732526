"""Side-by-side measurements against named peers; each prints the JSON that lies in results/."""

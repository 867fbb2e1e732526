"""Where paintings come from: a folder or a table, a museum's IIIF manifests, the National Gallery's open data."""

"""Whose paintings a model learnt from, as its card says it: what the manifest of the data knows, and no more."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

from datasets import Dataset

from artextract_hf.data.fetch import is_address, shown
from artextract_hf.data.sources.museums.museum import MUSEUMS
from artextract_hf.data.sources.nga import NGA_SOURCE

Origin = Literal["wikiart", "nga", "hub", "iiif", "museum", "own"]


def provenance(manifest: Mapping[str, Any], paintings: Dataset) -> dict[str, Any]:
    """Where paintings come from, for a card.

    Args:
        manifest: of the prepared data; empty where they have none.
        paintings: those that were learnt from.

    Returns:
        `origin`; `name`, of the Hub's data set, of the museum, or the address of a IIIF source, never a path of this
        machine; `works`; and `licenses`, how many works have each.
    """
    source = str(manifest.get("source", ""))
    origin, name = _origin(manifest, source)
    licenses = Counter(paintings["license"] if "license" in paintings.column_names else [])
    return {
        "origin": origin,
        "name": name,
        "works": len(paintings),
        "licenses": {license: works for license, works in licenses.most_common() if license},
    }


def _origin(manifest: Mapping[str, Any], source: str) -> tuple[Origin, str]:
    if "lists" in manifest:  # as `data/wikiart/manifest.py` writes them
        return "wikiart", ""
    if source == NGA_SOURCE:
        return "nga", ""
    if museum := MUSEUMS.get(str(manifest.get("museum"))):
        return "museum", museum.title
    if is_address(source):
        return "iiif", shown(source)
    # The name does not tell: `own/metadata.csv` may be a file that lay elsewhere.
    return ("hub", source) if manifest.get("on_hub") else ("own", "")

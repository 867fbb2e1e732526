"""Publishing an index of any kind on the Hub, for the `push_to_hub` of all of them."""

import tempfile
from pathlib import Path

from artextract_hf.retrieval.searchable import Searchable


def push_index(
    index: Searchable, repo_id: str, *, allow_restricted: bool = False, private: bool = False, tag: str = ""
) -> str:
    """Save an index to a temporary folder, publish that with a card, and give the address.

    Args:
        index: what is published.
        repo_id: `owner/name`.
        allow_restricted: publish although a painting has no open licence.
        private: make the repository private, if it is new.
        tag: a version that names the commit.

    Raises:
        DataError: paintings without an open licence.
        ArtExtractError: the Hub refuses, or cannot be reached.
    """
    # Publishing is a later stage than searching; this is the one import that goes forward.
    from artextract_hf.hub.index_repo import publish_index

    with tempfile.TemporaryDirectory(prefix="artextract-") as work:
        folder = Path(work) / "index"
        index.save_pretrained(folder)
        report = publish_index(folder, repo_id, allow_restricted=allow_restricted, private=private, tag=tag)
    return str(report["url"])

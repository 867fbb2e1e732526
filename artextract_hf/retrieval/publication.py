"""Publishing an index of any kind on the Hub."""

import tempfile
from pathlib import Path

from artextract_hf.retrieval.searchable import Searchable


class Publishable:
    """The `push_to_hub` of every index: what `save_pretrained` writes, with a card."""

    def push_to_hub(
        self: Searchable, repo_id: str, *, allow_restricted: bool = False, private: bool = False, tag: str = ""
    ) -> str:
        """Publish the index with a card; gives its address. `from_pretrained` reads it from there.

        Args:
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
            self.save_pretrained(folder)
            report = publish_index(folder, repo_id, allow_restricted=allow_restricted, private=private, tag=tag)
        return str(report["url"])

"""A painting index as a data set repository of the Hub: the folder of `PaintingIndex.save_pretrained`, with a card."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from artextract_hf.data.rights import ALLOW, is_open
from artextract_hf.errors import DataError
from artextract_hf.hub.card import index_card
from artextract_hf.hub.push import push_folder
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.storage import index_files

NOT_STATED = "not stated"


def publish_index(
    index: str | Path, repo_id: str, *, allow_restricted: bool = False, private: bool = False, tag: str = ""
) -> dict[str, Any]:
    """Write an index's repository and push it in one commit.

    Args:
        index: what `artextract index` or `save_pretrained` wrote.
        repo_id: `owner/name`.
        allow_restricted: publish also where a painting has no open licence.
        private: make the repository private where it is new.
        tag: a version that names the commit.

    Returns:
        What `write_index_repo` says, with the `url`.

    Raises:
        PaintingIndexError: no index, or a damaged one.
        DataError: paintings without an open licence.
        ArtExtractError: the Hub refused, or cannot be reached.
    """
    with tempfile.TemporaryDirectory(prefix="artextract-") as folder:
        report = write_index_repo(index, folder, repo_id=repo_id, allow_restricted=allow_restricted)
        return report | {"url": push_folder(folder, repo_id, kind="dataset", private=private, tag=tag)}


def write_index_repo(
    index: str | Path, folder: str | Path, *, repo_id: str, allow_restricted: bool = False
) -> dict[str, Any]:
    """Write the folder that is pushed.

    Returns:
        What `PaintingIndex.describe` says, `calibrated` (labels of which hits state a probability), `threshold`,
        `repo_id`, `rights` (works by licence) and `files`.
    """
    index, folder = Path(index), Path(folder)
    about = PaintingIndex.from_pretrained(index)  # every byte checked
    rights = dict(Counter(license or NOT_STATED for license in about.column("license")).most_common())
    restricted = sum(works for license, works in rights.items() if not is_open(license))
    if restricted and not allow_restricted:
        raise DataError(
            f"{restricted} of {len(about)} paintings have no open licence, and an index holds small pictures of them; "
            f"publish it with {ALLOW} if you may."
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name in index_files(index):
        shutil.copyfile(index / name, folder / name)
    facts = about.describe() | {"calibrated": list(about.calibration.curves), "threshold": about.threshold}
    index_card(facts, rights=rights, restricted=bool(restricted), repo_id=repo_id).save(folder / "README.md")
    files = sorted(path.name for path in folder.iterdir())
    return {**facts, "repo_id": repo_id, "rights": rights, "files": files}

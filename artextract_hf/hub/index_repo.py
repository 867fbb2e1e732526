"""An index as a data set repository of the Hub: the folder that its `save_pretrained` wrote, with a card.

Indexes of paintings, of regions and of faces are published alike. Their files are read here, and no index is loaded:
an index publishes itself by this module, so this module must not import it.
"""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from artextract_hf.data.parallel import ordered_map
from artextract_hf.data.pictures import check_picture
from artextract_hf.data.rights import ALLOW, is_open, least_open
from artextract_hf.data.words.licences import licences_of
from artextract_hf.errors import DataError, ImageError
from artextract_hf.hub.card import index_card
from artextract_hf.hub.repository import Repository, publish, refuse_links_out
from artextract_hf.retrieval.calibration import Calibration
from artextract_hf.retrieval.records import RecordTable
from artextract_hf.retrieval.storage import DIGESTS, KIND, PAINTINGS, read_description, read_records

NOT_STATED = "not stated"
FACES = "faces"
PAINTING = "painting"  # the column by which a record is that of a face
NO_FACTS = ("format", DIGESTS, "calibration")  # keys of the description that the report does not repeat


def publish_index(
    index: str | Path, repo_id: str, *, allow_restricted: bool = False, private: bool = False, tag: str = ""
) -> dict[str, Any]:
    """Publish an index; arguments are those of `index_repository` and `publish`.

    Returns:
        What `index_repository` names, and the `url`.

    Raises:
        PaintingIndexError: no index, or a damaged one.
        DataError: paintings without an open licence.
        ArtExtractError: the Hub refused, or cannot be reached.
    """
    return publish(index_repository(index, repo_id, allow_restricted=allow_restricted), private=private, tag=tag)


def index_repository(index: str | Path, repo_id: str, *, allow_restricted: bool = False) -> Repository:
    """An index as a repository.

    Its `write` reports what the `describe` of the index says, and `kind` (`paintings`, `regions` or `faces`),
    `calibrated` (labels of which hits state a probability), `threshold`, `repo_id`, `rights` (works by licence) and
    `files`.

    Args:
        index: what `artextract index`, `artextract index-regions` or a `save_pretrained` wrote.
        repo_id: `owner/name`.
        allow_restricted: publish also where a painting has no open licence.
    """

    def write(folder: Path) -> dict[str, Any]:
        return _write(Path(index), folder, repo_id, allow_restricted=allow_restricted)

    return Repository("dataset", repo_id, write, source=Path(index))


def _write(index: Path, folder: Path, repo_id: str, *, allow_restricted: bool) -> dict[str, Any]:
    """Write the files of an index's repository, after every byte of the index was checked.

    Raises:
        PaintingIndexError: no index, or a damaged one.
        DataError: paintings without an open licence, or small pictures that are none.
        ArtExtractError: links out of the folder.
    """
    about = read_description(index)
    refuse_links_out([index / name for name in about[DIGESTS]], index)
    records = read_records(index, about["count"])
    rights = _works_by_licence(records)
    restricted = sum(works for licence, works in rights.items() if not is_open(licence))
    if restricted and not allow_restricted:
        raise DataError(
            f"{restricted} of {sum(rights.values())} paintings have no open licence, and an index holds small pictures "
            f"of them; publish it with {ALLOW} if you may."
        )
    check_thumbnails(records, index)
    folder.mkdir(parents=True, exist_ok=True)
    for name in about[DIGESTS]:
        shutil.copyfile(index / name, folder / name)
    calibration = Calibration.from_json(about["calibration"]) if "calibration" in about else Calibration()
    facts = {key: value for key, value in about.items() if key not in NO_FACTS}
    facts |= {KIND: _kind(about, records), "calibrated": list(calibration.curves), "threshold": calibration.threshold}
    index_card(facts, rights=rights, restricted=bool(restricted), repo_id=repo_id).save(folder / "README.md")
    return {**facts, "repo_id": repo_id, "rights": rights, "files": sorted(path.name for path in folder.iterdir())}


def check_thumbnails(records: RecordTable, index: Path) -> None:
    """Refuse to publish as small pictures what cannot be decoded."""
    for id_, problem in zip(records.ids, ordered_map(_problem_of, records.contents()), strict=True):
        if problem:
            raise DataError(
                f"{index} is not published: of {id_} the small picture cannot be used ({problem}); build it again."
            )


def _problem_of(picture: bytes | None) -> str:
    try:
        if picture is not None:
            check_picture(picture)
    except ImageError as error:
        return str(error).removesuffix(".")
    return ""


def _kind(about: dict[str, Any], records: RecordTable) -> str:
    """What an index is of: `paintings`, `regions` or `faces`. A description may leave it out."""
    return str(about.get(KIND) or (FACES if PAINTING in records.fields.column_names else PAINTINGS))


def _works_by_licence(records: RecordTable) -> dict[str, int]:
    """Paintings by licence, the commonest first; one with several faces counts once, equal ones have equal rights."""
    columns = records.fields.column_names
    works = records.column(PAINTING) if PAINTING in columns else records.ids
    licences = licences_of(records.fields, records.contents())
    by_work = dict[Any, str]()
    for work, licence in zip(works, licences, strict=True):
        by_work[work] = least_open([by_work.get(work, ""), licence])
    return dict(Counter(licence or NOT_STATED for licence in by_work.values()).most_common())

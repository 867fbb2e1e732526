"""A prepared data set as a repository of the Hub: typed Parquet, splits as configurations, a card made from the data.

    data/<configuration>/<split>-00000-of-00001.parquet
    class_balance/<configuration>.png
    README.md

Rights decide what is written. Records with an open licence keep their picture; where a data set has some without, those
are left out and listed. Where none has one, every record is written with the address and the checksum of its picture
in the picture's place. `allow_restricted` writes all pictures, and the card says so. A record whose picture is missing
or damaged is left out and listed in any case.

Columns that the schema does not have, such as notes or further pictures of the work, go with the pictures. In place of
pictures only the schema's columns and classes are written: any other may hold a picture, in bytes, in lists or spelt as
a text.
"""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict, Value, concatenate_datasets

from artextract_hf.data.pictures import encoded_pictures, with_pictures
from artextract_hf.data.prepared import ALL, load_records, read_manifest
from artextract_hf.data.rights import is_cc0, is_open, keep_open
from artextract_hf.data.schema import SkipList, class_names, painting_features, tasks_of
from artextract_hf.data.sources.own_splits import baselines_on_val
from artextract_hf.data.statistics import FEW, describe
from artextract_hf.errors import DataError
from artextract_hf.evaluation.plots import draw_class_balance
from artextract_hf.hub.card import dataset_card
from artextract_hf.hub.repository import Repository, list_files, publish, refuse_links_out
from artextract_hf.version import __version__

SHARD_BYTES = 400_000_000
ROW_GROUP = 100  # records; what a reader that streams holds at a time
MAX_CLASS_NAME = 200  # characters
DEFAULT = "default"  # the configuration of a data set that names no split
BALANCE = "class_balance"  # folder of the pictures that show the works by class, one a configuration
PICTURES, REFERENCES = "pictures", "references"


def publish_dataset(
    source: str | Path, repo_id: str, *, allow_restricted: bool = False, private: bool = False, tag: str = ""
) -> dict[str, Any]:
    """Publish a data set; arguments are those of `dataset_repository` and `publish`.

    Returns:
        What `dataset_repository` names, and the `url`.

    Raises:
        DataError: the source cannot be used.
        ArtExtractError: the Hub refused, or cannot be reached.
    """
    return publish(dataset_repository(source, repo_id, allow_restricted=allow_restricted), private=private, tag=tag)


def dataset_repository(source: str | Path, repo_id: str, *, allow_restricted: bool = False) -> Repository:
    """A data set as a repository.

    Its `write` reports `repo_id`, `form` (`pictures` or `references`), `configurations` (rows by split), `left_out` and
    `files`.

    Args:
        source: what `artextract prepare` wrote, or a folder of such folders, one a configuration.
        repo_id: `owner/name`.
        allow_restricted: publish pictures without an open licence too.
    """

    def write(folder: Path) -> dict[str, Any]:
        return _write(Path(source), folder, repo_id, allow_restricted=allow_restricted)

    earlier = ["data/**", f"{BALANCE}*"]
    return Repository("dataset", repo_id, write, replaces=earlier, source=Path(source))


def _write(source: Path, folder: Path, repo_id: str, *, allow_restricted: bool) -> dict[str, Any]:
    """Write the files of a data set's repository.

    Raises:
        DataError: the source cannot be used.
        ArtExtractError: it holds links out of itself.
    """
    skipped = SkipList()
    prepared = _configurations(source)
    licenses = {license for _, splits, _ in prepared for part in splits.values() for license in part["license"]}
    form = PICTURES if allow_restricted or any(map(is_open, licenses)) else REFERENCES
    configurations: dict[str, dict[str, Any]] = {}
    overall, baselines, infos = {}, {}, []
    for name, splits, _ in prepared:
        parts = {
            "train" if split == ALL else split: _publishable(part, form, skipped, allow_restricted=allow_restricted)
            for split, part in splits.items()
        }  # `all` is a word of `datasets` itself
        configurations[name] = {split: describe(part) for split, part in parts.items()}
        overall[name] = describe(concatenate_datasets(list(parts.values())))
        baselines[name] = baselines_on_val(parts)  # of what is published; the manifest's are of all that was prepared
        sizes = {split: _write_split(part, folder / "data" / name, split) for split, part in parts.items()}
        infos.append(_info(name, parts, sizes))
    (folder / BALANCE).mkdir()
    for name, about in overall.items():
        draw_class_balance(about["classes"], folder / BALANCE / f"{name}.png")
    rights = {license for about in overall.values() for license in about["rights"]}
    facts = {
        "repo_id": repo_id,
        "version": __version__,
        "form": form,
        "total": max(facts["rows"] for facts in overall.values()),
        "configurations": configurations,
        "tasks": list(dict.fromkeys(task for facts in overall.values() for task in facts["labelled"])),
        "baselines": baselines,
        "seeds": {name: manifest.get("seed") for name, _, manifest in prepared},
        "overall": overall,
        "few": FEW,
        "restricted": form == PICTURES and not all(is_open(license) for license in rights),
        "left_out": len({item.path for item in skipped.items}),  # a record may be in several configurations
    }
    front = {**_license_of(rights), "configs": [_config(info, first=info is infos[0]) for info in infos]}
    dataset_card(facts, metadata={**front, "dataset_info": infos}).save(folder / "README.md")
    return {
        "repo_id": repo_id,
        "form": form,
        "configurations": {n: {s: f["rows"] for s, f in splits.items()} for n, splits in configurations.items()},
        "left_out": skipped.as_json(),
        "files": list_files(folder)["files"],
    }


def _configurations(source: Path) -> list[tuple[str, DatasetDict, dict[str, Any]]]:
    """(name, splits, manifest) of each configuration."""
    if not source.is_dir():
        raise DataError(f"{source} is not a folder.")
    folders = [source]
    if not (source / "dataset_dict.json").is_file() and not (source / "dataset_info.json").is_file():
        folders = sorted(path.parent for path in source.glob("*/dataset_dict.json")) or [source]
        others = [path for path in source.iterdir() if path.is_dir() and path not in folders and path.name[0] != "."]
        if folders != [source] and others:
            raise DataError(
                f"{min(others)} is no prepared data set, as others in {source} are; move it, or prepare it."
            )
    found = []
    for folder in folders:
        refuse_links_out([folder, *folder.rglob("*")], source)
        manifest = read_manifest(folder)
        name = manifest.get("split") or (DEFAULT if folder == source else folder.name)
        splits = load_records(folder)
        found.append((name, splits, manifest))
    if len({name for name, _, _ in found}) < len(found):
        raise DataError(f"{source} holds a configuration twice: {', '.join(name for name, _, _ in found)}.")
    return found


def _publishable(part: Dataset, form: str, skipped: SkipList, *, allow_restricted: bool) -> Dataset:
    """The records of a split that are published, in this form; those whose picture is missing or damaged are not.

    Raises:
        DataError: there is none.
    """
    if form == PICTURES and not allow_restricted:
        part = keep_open(part, skipped)
    whole = with_pictures(part, skipped)
    if not len(whole) and len(part):
        raise DataError(f"not one picture of a split can be decoded ({skipped.summary()}).")
    return _as_references(whole) if form == REFERENCES else whole


def _as_references(part: Dataset) -> Dataset:
    """Records of the schema's columns, with `image_url` and `image_sha256` (of the encoded picture) for `image`."""
    encoded = encoded_pictures(part.select_columns("image"))
    digests = [hashlib.sha256(row["image"]["bytes"]).hexdigest() for row in encoded]
    words = [
        name for name in (*painting_features(), *_own_tasks(part)) if name != "image" and name in part.column_names
    ]
    part = part.select_columns(words).add_column("image_url", part["source_url"], feature=Value("string"))
    return part.add_column("image_sha256", digests, feature=Value("string"))


def _own_tasks(part: Dataset) -> list[str]:
    """The columns of classes that the schema does not have, but for such whose names could hide a picture."""
    own = [task for task in tasks_of(part) if task not in painting_features()]
    return [task for task in own if all(len(name) <= MAX_CLASS_NAME for name in class_names(part, task))]


def _write_split(part: Dataset, folder: Path, split: str) -> int:
    """Write the shards of a split; their size in bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    shards = max(1, -(-part.data.nbytes // SHARD_BYTES))
    size = 0
    for index in range(shards):
        path = folder / f"{split}-{index:05d}-of-{shards:05d}.parquet"
        part.shard(shards, index, contiguous=True).to_parquet(path, batch_size=ROW_GROUP)
        size += path.stat().st_size
    return size


def _info(name: str, parts: Mapping[str, Dataset], sizes: Mapping[str, int]) -> dict[str, Any]:
    """`dataset_info` of a configuration, as the Hub's front matter holds it."""
    features = next(iter(parts.values())).features
    return {
        "config_name": name,
        "features": features._to_yaml_list(),
        "splits": [{"name": s, "num_bytes": part.data.nbytes, "num_examples": len(part)} for s, part in parts.items()],
        "download_size": sum(sizes.values()),
        "dataset_size": sum(part.data.nbytes for part in parts.values()),
    }


def _config(info: Mapping[str, Any], *, first: bool) -> dict[str, Any]:
    name = info["config_name"]
    files = [{"split": split["name"], "path": f"data/{name}/{split['name']}-*"} for split in info["splits"]]
    return {"config_name": name, "data_files": files, **({"default": True} if first else {})}


def _license_of(rights: Collection[str]) -> dict[str, str]:
    """The Hub's licence of the whole: CC0 where every work is, else `other` with a name."""
    if all(map(is_cc0, rights)):
        return {"license": "cc0-1.0"}
    return {"license": "other", "license_name": "see-the-column-license"}

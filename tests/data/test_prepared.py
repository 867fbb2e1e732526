"""A prepared data set: what stands in a folder is kept, and damage of any file is one error before it does harm."""

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict, Features, Value, load_from_disk

from artextract_hf.data.pictures import encoded_pictures
from artextract_hf.data.prepared import FILES, MANIFEST, load_prepared, read_manifest, read_prepared, write_prepared
from artextract_hf.data.schema import SkipList, new_record, painting_features
from artextract_hf.data.sources.collection import read_with_splits
from artextract_hf.digests import document_digest, file_digest
from artextract_hf.errors import DataError
from tests.conftest import plain_picture

FILE_KINDS = ("manifest.json", "dataset_dict.json", "state.json", "dataset_info.json", "data-00000-of-00001.arrow")


def paintings(*names: str) -> Dataset:
    records = [
        new_record(id=name, image=plain_picture((90, 40 * i, 20), (16, 12), seed=i), style=i, title=f"Number {i}")
        for i, name in enumerate(names)
    ]
    return Dataset.from_list(records, features=painting_features(styles=["Flat", "Round", "Square"]))


def write(folder: Path, **splits: Dataset) -> Path:
    write_prepared(DatasetDict(splits), {"source": "drawn", "split": "joint", "baselines": {}}, folder)
    return folder


@pytest.fixture(scope="module")
def splits() -> dict[str, Dataset]:
    return {"train": paintings("a", "b", "c"), "val": paintings("d")}


@pytest.fixture
def out(splits, tmp_path) -> Path:
    return write(tmp_path / "out", **splits)


def without_checksums(folder: Path) -> Path:
    (folder / MANIFEST).unlink()
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read_all(folder: Path) -> list:
    """Every value of every record: what a training would read."""
    return [list(encoded_pictures(split)) for split in load_prepared(folder).values()]


# --- writing --------------------------------------------------------------------------------------------------------


def test_the_manifest_lists_every_file(out):
    manifest = read_manifest(out)
    assert manifest["source"] == "drawn"
    files = {name: data for name, data in contents(out).items() if name != MANIFEST}
    assert set(files) == set(manifest[FILES]) - {MANIFEST} and len(files) == 7
    assert {name: (len(data), file_digest(out / name)) for name, data in files.items()} == {
        name: (entry["bytes"], entry["sha256"]) for name, entry in manifest[FILES].items() if name != MANIFEST
    }
    assert load_from_disk(out)["train"]["id"][:] == ["a", "b", "c"]  # others read it too


def test_what_is_prepared_anew_replaces_the_old_splits_only(out, splits):
    write(out, test=splits["val"])
    assert list(load_prepared(out)) == ["test"] and {p.name for p in out.iterdir()} == {
        "test",
        MANIFEST,
        "dataset_dict.json",
    }
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_data_set_may_be_prepared_onto_itself(out):
    write_prepared(load_prepared(out), {}, out)
    assert load_prepared(out)["train"]["id"][:] == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["../home/documents", "/tmp/documents", "..", "documents"])
def test_a_folder_that_names_others_deletes_nothing(splits, tmp_path, name):
    (tmp_path / "home/documents").mkdir(parents=True)
    (tmp_path / "home/documents/letter").write_text("mine")
    (tmp_path / "out/documents").mkdir(parents=True)
    (tmp_path / "out/documents/letter").write_text("mine")
    (tmp_path / "out/dataset_dict.json").write_text(json.dumps({"splits": [name]}))
    for manifest in ({}, {"artextract_hf": "0.1"}):
        (tmp_path / "out/manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(DataError, match="was not written by `artextract prepare`"):
            write(tmp_path / "out", **splits)
    assert (tmp_path / "home/documents/letter").is_file() and (tmp_path / "out/documents/letter").is_file()


@pytest.mark.parametrize("name", ["notes.txt", "train/notes.txt", "extra/state.txt"])
def test_other_files_in_the_folder_are_kept(out, splits, name):
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_text("mine")
    before = contents(out)
    with pytest.raises(DataError, match=f"{name} was not written by `artextract prepare`") as error:
        write(out, **splits)
    assert contents(out) == before and "\n" not in str(error.value)


def test_caches_of_the_data_set_go_with_it(out, splits):
    load_prepared(out)["train"].map(lambda record: {"title": "x"})
    assert list(out.rglob("cache-*.arrow"))
    write(out, **splits)
    assert not list(out.rglob("cache-*.arrow"))


def test_a_full_disk_leaves_the_old_data(out, splits, run_cli, tmp_path, limited_files):
    before = contents(out)
    with limited_files(3000), pytest.raises(OSError, match="File too large"):
        write(out, **splits)
    assert contents(out) == before and [path.name for path in tmp_path.iterdir()] == ["out"]
    (tmp_path / "museum").mkdir()
    plain_picture((9, 9, 9), (200, 200)).save(tmp_path / "museum/a.png")
    with limited_files(3000):
        code, _, err = run_cli("prepare", "collection", tmp_path / "museum", "--out", out)
    assert code == 2 and err.splitlines()[-1].startswith("artextract: ") and "File too large" in err
    assert "Traceback" not in err and contents(out) == before


def test_a_killed_run_leaves_the_old_data(out, splits, monkeypatch):
    before = contents(out)

    class KilledError(BaseException):
        """In place of SIGKILL."""

    def killed(*_: object) -> None:
        raise KilledError

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KilledError):
        write(out, **splits)
    assert contents(out) == before


# --- reading --------------------------------------------------------------------------------------------------------


def mutants(data: bytes, count: int, *, seed: int) -> list[bytes]:
    """Damaged copies: cut, a bit or bytes changed, a length changed, a piece moved, something behind."""
    rng, found = np.random.default_rng(seed), []
    for number in range(count):
        changed, at = bytearray(data), int(rng.integers(len(data)))
        match number % 6:
            case 0:
                del changed[at:]
            case 1:
                changed[at] ^= 1 << int(rng.integers(8))
            case 2:
                changed[at : at + 4] = rng.bytes(4)
            case 3:
                at -= at % 8
                changed[at : at + 8] = struct.pack("<q", int(rng.choice([-1, 2**31, 2**62, 7, 2**20])))
            case 4:
                piece = changed[at : at + 64]
                other = int(rng.integers(len(data)))
                changed[other : other + len(piece)] = piece
            case 5:
                changed[at:at] = rng.bytes(int(rng.integers(1, 64)))
        if changed != data:
            found.append(bytes(changed))
    return found


def check_mutants(folder: Path, name: str, count: int, *, seed: int) -> int:
    """How many mutants of a file are refused; the others read to the end, and nothing but a DataError is raised."""
    path, refused = next(path for path in sorted(folder.rglob(name))), 0
    whole = path.read_bytes()
    for mutant in mutants(whole, count, seed=seed):
        path.write_bytes(mutant)
        try:
            read_all(folder)
        except DataError as error:
            assert "\n" not in str(error)
            refused += 1
    path.write_bytes(whole)
    return refused


@pytest.mark.parametrize("name", FILE_KINDS)
def test_every_damage_is_found_by_the_checksums(out, name):
    """A manifest of the same content in other spaces is the same manifest; nothing else passes."""
    accepted = 60 - check_mutants(out, name, 60, seed=1)
    assert accepted == 0 or (name == MANIFEST and accepted < 3)


@pytest.mark.parametrize("name", FILE_KINDS[1:])
def test_damage_without_checksums_never_ends_the_process(out, name):
    check_mutants(without_checksums(out), name, 3, seed=2)


@pytest.mark.long
@pytest.mark.parametrize("name", FILE_KINDS[1:])
def test_much_damage_without_checksums_never_ends_the_process(out, name):
    check_mutants(without_checksums(out), name, 300, seed=3)


@pytest.mark.long
@pytest.mark.parametrize("name", FILE_KINDS)
def test_much_damage_behind_fresh_checksums_never_ends_the_process(out, name):
    """As somebody would who knows how the checksums are made."""
    path = next(path for path in sorted(out.rglob(name)))
    for mutant in mutants(path.read_bytes(), 300, seed=4):
        path.write_bytes(mutant)
        if name != MANIFEST:
            vouch(out)
        try:
            read_all(out)
        except DataError as error:
            assert "\n" not in str(error)


def vouch(folder: Path) -> None:
    """Make the checksums of a folder anew."""
    document = {key: value for key, value in read_manifest(folder).items() if key != FILES}
    names = [name for name in contents(folder) if name != MANIFEST]
    files = {name: {"bytes": (folder / name).stat().st_size, "sha256": file_digest(folder / name)} for name in names}
    files[MANIFEST] = {"sha256": document_digest(document)}
    (folder / MANIFEST).write_text(json.dumps({**document, FILES: files}))


def change(name: str, **values: object) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        document = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**document, **values}))

    return changed


def text(name: str, words: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(words)


HOSTILE = {
    "deep": text("train/dataset_info.json", "[" * 200_000),
    "deep object": text("train/state.json", '{"a":' * 100_000),
    "a list": text("train/state.json", "[]"),
    "a number": text("dataset_dict.json", "7"),
    "latin-1": lambda folder: (folder / "dataset_dict.json").write_bytes(b'{"splits": ["\xff"]}'),
    "splits are a text": change("dataset_dict.json", splits="train"),
    "splits are numbers": change("dataset_dict.json", splits=[1, 2]),
    "a split elsewhere": change("dataset_dict.json", splits=["../out/train"]),
    "no split": change("dataset_dict.json", splits=[]),
    "a split that is not there": change("dataset_dict.json", splits=["train", "test"]),
    "files elsewhere": change("train/state.json", _data_files=[{"filename": "../val/data-00000-of-00001.arrow"}]),
    "files are texts": change("train/state.json", _data_files=["data-00000-of-00001.arrow"]),
    "no files": change("train/state.json", _data_files=None),
    "a format that is none": change("train/state.json", _format_type={"a": 1}),
    "a fingerprint that is none": change("train/state.json", _format_columns=["nothing"]),
    "features are a list": change("train/dataset_info.json", features=["id"]),
    "features are missing": change("train/dataset_info.json", features={"id": {"_type": "Nothing"}}),
    "a missing file": lambda folder: (folder / "train/state.json").unlink(),
    "a pipe": lambda folder: ((folder / "train/state.json").unlink(), os.mkfifo(folder / "train/state.json")),
    "a device": lambda folder: (
        (folder / "train/state.json").unlink(),
        (folder / "train/state.json").symlink_to("/dev/zero"),
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_documents_are_one_error(out, kind):
    HOSTILE[kind](without_checksums(out))
    with pytest.raises(DataError) as error:
        load_prepared(out)
    assert "\n" not in str(error.value) and str(out) in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"style": Value("string")}, "column style .* holds Value"),
        ({"id": Value("int64")}, "column id .* holds Value"),
        ({"image": Value("string")}, "column image .* holds Value"),
    ],
)
def test_columns_of_another_type_are_refused(splits, tmp_path, change, message):
    rows = [{"style": "x", "id": 1, "image": "a"} | {"title": "t"}]
    features = Features({"style": Value("string"), "id": Value("int64"), "image": Value("string")} | change)
    table = Dataset.from_list(rows).select_columns(list(change)).cast(Features({n: features[n] for n in change}))
    table.save_to_disk(tmp_path / "out")
    with pytest.raises(DataError, match=message):
        load_prepared(tmp_path / "out")


def rewritten(folder: Path, **columns: pa.Array) -> Path:
    """The first split with other columns, its checksums made anew."""
    path = folder / "train/data-00000-of-00001.arrow"
    with pa.ipc.open_stream(path.read_bytes()) as stream:
        table = stream.read_all()
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), values.cast(table.schema.field(name).type))
    with pa.ipc.new_stream(str(path), table.schema) as stream:
        stream.write_table(table)
    vouch(folder)
    return folder


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret.png", "inside.png", "https://example.org/a.png"])
def test_a_picture_that_is_only_a_path_is_refused(out, path):
    cells = [{"bytes": None, "path": path}, {"bytes": b"", "path": None}, {"bytes": None, "path": None}]
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    with pytest.raises(DataError, match="holds no picture of .* only its path"):
        load_prepared(rewritten(out, image=pa.array(cells, kind)))


@pytest.mark.parametrize("label", [3, -2, 2**40])
def test_a_label_without_a_class_is_refused(out, label):
    with pytest.raises(DataError, match="labels without a class"):
        load_prepared(rewritten(out, style=pa.array([0, label, None], pa.int64())))


def test_a_file_that_the_manifest_does_not_list_is_not_read(out):
    shutil.copytree(out / "val", out / "test")
    change("dataset_dict.json", splits=["train", "val", "test"])(out)
    manifest = json.loads((out / MANIFEST).read_text())
    manifest[FILES]["dataset_dict.json"] = {
        "bytes": (out / "dataset_dict.json").stat().st_size,
        "sha256": file_digest(out / "dataset_dict.json"),
    }
    (out / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="is not of this data set"):
        load_prepared(out)


@pytest.mark.parametrize("manifest", [[], {"split": "../../x"}, {"split": 3}, {"baselines": []}])
def test_a_manifest_of_another_shape_is_refused(out, manifest):
    (out / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="manifest.json is"):
        load_prepared(out)


@pytest.mark.parametrize("name", ["train", "train/data-00000-of-00001.arrow", "train/state.json", "dataset_dict.json"])
def test_links_to_other_data_are_refused(out, tmp_path, name):
    without_checksums(out)
    (tmp_path / "other").mkdir()
    (out / name).rename(tmp_path / "other/moved")
    (out / name).symlink_to(tmp_path / "other/moved")
    with pytest.raises(DataError, match="lies outside the data set") as error:
        load_prepared(out)
    assert "\n" not in str(error.value)
    (tmp_path / "other/moved").rename(out / "moved")
    (out / name).unlink()
    (out / name).symlink_to(out / "moved")
    assert len(read_all(out)) == 2


def test_a_format_that_was_saved_with_a_data_set_does_not_count(splits, tmp_path):
    splits["train"].with_format("numpy", columns=["title"]).save_to_disk(tmp_path / "out")
    assert read_all(tmp_path / "out") == [list(encoded_pictures(splits["train"]))]
    assert len(read_prepared(tmp_path / "out", SkipList())) == 3


def test_splits_that_do_not_fit_together_are_one_error(tmp_path):
    other = Dataset.from_list([new_record(id="x", image=None)], features=painting_features(styles=["Other"]))
    write(tmp_path / "out", train=paintings("a"), val=other)
    with pytest.raises(DataError, match="the splits do not fit together"):
        read_prepared(tmp_path / "out", SkipList())


def test_a_data_set_of_the_library_itself_is_read(splits, tmp_path):
    splits["train"].save_to_disk(tmp_path / "one")
    assert read_all(tmp_path / "one") == [list(encoded_pictures(splits["train"]))]
    DatasetDict(splits).save_to_disk(tmp_path / "two", num_shards={"train": 2, "val": 1})
    assert len(read_all(tmp_path / "two")[0]) == 3


def test_a_painting_in_two_splits_has_the_rights_that_both_state(splits, tmp_path):
    record = splits["train"][0] | {"id": "twice"}
    features = splits["train"].features
    sides = {"train": "CC0", "val": "In copyright"}
    parts = {name: Dataset.from_list([record | {"license": text}], features=features) for name, text in sides.items()}
    write_prepared(DatasetDict(parts), {}, tmp_path / "twice")
    (found,) = read_prepared(tmp_path / "twice", SkipList())
    assert found["license"] == "In copyright"


def test_what_is_closed_in_one_split_of_the_hub_is_closed_in_the_other(tmp_path):
    image = encoded_pictures(paintings("a"))[0]["image"]
    (tmp_path / "museum/data").mkdir(parents=True)
    for split, text in (("train", "CC0"), ("test", "CC BY-NC")):
        pq.write_table(pa.table({"image": [image], "license": [text]}), tmp_path / f"museum/data/{split}.parquet")
    assert read_with_splits(tmp_path / "museum", SkipList())[0]["license"][:] == ["CC BY-NC"] * 2

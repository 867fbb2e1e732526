"""The repository that is published, read by the real `datasets`, and pushed by the real client to a loopback Hub."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from datasets import (
    Dataset,
    DatasetDict,
    Features,
    Image,
    List,
    Value,
    concatenate_datasets,
    get_dataset_config_names,
    load_dataset,
)
from huggingface_hub import DatasetCard

from artextract_hf.data.decode import decode_image
from artextract_hf.data.prepared import load_prepared, write_prepared
from artextract_hf.data.rights import ALLOW
from artextract_hf.data.schema import SkipList, make_dataset, new_record, painting_features
from artextract_hf.data.sources.collection import load_collection
from artextract_hf.data.statistics import describe
from artextract_hf.data.wikiart.release import WikiArtOptions, read_wikiart
from artextract_hf.errors import ArtExtractError, DataError
from artextract_hf.hub.dataset_repo import dataset_repository
from tests.conftest import plain_picture
from tests.hub.loopback_hub import LoopbackHub
from tests.hub.loopback_repo import TOKEN, Fault, Repo

REPO = "somebody/paintings"


def jpeg(seed):
    data = io.BytesIO()
    plain_picture((seed * 40 % 256, 90, 120), seed=seed).save(data, "JPEG")
    return data.getvalue()


def prepared(folder, *licenses, manifest=None):
    records = [
        new_record(
            id=f"m/{i}.jpg",
            image={"path": f"{i}.jpg", "bytes": jpeg(i)},
            style=i % 2,
            artist_name="Ann" if i else "",
            year=1900 + i if i else None,
            license=license,
            source_url=f"https://museum.example/{i}",
        )
        for i, license in enumerate(licenses)
    ]
    features = painting_features(styles=["Flat", "Round"], genres=["sea"], artists=["Ann"])
    half = len(records) // 2
    parts = {"train": make_dataset(records[:half], features), "val": make_dataset(records[half:], features)}
    write_prepared(DatasetDict(parts), manifest or {}, folder)
    return folder


def read(folder, *arguments, cache, **options):
    return load_dataset(str(folder), *arguments, cache_dir=str(cache), **options)


def test_streamed_and_read_whole_it_is_what_was_prepared(tmp_path):
    source = prepared(tmp_path / "in", *["CC0"] * 6)
    report = dataset_repository(source, REPO).write(tmp_path / "repo")
    assert report["form"] == "pictures" and report["configurations"] == {"default": {"train": 3, "val": 3}}
    whole = read(tmp_path / "repo", cache=tmp_path / "cache")
    assert whole["train"].features == painting_features(styles=["Flat", "Round"], genres=["sea"], artists=["Ann"])
    stored = whole["val"].cast_column("image", Image(decode=False))
    assert [row["image"]["bytes"] for row in stored] == [jpeg(i) for i in (3, 4, 5)]
    streamed = list(read(tmp_path / "repo", cache=tmp_path / "cache", split="val", streaming=True))
    for row, same in zip(streamed, whole["val"], strict=True):
        assert row["image"].mode == "RGB" and (np.asarray(row["image"]) == np.asarray(same["image"])).all()
        assert {k: v for k, v in row.items() if k != "image"} == {k: v for k, v in same.items() if k != "image"}


def test_splits_are_configurations(tiny_wikiart, tmp_path):
    for split in ("official", "joint"):
        wikiart = read_wikiart(tiny_wikiart, WikiArtOptions(split), skipped=SkipList())
        write_prepared(wikiart.splits, wikiart.manifest, tmp_path / "in" / split)
    report = dataset_repository(tmp_path / "in", REPO, allow_restricted=True).write(tmp_path / "repo")
    assert report["configurations"] == {"official": {"train": 5, "val": 4}, "joint": {"train": 4, "val": 4}}
    assert set(get_dataset_config_names(str(tmp_path / "repo"))) == {"official", "joint"}
    joint = read(tmp_path / "repo", "joint", cache=tmp_path / "cache", split="train", streaming=True)
    assert len(list(joint)) == 4
    card = (tmp_path / "repo/README.md").read_text(encoding="utf-8")
    assert "| `joint` | `val` | 4 |" in card and "the commonest class of the artist" in card


def test_pictures_that_may_not_be_shared_become_addresses_and_checksums(tiny_wikiart, tmp_path):
    wikiart = read_wikiart(tiny_wikiart, WikiArtOptions("joint"), skipped=SkipList())
    write_prepared(wikiart.splits, wikiart.manifest, tmp_path / "in")
    report = dataset_repository(tmp_path / "in", REPO).write(tmp_path / "repo")
    assert report["form"] == "references"
    rows = read(tmp_path / "repo", "joint", cache=tmp_path / "cache", split="train")
    assert "image" not in rows.column_names and rows[0]["image_url"].startswith("https://www.wikiart.org/")
    assert all(len(digest) == 64 for digest in rows["image_sha256"])
    assert not any(b"JFIF" in path.read_bytes() for path in (tmp_path / "repo").rglob("*.parquet"))
    assert "address and checksum only" in (tmp_path / "repo/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("license", "left"), [("In Copyright", []), ("CC0", ["notes", "views"])])
def test_further_columns_go_out_with_open_pictures_only(tmp_path, license, left):
    splits = load_prepared(prepared(tmp_path / "in", *[license] * 2))
    further = Features({"notes": Value("string"), "views": List({"large": Image(decode=False)})})
    rows = {"notes": ["a note"], "views": [[{"large": {"bytes": jpeg(9), "path": None}}]]}
    parts = {n: concatenate_datasets([s, Dataset.from_dict(rows, further)], axis=1) for n, s in splits.items()}
    DatasetDict(parts).save_to_disk(tmp_path / "more")
    dataset_repository(tmp_path / "more", REPO).write(tmp_path / "repo")
    rows = read(tmp_path / "repo", cache=tmp_path / "cache", split="train")
    assert [name for name in rows.column_names if name in further] == left
    assert set(rows.column_names) >= painting_features().keys() - {"image"}
    assert bool(left) == any(jpeg(9) in path.read_bytes() for path in (tmp_path / "repo").rglob("*.parquet"))


def test_of_a_mixed_collection_what_is_not_open_is_left_out(tmp_path):
    source = prepared(tmp_path / "in", "CC0", "In Copyright", "CC BY 4.0", "")
    report = dataset_repository(source, REPO).write(tmp_path / "repo")
    assert report["configurations"] == {"default": {"train": 1, "val": 1}}
    assert [item["path"] for item in report["left_out"]] == ["m/1.jpg", "m/3.jpg"]
    assert all(ALLOW in item["reason"] for item in report["left_out"])
    everything = dataset_repository(source, REPO, allow_restricted=True).write(tmp_path / "all")
    assert everything["configurations"] == {"default": {"train": 2, "val": 2}} and not everything["left_out"]
    assert "at the publisher's request" in (tmp_path / "all/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("license", "form"), [("CC0", "pictures"), ("In Copyright", "references")])
def test_records_without_a_whole_picture_are_left_out_and_listed(tmp_path, license, form):
    whole = load_prepared(prepared(tmp_path / "in", *[license] * 8))
    for number, picture in enumerate([None, {"path": None, "bytes": b""}, {"path": "x.jpg", "bytes": jpeg(9)[:400]}]):
        records = list(whole["train"].cast_column("image", Image(decode=False)))
        records[2]["image"] = picture
        damaged = make_dataset(records, whole["train"].features)
        DatasetDict({"train": damaged, "val": whole["val"]}).save_to_disk(source := tmp_path / f"saved {number}")
        report = dataset_repository(source, REPO).write(tmp_path / f"repo {number}")
        assert report["form"] == form and report["configurations"] == {"default": {"train": 3, "val": 4}}
        (left_out,) = report["left_out"]
        assert left_out["path"] == "m/2.jpg" and ("no picture" if number < 2 else "cut short") in left_out["reason"]
        published = read(tmp_path / f"repo {number}", cache=tmp_path / "cache")["train"]
        assert published["id"][:] == ["m/0.jpg", "m/1.jpg", "m/3.jpg"]


def test_a_split_without_any_picture_is_not_published(tmp_path):
    whole = load_prepared(prepared(tmp_path / "in", "CC0", "CC0"))["val"].cast_column("image", Image(decode=False))
    make_dataset([dict(row, image=None) for row in whole], whole.features).save_to_disk(tmp_path / "saved")
    with pytest.raises(DataError, match="not one picture"):
        dataset_repository(tmp_path / "saved", REPO).write(tmp_path / "repo")


def test_the_card_says_what_the_data_say(tmp_path):
    source = prepared(tmp_path / "in", *["CC0"] * 4)
    dataset_repository(source, REPO).write(tmp_path / "repo")
    card = DatasetCard.load(tmp_path / "repo/README.md")
    assert card.data.license == "cc0-1.0" and card.data.size_categories == ["n<1K"]
    assert [config["config_name"] for config in card.data.to_dict()["configs"]] == ["default"]
    facts = describe(read(tmp_path / "repo", cache=tmp_path / "cache", split="train+val"))
    assert f"{100 * facts['undated']:.1f} % are undated, {100 * facts['unattributed']:.1f} % unattributed" in card.text
    assert f"{facts['rows']} works by {facts['artists']['number']} known artists" in card.text
    assert "| CC0 | 4 |" in card.text
    with decode_image((tmp_path / "repo/class_balance/default.png").read_bytes()) as plot:
        assert plot.width > 300


def test_the_command_writes_without_pushing(run_cli, tmp_path):
    source = prepared(tmp_path / "in", *["CC0"] * 4)
    code, out, _ = run_cli("publish", "dataset", source, REPO, "--dry-run", "--out", tmp_path / "repo", "--json")
    assert code == 0
    assert set(json.loads(out)["files"]) == {
        "README.md",
        "class_balance/default.png",
        "data/default/train-00000-of-00001.parquet",
        "data/default/val-00000-of-00001.parquet",
    }
    assert run_cli("publish", "dataset", source, REPO, "--dry-run")[0] == 2
    assert run_cli("publish", "dataset", tmp_path / "nowhere", REPO, "--dry-run", "--out", tmp_path / "x")[0] == 2


def test_links_out_of_a_data_set_are_not_published(tmp_path):
    folder = prepared(tmp_path / "all/in", *["CC0"] * 4)
    elsewhere = prepared(tmp_path / "elsewhere", *["CC0"] * 4)
    (folder.parent / "more").symlink_to(elsewhere)
    with pytest.raises(ArtExtractError, match="more is a link out of"):
        dataset_repository(folder.parent, REPO).write(tmp_path / "repo")
    (arrow := next(folder.rglob("*.arrow"))).unlink()
    arrow.symlink_to(elsewhere / arrow.relative_to(folder))
    with pytest.raises(ArtExtractError, match=r"arrow is a link out of"):
        dataset_repository(folder, REPO).write(tmp_path / "repo")


def test_the_command_writes_a_new_folder_only(run_cli, tmp_path):
    source, out = prepared(tmp_path / "in", *["CC0"] * 4), tmp_path / "repo"
    command = ("publish", "dataset", source, REPO, "--dry-run", "--out", out)
    (tmp_path / "home").mkdir()
    out.mkdir()
    assert run_cli(*command)[0] == 0
    shutil.rmtree(out / "data")
    (out / "data").symlink_to(tmp_path / "home")
    code, _, err = run_cli(*command)
    assert code == 2 and f"{out} is not empty" in err and err.count("\n") == 1
    assert not any((tmp_path / "home").iterdir())
    assert not list(tmp_path.glob(".*"))


def test_no_folder_in_what_is_published_and_no_tag_that_git_refuses(run_cli, tmp_path):
    source = prepared(tmp_path / "in", *["CC0"] * 4)
    command = ("publish", "dataset", source, REPO, "--dry-run", "--out")
    code, _, err = run_cli(*command, source / "deep" / "repo")
    assert code == 2 and f"lies in {source}, which is published" in err and not (source / "deep").exists()
    for tag in ("../../x", "v1..2", "v 1", "-v", "v.lock", "x" * 200):
        code, _, err = run_cli(*command, tmp_path / "repo", f"--tag={tag}")
        assert code == 2 and "is no name of a version" in err and not (tmp_path / "repo").exists()


def test_the_real_client_pushes_it_in_one_commit(hub, tmp_path):
    source = prepared(tmp_path / "in", *["CC0"] * 4)
    environment = os.environ | hub.environment(tmp_path / "home")
    command = [sys.executable, "-m", "artextract_hf.cli", "publish", "dataset", str(source), REPO, "--json"]
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    repo = hub.repo(REPO, "datasets")
    assert len(repo.commits) == 2 and set(repo.files) == {*report["files"], ".gitattributes"}
    dataset_repository(source, REPO).write(tmp_path / "same")
    for name in report["files"]:
        if name.endswith(".parquet"):
            assert repo.files[name] == (tmp_path / "same" / name).read_bytes()
    for name, data in repo.files.items():
        (tmp_path / "pulled" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pulled" / name).write_bytes(data)
    assert len(read(tmp_path / "pulled", cache=tmp_path / "cache", split="train")) == 2
    assert TOKEN not in done.stdout + done.stderr
    assert not any(TOKEN.encode() in data for data in repo.files.values())


FAULTS = {
    "none": [],
    "429 on the commit": [Fault("POST .*/commit/", 429, retry_after=0)],
    "412 on the commit": [Fault("POST .*/commit/", 412)],
    "answer of the commit lost": [Fault("POST .*/commit/", "lost")],
    "429 while reading": [Fault("GET .*/resolve/.*parquet", 429, retry_after=0)],
    "slow while reading": [Fault("GET .*/resolve/.*parquet", "slow")],
}
PUSH = """
    from artextract_hf.hub import publish_dataset
    for repo_id in {repos}:
        publish_dataset("{source}", repo_id, tag="v1")
"""
READ = """
    import hashlib, json
    from datasets import Image, load_dataset
    def rows(repo_id, streaming):
        split = load_dataset(repo_id, split="val", streaming=streaming, revision="v1")
        for row in split.cast_column("image", Image(decode=False)):
            yield [row["id"], row["style"], hashlib.sha256(row["image"]["bytes"]).hexdigest()]
    print(json.dumps([[list(rows(repo_id, streaming)) for streaming in (False, True)] for repo_id in {repos}]))
"""
COLLECT = """
    import json
    from artextract_hf.data import load_collection
    from artextract_hf.errors import DataError
    def collect(repo_id):
        try:
            return list(load_collection(repo_id)["id"])
        except DataError as error:
            return str(error)
    print(json.dumps([collect(repo_id) for repo_id in {repos}]))
"""


def run_code(hub, home, code):
    command, environment = [sys.executable, "-c", textwrap.dedent(code)], os.environ | hub.environment(home)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def round_trips(tmp_path_factory):
    """By fault: the repository that one process pushed to, and what another read there, whole and streamed."""
    folder, hub = tmp_path_factory.mktemp("round_trips"), LoopbackHub().start()
    repos = {fault: f"{REPO}-{number}" for number, fault in enumerate(FAULTS)}
    hub.faults = [
        replace(fault, where=fault.where.replace(".*", f".*/{repos[name]}", 1))
        for name, faults in FAULTS.items()
        for fault in faults
    ]
    source = prepared(folder / "in", *["CC0"] * 6)
    run_code(hub, folder / "writer", PUSH.format(repos=list(repos.values()), source=source))
    found = json.loads(run_code(hub, folder / "reader", READ.format(repos=list(repos.values()))).splitlines()[-1])
    assert all(fault.times == 0 for fault in hub.faults)  # it did meet them
    hub.stop()
    return {
        name: (hub.repo(repo_id, "datasets"), rows) for (name, repo_id), rows in zip(repos.items(), found, strict=True)
    }


@pytest.mark.parametrize("fault", FAULTS)
def test_read_from_the_hub_whole_and_streamed_under_every_fault(round_trips, fault):
    repo, (whole, streamed) = round_trips[fault]
    assert len(repo.commits) == 2
    expected = [[f"m/{i}.jpg", i % 2, hashlib.sha256(jpeg(i)).hexdigest()] for i in (3, 4, 5)]
    assert whole == streamed == expected


def test_a_collection_of_the_hub_is_what_its_repository_holds(hub, tmp_path):
    """Not what its card names elsewhere; and no file of it is parsed before it was checked."""
    dataset_repository(prepared(tmp_path / "in", *["CC0"] * 4), REPO).write(tmp_path / "repo")
    files = {p.relative_to(tmp_path / "repo").as_posix(): p for p in (tmp_path / "repo").rglob("*") if p.is_file()}
    whole = {name: path.read_bytes() for name, path in files.items()}
    elsewhere = prepared(tmp_path / "elsewhere", *["CC0"] * 2)
    read(tmp_path / "repo", cache=tmp_path / "cache", split="train").to_parquet(elsewhere / "mine.parquet")
    card = "---\nconfigs:\n- config_name: default\n  data_files: {}\n---\n"
    changes = {
        "whole": {},
        "of-this-machine": {"README.md": card.format(elsewhere / "mine.parquet").encode()},
        "of-another": {"README.md": card.format(f"{hub.url}/mine.parquet").encode()},
        "damaged": {name: data[:-900] + bytes(900) for name, data in whole.items() if "train" in name},
    }
    for name, changed in changes.items():
        repo_id = f"somebody/{name}"
        hub.repos.setdefault(("datasets", repo_id), Repo("datasets", repo_id)).commit(whole | changed)
    found = run_code(hub, tmp_path / "reader", COLLECT.format(repos=[f"somebody/{name}" for name in changes]))
    ids, machine, address, damaged = json.loads(found.splitlines()[-1])
    assert len(ids) == 4 and all(id_.startswith("somebody/whole/") for id_ in ids)
    assert "lies outside the collection" in machine and "names the address" in address
    assert "cannot be read as a data set" in damaged and damaged.count("\n") == 0
    assert not any("mine.parquet" in asked for asked in hub.asked)


def test_a_hub_that_refuses_is_one_clear_line(tmp_path):
    source = prepared(tmp_path / "in", *["CC0"] * 2)
    environment = os.environ | {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0", "HF_TOKEN": "hf_x"}
    command = [sys.executable, "-m", "artextract_hf.cli", "publish", "dataset", str(source), REPO]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 2 and last.startswith("artextract: somebody/paintings could not be published")


@pytest.mark.parametrize(
    ("column", "value"),
    [("credit_line", "\u00a9 Ann, all rights reserved"), ("Rights", "In copyright"), ("open_access", "False")],
)
def test_what_other_columns_state_of_the_rights_counts(tmp_path, column, value):
    """Of data that `datasets` saved, in which nobody has compared the columns yet."""
    splits = load_prepared(prepared(tmp_path / "in", *["CC0"] * 4))
    for name, part in splits.items():
        old = part.remove_columns(column) if column in part.column_names else part
        splits[name] = old.add_column(column, [value, *[""] * (len(part) - 1)])
    splits.save_to_disk(tmp_path / "saved")
    report = dataset_repository(tmp_path / "saved", REPO).write(tmp_path / "repo")
    assert [item["path"] for item in report["left_out"]] == ["m/0.jpg", "m/2.jpg"]
    assert sum(license != "CC0" for license in load_collection(tmp_path / "saved")["license"]) == 2


def test_a_folder_that_is_no_data_set_among_others_is_refused(tmp_path):
    for name in ("good", "bad"):
        prepared(tmp_path / "in" / name, *["CC0"] * 2)
    (tmp_path / "in/bad/dataset_dict.json").unlink()
    with pytest.raises(DataError, match="bad is no prepared data set"):
        dataset_repository(tmp_path / "in", REPO).write(tmp_path / "repo")


def test_the_card_tells_of_what_is_published_and_of_every_configuration(tmp_path):
    """By records whose style alternates: of four of `b` the two of the second class are left out."""
    prepared(tmp_path / "in/a", *["CC0"] * 4)
    stated = {"style": {"majority": 0.123, "artist_oracle": 0.456, "n": 789}}
    licenses = ["CC BY 4.0", "In Copyright"] * 2
    prepared(tmp_path / "in/b", *licenses, manifest={"baselines": stated, "seed": 5})
    report = dataset_repository(tmp_path / "in", REPO).write(tmp_path / "repo")
    assert len(report["left_out"]) == 2
    card = DatasetCard.load(tmp_path / "repo/README.md")
    assert card.data.license == "other"
    assert (
        "| `a` | CC0 | 4 |" in card.text and "| `b` | CC BY 4.0 | 2 |" in card.text and "In Copyright" not in card.text
    )
    assert "on `val` of `a`, percent" in card.text and "on `val` of `b` (seed 5), percent" in card.text
    lines = [line for line in card.text.splitlines() if line.startswith("| style |")]
    # `a` learns from both classes (ties go to the first) and is right on one of two; `b` has one class, and no artist
    assert [line.split("|")[2:4] for line in lines] == [[" 2 ", " 50.0 "], [" 1 ", " 100.0 "]]
    for name in ("a", "b"):
        assert f"![Works by class in {name}](class_balance/{name}.png)" in card.text
        assert (tmp_path / f"repo/class_balance/{name}.png").is_file()
    assert "789" not in card.text and "2 records without an open licence" in card.text

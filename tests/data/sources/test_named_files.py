"""Files are found by the names that lists of other systems give them, and refused outside of their folder."""

import unicodedata

import pytest

from artextract_hf.data.sources.named_files import NamedFiles, is_inside, refuse_outside
from artextract_hf.errors import ImageError

NFC, NFD = (unicodedata.normalize(form, "Dürer_Händel.jpg") for form in ("NFC", "NFD"))


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "m"
    (root / "images").mkdir(parents=True)
    (tmp_path / "secret.jpg").touch()
    return root


@pytest.mark.parametrize(
    ("name", "on_disk"),
    [
        ("images/a.jpg", "images/a.jpg"),
        ("./images//a.jpg", "images/a.jpg"),
        ("images\\a.jpg", "images/a.jpg"),
        (".\\images\\a.jpg", "images/a.jpg"),
        ("IMAGES\\A.JPG", "images/a.jpg"),
        (f"images/{NFC}", f"images/{NFD}"),
        (f"images/{NFD}", f"images/{NFC}"),
        (f"images\\{NFC}", f"images/{NFD}"),
        ("images/a\\b.jpg", "images/a\\b.jpg"),  # a name that holds a back slash is found as it is
    ],
)
def test_a_name_that_is_spelt_otherwise_is_the_same_file(folder, name, on_disk):
    (folder / on_disk).touch()
    assert NamedFiles(folder).find(name) == folder / on_disk


def test_of_two_files_that_differ_in_their_spelling_only_the_exact_one_counts(folder):
    for name in ("A.jpg", "a.jpg", NFC, NFD):
        (folder / name).touch()
    files = NamedFiles(folder)
    assert [files.find(name).name for name in ("A.jpg", "a.jpg", NFC, NFD)] == ["A.jpg", "a.jpg", NFC, NFD]
    assert not files.find("a.JPG").exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("https://museum.example/a.jpg", "is an address"),
        ("FILE:///etc/passwd", "is an address"),
        ("C:\\pictures\\a.jpg", "Windows"),
        ("\\\\server\\share\\a.jpg", "Windows"),
        ("a\0.jpg", "no such file"),
    ],
)
def test_what_is_no_file_of_this_machine_is_refused(folder, name, reason):
    with pytest.raises(ImageError, match=reason):
        NamedFiles(folder).find(name)


@pytest.mark.parametrize("name", ["../secret.jpg", "..\\secret.jpg", "/etc/passwd", "images/../../secret.jpg", ".."])
def test_a_name_that_leads_outside_is_refused(folder, name):
    path = NamedFiles(folder).find(name)
    with pytest.raises(ImageError, match="lies outside the collection .*--allow-outside takes it in"):
        refuse_outside(path, folder)


def test_links_are_followed_before_a_path_is_judged(folder):
    (folder / "images/a.jpg").touch()
    (folder / "inside.jpg").symlink_to("images/a.jpg")
    (folder / "outside.jpg").symlink_to("../secret.jpg")
    (folder / "chain.jpg").symlink_to("outside.jpg")
    (folder / "up").symlink_to("..")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    inside = {path.name: is_inside(path, folder) for path in folder.iterdir()}
    assert inside == {
        "images": True,
        "inside.jpg": True,
        "loop.jpg": True,
        "outside.jpg": False,
        "chain.jpg": False,
        "up": False,
    }
    files = NamedFiles(folder)
    assert {path.name: files.hold(path) for path in folder.iterdir()} == inside
    assert not files.hold(folder / "up/secret.jpg") and files.hold(folder / "up/m/images/a.jpg")
    assert not is_inside(folder / "up/secret.jpg", folder) and is_inside(folder / "up/m/images/a.jpg", folder)
    assert not is_inside(folder.with_name("m2"), folder)  # a name that begins alike

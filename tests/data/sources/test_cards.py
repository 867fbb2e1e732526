"""What the card of a data set states of its rights counts beside what its rows do."""

import pytest

from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.collection import read_collection
from artextract_hf.errors import DataError
from tests.data.sources.test_tables import png, write_table


def noted(skipped):
    return {item.path: item.reason for item in skipped.items}


CC0_AND_NONE = {
    "image": [{"bytes": png(1), "path": "1.png"}, {"bytes": png(2), "path": "2.png"}],
    "license": ["CC0", ""],
}


@pytest.mark.parametrize(
    ("card", "licenses", "closed"),
    [
        ("license: cc-by-nc-4.0", ["cc-by-nc-4.0"] * 2, 1),
        ("license:\n- cc0-1.0\n- cc-by-nc-4.0", ["cc-by-nc-4.0"] * 2, 1),
        ("license: other\nlicense_name: in-copyright\nlicense_link: LICENSE", ["in-copyright"] * 2, 1),
        (
            "license: unknown\nlicense_details: Data files \u00a9 Original Authors",
            ["Data files \u00a9 Original Authors"] * 2,
            1,
        ),
        ("license: cc0-1.0", ["CC0", "cc0-1.0"], 0),
        ("license: other\nlicense_name: see-the-column-license", ["CC0", "other"], 0),
        ("license: unknown", ["CC0", "unknown"], 0),
        ("dataset_info:\n  license: cc-by-nc-4.0", ["cc-by-nc-4.0"] * 2, 1),
        ("license: cc0-1.0\ndataset_info:\n- license: other\n  license_name: nc", ["nc"] * 2, 1),
        ("configs: [{config_name: default, license: cc-by-nc-4.0}]", ["cc-by-nc-4.0"] * 2, 1),
        ("license: {name: cc-by-nc-4.0}", ["cc-by-nc-4.0"] * 2, 1),
        ("license: [{name: cc-by-nc-4.0}]", ["cc-by-nc-4.0"] * 2, 1),
        (
            "license: cc0-1.0\nlicense_link: https://creativecommons.org/licenses/by-nc/4.0/",
            ["https://creativecommons.org/licenses/by-nc/4.0/"] * 2,
            1,
        ),
        ("license: cc0-1.0\nlicense_link: LICENSE", ["CC0", "cc0-1.0"], 0),
        ("description: All rights reserved", ["All rights reserved", ""], 1),
        ("dataset_info: {rights_holder: Ann}", ["rights_holder: Ann", ""], 1),
        ("description: Paintings\nsource_datasets: [original]", ["CC0", ""], 0),
        ("license: &a [*a]", ["CC0", ""], 0),
        ("pretty_name: Sea", ["CC0", ""], 0),
        ("a: [b", ["CC0", ""], 0),
    ],
)
def test_what_a_card_states_counts_beside_what_rows_state(tmp_path, card, licenses, closed):
    folder = tmp_path / "sea"
    folder.mkdir()
    (folder / "README.md").write_text(f"---\n{card}\n---\n# Sea\n")
    table, skipped = write_table(folder / "train.parquet", **CC0_AND_NONE), SkipList()
    assert read_collection(table, skipped)["license"] == licenses
    found = {path: reason for path, reason in noted(skipped).items() if "README" in path}
    assert len(found) == closed and all("counts also for 1 rows" in reason for reason in found.values())


def test_the_card_of_a_data_set_and_of_a_folder_of_pictures_count(tmp_path):
    for name in ("stored", "pictures"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    write_table(tmp_path / "stored/train.parquet", **CC0_AND_NONE)
    (tmp_path / "pictures/1.png").write_bytes(png(1))
    (tmp_path / "pictures/metadata.csv").write_text("file_name,license\n1.png,CC0\n")
    for source in ("stored", "pictures", "pictures/metadata.csv"):
        skipped = SkipList()
        assert set(read_collection(tmp_path / source, skipped)["license"]) == {"cc-by-nc-4.0"}
        assert "states cc-by-nc-4.0" in noted(skipped)[f"{source.split('/')[0]}/README.md"]


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ("license: cc-by-nc-4.0\nlicense: cc0-1.0", "license is given twice; leave one"),
        ("license: cc0-1.0\ntags: [a]\nlicense: cc0-1.0", "license is given twice"),
        ("dataset_info:\n  license: in-copyright\ndataset_info:\n  license: cc0-1.0", "dataset_info is given twice"),
        ("dataset_info:\n- license: in-copyright\n  license: cc0-1.0", "license is given twice"),
        ("license: cc-by-nc-4.0\na: [b", "states rights, and cannot be read as YAML"),
        ("dataset_info:\n- license: cc-by-nc-4.0\n a: b", "states rights, and cannot be read as YAML"),
        ("license: cc-by-nc-4.0\nnext: " + "[" * 2000, "states rights, and cannot be read as YAML"),
    ],
)
def test_a_card_whose_rights_are_in_doubt_is_refused(tmp_path, card, reason):
    (tmp_path / "README.md").write_text(f"---\n{card}\n---\n")
    (tmp_path / "1.png").write_bytes(png(1))
    (tmp_path / "metadata.csv").write_text("file_name,license\n1.png,CC0\n")
    with pytest.raises(DataError, match=f"README.md.*{reason}") as error:
        read_collection(tmp_path, SkipList())
    assert "\n" not in str(error.value)

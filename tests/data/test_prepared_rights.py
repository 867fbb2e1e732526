"""What any column of a saved data set states of the rights counts."""

import pytest
from datasets import Dataset, DatasetDict

from artextract_hf.data.prepared import load_records
from artextract_hf.data.schema import new_record, painting_features
from tests.conftest import plain_picture


@pytest.fixture
def part() -> Dataset:
    record = new_record(id="a", image=plain_picture((90, 40, 20), (16, 12), seed=1), title="Sea", license="CC0")
    return Dataset.from_list([record], features=painting_features())


@pytest.mark.parametrize("cell", [{"rights": "In copyright"}, [{"label": "Rights", "value": "In copyright"}]])
def test_rights_in_a_structure_count(part, tmp_path, cell):
    DatasetDict({"val": part.add_column("meta", [cell])}).save_to_disk(tmp_path / "saved")
    assert load_records(tmp_path / "saved")["val"]["license"] == ["In copyright"]


@pytest.mark.parametrize(
    ("of_all", "license"), [("cc-by-nc-4.0", "cc-by-nc-4.0"), ("cc0-1.0", "CC0"), ("other", "CC0")]
)
def test_the_licence_of_the_whole_counts(part, tmp_path, of_all, license):
    part.info.license = of_all
    DatasetDict({"val": part}).save_to_disk(tmp_path / "saved")
    assert load_records(tmp_path / "saved")["val"]["license"] == [license]


@pytest.mark.parametrize(
    ("own", "description", "license"),
    [
        ("CC0", "Paintings of the sea.\n\nAll rights reserved.", "All rights reserved."),
        ("CC0", "\u00a9 The Museum", "\u00a9 The Museum"),
        ("CC BY 4.0", "\u00a9 The Museum", "CC BY 4.0"),
        ("CC BY 4.0", "For non-commercial use", "For non-commercial use"),
        ("CC0", "No known copyright restrictions.\n\nBy the sea", "CC0"),
        ("", "Paintings of the sea", ""),
    ],
)
def test_the_description_of_the_whole_counts(part, tmp_path, own, description, license):
    part = part.remove_columns("license").add_column("license", [own]).select_columns(part.column_names)
    part.info.description = description
    DatasetDict({"val": part}).save_to_disk(tmp_path / "saved")
    assert load_records(tmp_path / "saved")["val"]["license"] == [license]

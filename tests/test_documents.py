"""JSON of strangers is read, or refused in one line."""

import pytest

from artextract_hf.documents import read_document
from artextract_hf.errors import DataError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": "\\ud800"}', "surrogates not allowed"),  # it could be read, and never be written
        ('{"a": {"b\\uDFFF": 1}}', "surrogates not allowed"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ("[" * 100_000, "recursion"),
        ("[]", "no JSON object"),
    ],
)
def test_what_is_no_document_is_one_line(tmp_path, text, said):
    path = tmp_path / "index.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=rf"{path} is damaged: .*{said}") as refused:
        read_document(path, DataError)
    assert "\n" not in str(refused.value)


def test_whole_pairs_and_backslashes_are_texts(tmp_path):
    path = tmp_path / "index.json"
    path.write_text('{"a": "\\ud83c\\udfa8", "b": "C:\\\\udder"}', encoding="utf-8")
    assert read_document(path, DataError) == {"a": "\N{ARTIST PALETTE}", "b": "C:\\udder"}

"""What is read in full by a program of its own, before anybody else reads it."""

import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from artextract_hf.data import arrow_check

TEXT = "x" * 1_000_000


@pytest.mark.parametrize("inside", ["a column", "a structure", "a list"])
def test_a_text_that_a_dictionary_repeats_counts_in_every_row(tmp_path, inside):
    """800 bytes would be 3 GB, in whatever reads them."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), pa.array([TEXT]))
    if inside == "a structure":
        texts = pa.StructArray.from_arrays([texts], ["title"])
    elif inside == "a list":
        texts = pa.ListArray.from_arrays(pa.array(range(3001), pa.int32()), texts)
    pq.write_table(pa.table({"title": texts}), tmp_path / "bomb.parquet", compression="zstd")
    command = [sys.executable, arrow_check.__file__, "60", str(tmp_path / "bomb.parquet")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.strip().endswith("unpacks to more than 20 times its size.")


def test_dictionaries_of_usual_size_are_read(tmp_path):
    styles = pa.array(["Baroque", None, "Symbolism"] * 100).dictionary_encode()
    pq.write_table(pa.table({"style": styles}), tmp_path / "usual.parquet")
    arrow_check.check_parquet(tmp_path / "usual.parquet")

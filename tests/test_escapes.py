"""Texts of strangers in a terminal and in a spreadsheet."""

import csv
import io
import json

import pytest

from artextract_hf.cli.application import show
from artextract_hf.curation.duplicates import Duplicate
from artextract_hf.curation.duplicates_report import write_report
from artextract_hf.data.schema import SkipList, make_dataset, new_record, painting_features
from artextract_hf.escapes import for_spreadsheet, for_terminal
from tests.conftest import plain_picture

HOSTILE = "Poppies\x1b]0;owned\x07\x9b2J\nleft out: nothing\r\u202etxt.exe\udcf1"


def test_a_terminal_gets_nothing_that_it_obeys():
    shown = for_terminal(HOSTILE)
    assert shown.isprintable() and shown.encode()
    assert for_terminal("Dürer, 雪舟, “Hare” – 1502") == "Dürer, 雪舟, “Hare” – 1502"


@pytest.mark.parametrize("as_json", [False, True])
def test_a_record_is_shown_on_one_line_without_escapes(capsys, as_json):
    left_out = [{"path": HOSTILE, "reason": HOSTILE}]
    show({"title": HOSTILE, "skipped": left_out}, [HOSTILE], as_json=as_json, left_out=left_out)
    out, err = capsys.readouterr()
    assert out.count("\n") == 1 and err.count("\n") == (0 if as_json else 1)
    assert (out + err).replace("\n", "").isprintable()
    if as_json:
        assert json.loads(out)["title"] == HOSTILE


def test_an_error_is_one_line_too(run_cli, tmp_path):
    code, _, err = run_cli("prepare", "collection", tmp_path / "a\x1b[2J\nb", "--out", tmp_path / "out")
    assert code == 2 and err.count("\n") == 1 and err.strip().isprintable()


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_computes_no_text(cell):
    assert for_spreadsheet(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["Poppies", "", "a=b", -0.5, -1550, None])
def test_other_cells_stay(cell):
    assert for_spreadsheet(cell) is cell


def test_tables_that_are_written_hold_no_formula(tmp_path):
    encoded = io.BytesIO()
    plain_picture((200, 40, 40)).save(encoded, "PNG")
    image = {"bytes": encoded.getvalue(), "path": None}
    records = make_dataset([new_record(id=id_, image=image) for id_ in ("=a", "@b")], painting_features())
    write_report([Duplicate("=a", "@b", "", "", 0.5, "near", (0, 1))], records, SkipList(), tmp_path, title="Twice")
    with (tmp_path / "pairs.csv").open(newline="", encoding="utf-8") as file:
        _, row = csv.reader(file)
    assert row[:2] == ["'=a", "'@b"] and row[4] == "0.5"

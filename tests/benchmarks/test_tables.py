import pytest

from benchmarks.tables import BLOCK, TABLES, pages, rendered


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_the_tables_of_a_page_are_what_the_figures_give(page):
    text = page.read_text(encoding="utf-8")
    assert rendered(text) == text


def test_each_table_stands_once():
    text = "".join(page.read_text(encoding="utf-8") for page in pages())
    assert sorted(match[2] for match in BLOCK.finditer(text)) == sorted(TABLES)
    assert text.count("<!-- figures ") == text.count("<!-- end of figures -->") == len(TABLES)
    assert "| style |" in text


def test_a_table_is_written_between_its_markers_and_nothing_else_is_touched():
    page = "Before\n<!-- figures leaks: from a file -->\nan old table\n<!-- end of figures -->\nafter\n"
    before, table, after = rendered(page).partition("| planted | paintings | found | right |\n")
    assert table and before == "Before\n<!-- figures leaks: from a file -->\n" and "an old" not in after
    assert after.endswith("<!-- end of figures -->\nafter\n")

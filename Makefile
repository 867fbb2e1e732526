# Two commands do everything: `make demo` and `make test`. Each sets up .venv by itself, from pinned versions.

PYTHON ?= python3
BIN := .venv/bin

# The environment is made anew when what it is made from changes.
.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

.PHONY: demo test test-long check

demo: .venv/.ready  ## classify paintings and find similar ones in a browser
	$(BIN)/artextract demo

test: .venv/.ready  ## all tests but the long ones
	$(BIN)/python -m pytest -m 'not long' --durations 5

test-long: .venv/.ready  ## the tests that take minutes
	$(BIN)/python -m pytest -m long

check: .venv/.ready  ## style and types
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

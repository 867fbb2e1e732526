# `make demo` and `make test` do everything; each sets up .venv by itself, from pinned versions.

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
STAGES := data models embedders evaluation retrieval curation hub

# The environment is made anew when what it is made from changes.
.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	@echo "Setting up .venv: about 5 minutes and 7 GB, once. pip names every package as it comes."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

.PHONY: demo test test-long check docs notebooks bench bench-quick licenses wheel

demo: .venv/.ready  ## classify paintings and find similar ones in a browser
	@echo "Starting the page; the first start draws its paintings and indexes them, under a minute."
	$(BIN)/artextract demo

test: .venv/.ready  ## all tests but the long ones
	$(BIN)/python -m pytest -m 'not long' -n $(WORKERS) --dist worksteal --durations 10

test-long: .venv/.ready  ## whole trainings, a wheel in an empty environment, the commands of the docs
	$(BIN)/python -m pytest -m long --durations 10

check: .venv/.ready  ## style and types
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

docs: .venv/.ready  ## an API reference from the docstrings
	$(BIN)/pdoc --docformat google --output-directory build/api \
		artextract_hf artextract_hf.errors $(addprefix artextract_hf.,$(STAGES))

notebooks: .venv/.ready  ## executed anew, with their outputs
	PYTHONWARNINGS="ignore:IProgress not found" HF_DATASETS_DISABLE_PROGRESS_BARS=1 \
		$(BIN)/jupyter execute --inplace notebooks/*.ipynb

bench: .venv/.ready  ## the table of docs/speed.md: make bench DATA=data/wikiart PICTURES=wikiart WEIGHTS=mobilenetv2.safetensors
	$(BIN)/python -m benchmarks.bench --data $(DATA) --pictures $(PICTURES) --weights $(WEIGHTS)

bench-quick: .venv/.ready  ## five minutes: is any part slower beside its peer than stored?
	$(BIN)/python -m benchmarks.quick

licenses: .venv/.ready  ## of everything that is installed
	$(BIN)/pip-licenses --from=mixed --order=license --with-urls --format=markdown

wheel: .venv/.ready  ## one file to install on other machines
	$(BIN)/python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist .

# make demo   a fresh virtual environment and the translator before and after one example
# make test   all tests, in the same environment
# make check  style and types, as CI asks for them
# make docs   the documents as a site, in build/site
# make man    manual pages of the commands, in build/man

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test check docs man clean

demo: $(VENV)/.installed
	@PATH="$(abspath $(BIN)):$$PATH" sh data/demo.sh

test: $(VENV)/.installed-dev
	$(BIN)/python -P -m pytest -q

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.installed-docs
	$(BIN)/mkdocs build --strict -f .ci/mkdocs.yml

man: $(VENV)/.installed
	$(BIN)/python docs/man.py build/man

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml .ci/constraints.txt
	$(BIN)/python -m pip install -q -c .ci/constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml .ci/constraints.txt
	$(BIN)/python -m pip install -q -c .ci/constraints.txt -e ".[dev]"
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/python -m pip install -q -c .ci/constraints.txt -e ".[docs]"
	@touch $@

clean:
	rm -rf $(VENV)

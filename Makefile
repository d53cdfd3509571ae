# Two commands do everything: `make run` grades the shipped solutions, `make test` checks the project.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: run test lint clean

run: $(VENV)/.installed
	$(BIN)/harness run scenarios/

test: $(VENV)/.installed-dev lint
	$(BIN)/harness validate scenarios/
	# A process per file: what hostile code leaves behind in one cannot reach the next.
	set -e; for file in tests/test_*.py; do $(BIN)/python -m pytest $$file; done

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(INSTALL) --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

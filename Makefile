# Two commands do everything: `make run` grades the shipped solutions, `make test` checks the project.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= $(shell nproc)
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: run example test test-full lint docs clean

run: $(VENV)/.installed
	$(BIN)/harness run scenarios/

# The report in reports/example, of all that is shipped.
example: $(VENV)/.installed
	$(BIN)/harness run scenarios/ --seed 7 --fresh --ledger $(shell mktemp -d)/ledger.sqlite --out reports/example
	rm -f reports/example/results.json reports/example/junit.xml

test: $(VENV)/.installed-dev lint
	$(BIN)/harness validate scenarios/
	# A process per file, one on each processor: what hostile code leaves behind in one cannot
	# reach the next.
	ls tests/test_*.py | xargs -n 1 -P $(JOBS) $(BIN)/python -m pytest

# The site, from the pages in docs/ and the code.
docs: $(VENV)/.installed-dev
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --nitpicky --quiet docs build/site

# All hostile submissions under both tiers and as an unprivileged user, five hundred answers under
# kill -9, and ten thousand in one run: two hours.
test-full: $(VENV)/.installed-dev
	HARNESS_HOSTILE=full $(BIN)/python -m pytest tests/test_hostile.py
	HARNESS_FAULTS=full $(BIN)/python -m pytest tests/test_faults.py
	HARNESS_CLUSTER=full $(BIN)/python -m pytest tests/test_cluster.py
	HARNESS_SHIP=full $(BIN)/python -m pytest tests/test_ship.py
	$(BIN)/python benchmarks/run_of_many.py

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

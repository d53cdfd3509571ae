# Two commands do everything: `make run` grades the shipped solutions, `make test` checks the project.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= $(shell nproc)
# What is never imported need not be compiled.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt
# A process per file where hostile code runs, processes are counted or memory is measured: what one
# leaves behind cannot reach the next. The longest first, so that no processor waits at the end.
ALONE := shipped hostile cluster grader sandbox evaluation cli tutorial wheel faults generate \
	own_tests pool judge docs report whole injection starting running results page spool ledger
ALONE := $(ALONE:%=tests/test_%.py)
# The others share two, so that torch is imported twice and not sixty times.
OTHERS := $(filter-out $(ALONE),$(sort $(wildcard tests/test_*.py)))
HALF := $(shell expr $(words $(OTHERS)) / 2)
TESTS := others-first others-second $(ALONE)

.PHONY: run example test checked validated test-full lint docs clean $(TESTS)

run: $(VENV)/.installed
	$(BIN)/harness run scenarios/

# The report in reports/example, of all that is shipped.
example: $(VENV)/.installed
	$(BIN)/harness run scenarios/ --seed 7 --fresh --ledger $(shell mktemp -d)/ledger.sqlite --out reports/example
	rm -f reports/example/results.json reports/example/junit.xml

# All that is below goes on, one on each processor, also when something fails.
test: $(VENV)/.installed-dev
	$(MAKE) --no-print-directory --jobs $(JOBS) --keep-going --output-sync=target checked

checked: lint validated $(TESTS)

validated: $(VENV)/.installed-dev
	$(BIN)/harness validate scenarios/

$(ALONE): $(VENV)/.installed-dev
	$(BIN)/python -m pytest $@

others-first: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(wordlist 1,$(HALF),$(OTHERS))

others-second: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(filter-out $(wordlist 1,$(HALF),$(OTHERS)),$(OTHERS))

# The site, from the pages in docs/ and the code.
docs: $(VENV)/.installed-dev
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --nitpicky --quiet docs build/site

# What takes long: all hostile submissions under both tiers and as an unprivileged user, five hundred
# answers under kill -9, and ten thousand in one run. Two hours.
test-full: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m slow
	HARNESS_HOSTILE=full $(BIN)/python -m pytest -m '' tests/test_hostile.py
	HARNESS_FAULTS=full $(BIN)/python -m pytest -m '' tests/test_faults.py
	HARNESS_CLUSTER=full $(BIN)/python -m pytest -m '' tests/test_cluster.py
	HARNESS_WHEEL=full $(BIN)/python -m pytest -m '' tests/test_wheel.py
	HARNESS_SHIP=full $(BIN)/python -m pytest -m '' tests/test_ship.py
	HARNESS_SHIPPED=full $(BIN)/python -m pytest -m '' tests/test_shipped.py
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

$(VENV)/.installed-dev: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[dev]'
	touch $(VENV)/.installed $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

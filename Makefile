# Each target makes what it needs, so that every one works on a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)

.PHONY: run test check bench clean

run: $(VENV)/installed
	$(BIN)/wayshot run --episodes 400 --jobs $(JOBS)

test: $(VENV)/tested
	$(BIN)/python -m pytest

check: $(VENV)/checked build/types
	$(BIN)/ruff check bench models tasks results tests
	$(BIN)/ruff format --check bench models tasks results tests
	$(BIN)/pyright

bench: $(VENV)/tested
	$(BIN)/python -m pytest tests/benchmarks/bench_evaluation.py --benchmark-only --benchmark-columns=min,median,rounds -q -s

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
	    { echo "wayshot needs Python 3.11 or newer; name one: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/tested: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@

$(VENV)/checked: $(VENV)/tested
	$(BIN)/python -m pip install --quiet --editable '.[test,check]'
	@touch $@

# Lets pyright see the four folders under the names they are installed by.
build/types:
	@mkdir -p $@/wayshot
	@for package in bench models tasks results; do ln -sfn ../../../$$package $@/wayshot/$$package; done

# Two commands do everything on a bare Debian 12 with Python 3.11, git and make: `make demo` and `make test`.
# Stamp files inside the virtual environment make a second run start at once.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

CONFIG ?= cluster-pki.example.yaml
DEMO   ?= demo

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench crash soak clean

help: ## show the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## make the example cluster's certificates below ./demo
	$(BIN)/cluster-pki plan   -f $(CONFIG) --root $(DEMO)
	$(BIN)/cluster-pki apply  -f $(CONFIG) --root $(DEMO) --auto-approve
	$(BIN)/cluster-pki status -f $(CONFIG) --root $(DEMO)
	@echo; echo "The files are below $(DEMO)/. Change $(CONFIG), or break something there, and run 'make demo' again."

test: $(VENV)/.tests ## run every test
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: $(VENV)/.dev ## ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/.tests ## measure against the targets of docs/benchmarks.md
	$(BIN)/python -m benchmarks

crash: $(VENV)/.tests ## every crash point of apply and run: a long run
	$(BIN)/python -m tests.crash.full

soak: $(VENV)/.tests ## sixty simulated days of a reconciler with faults: an hour or two, as root
	$(BIN)/python -m tests.soak

clean: ## remove what was built; the demo's keys too
	rm -rf $(VENV) $(DEMO) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

$(BIN)/python:
	.ci/system-needs venv "$(PYTHON)"
	$(PYTHON) -m venv $(VENV)

# Debian 12 brings pip 23.0: without `install --group`, and its start scripts take half as long again.
$(VENV)/.pip: | $(BIN)/python
	$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.pip
	$(PIP) install --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.pip
	$(PIP) install --editable . --group dev
	@touch $@ $(VENV)/.installed

$(VENV)/.tests: .ci/system-needs $(VENV)/.dev
	.ci/system-needs tests
	@touch $@

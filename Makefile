# From a fresh checkout: `make train`, `make test`, `make check`.
# Needs Python 3.11 or newer, pip and make. Everything is installed into .venv, and again only
# when a lock file or pyproject.toml has changed: the stamp files in .venv remember.

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check

.DELETE_ON_ERROR:
.PHONY: help train test check bench bench-full docs format clean

help:
	@echo "make train    train a network on the digits that come with the package"
	@echo "make test     run the tests, with the examples of the documentation"
	@echo "make check    everything that must pass before a commit: format, lint, types, tests"
	@echo "make bench    measure glassgrad beside PyTorch, JAX, Keras and scikit-learn (25 minutes)"
	@echo "make bench-full   the same with more peers, and how times grow with sizes (an hour)"
	@echo "make docs     write the pages of the operations anew (docs/operations)"
	@echo "make format   rewrite the code in the common format"
	@echo "make clean    remove .venv and what the tools have cached"

train: $(VENV)/stamp-core
	$(BIN)/glassgrad train $(ARGS)

test: $(VENV)/stamp-test
	$(BIN)/python -m pytest -n 2 $(ARGS)

check: $(VENV)/stamp-check
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 $(ARGS)

bench: $(VENV)/stamp-bench
	$(BIN)/python -m benchmarks run $(ARGS)

bench-full: $(VENV)/stamp-bench
	$(BIN)/python -m benchmarks run --full --output build/bench-full.json $(ARGS)

docs: $(VENV)/stamp-test
	$(BIN)/python -m glassgrad.lens.handbook docs/operations

format: $(VENV)/stamp-check
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info

$(VENV)/stamp-venv:
	@command -v $(PYTHON) >/dev/null || { \
	    echo "There is no $(PYTHON). Name a Python 3.11 or newer: make PYTHON=/path/to/python" >&2; \
	    exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "glassgrad needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
	    echo "Name another one: make PYTHON=python3.12" >&2; \
	    exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# The package is installed without its dependencies: the lock file has brought them.
$(VENV)/stamp-core: requirements/core.txt pyproject.toml $(VENV)/stamp-venv
	$(INSTALL) --requirement requirements/core.txt
	$(INSTALL) --no-deps --editable .
	@touch $@

$(VENV)/stamp-test: requirements/test.txt $(VENV)/stamp-core
	$(INSTALL) --requirement requirements/test.txt
	@touch $@

$(VENV)/stamp-check: requirements/check.txt $(VENV)/stamp-test
	$(INSTALL) --requirement requirements/check.txt
	@touch $@

$(VENV)/stamp-bench: requirements/bench.txt $(VENV)/stamp-test
	$(INSTALL) --requirement requirements/bench.txt
	@touch $@

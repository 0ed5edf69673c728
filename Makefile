# Everything a developer types. `make` alone prints this list.
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
READY := $(VENV)/.ready
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-clean test test-all fuzz check format bench golden clean

help:  ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## Make .venv with tfgen, the emulator and the development tools

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found on PATH" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: setup  ## Deploy the reference project on the embedded AWS, take orders, make the report
	$(BIN)/python -m demo

demo-clean: setup  ## Take the demonstration down and remove what it left
	$(BIN)/python -m demo.clean

test: setup  ## All tests but the slow ones, at most 30 minutes on 2 cores
	$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadgroup

test-all: setup  ## All tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

fuzz: setup  ## 10,000 random projects: no crash, no text that becomes code, no path that leaves
	FUZZ_CASES=$${FUZZ_CASES:-10000} $(BIN)/python -m pytest tests/fuzz -n $(WORKERS) --hypothesis-show-statistics

check: setup  ## Format, lint, types, import floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup  ## Measure beside the machine's floors and the peers; ONLY=plan measures one part
	$(BIN)/python -m tests.benchmarks $(addprefix --only ,$(ONLY))

golden: setup  ## Rewrite the golden trees after a change that was meant
	$(BIN)/python -m pytest tests/golden -q --update-golden

clean:  ## Remove the virtual environment and the caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist

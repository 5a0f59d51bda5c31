# Two commands on a fresh machine: make demo, make test. Needs Python 3.11 or newer, git and make.
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
OWN := $(PIP) install --no-deps --no-build-isolation --no-index -e .

.PHONY: demo lab test check bench lock clean
.DEFAULT_GOAL := demo

demo: .venv/.runs
	$(BIN)/bedrock-guard demo --out out

lab: .venv/.runs
	$(BIN)/bedrock-guard lab $(LAB)

NBVAL := --nbval-current-env --nbval-cell-timeout=600 --nbval-sanitize-with=tests/notebooks/sanitize.cfg --timeout=900
test: .venv/.tests
	$(BIN)/python -m pytest
	$(BIN)/python -m pytest -q --nbval-lax $(NBVAL) notebooks
	$(BIN)/python -m pytest -q --nbval $(NBVAL) tests/notebooks

check: .venv/.tests
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: .venv/.tests
	$(BIN)/python -m pytest -o addopts="--import-mode=importlib -ra" tests/bench --benchmark-only -s

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found. Set PYTHON=/path/to/python3."; exit 1; }
	"$(PYTHON)" -m venv .venv

.venv/.runs: .venv/bin/python requirements.lock pyproject.toml
	$(PIP) install --require-hashes -r requirements.lock
	$(OWN)
	@touch $@

.venv/.tests: .venv/bin/python requirements-dev.lock pyproject.toml
	$(PIP) install --require-hashes -r requirements-dev.lock
	$(OWN)
	@touch $@ .venv/.runs

# Pins every dependency by hash and names no registry. Needs uv.
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q
lock:
	$(LOCK) --extra dev -o requirements-dev.lock
	$(LOCK) --extra install -c requirements-dev.lock -o requirements.lock

clean:
	rm -rf out .pytest_cache .mypy_cache .ruff_cache .benchmarks .hypothesis

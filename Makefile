# Quarterdeck. `make run` starts the desk on a machine with nothing but Python 3.11+ and make; `make help` lists the rest.
# Works with GNU make 3.81 (macOS). Another Python: make PYTHON=python3.12 run

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
PEERS := .venv-peers
export VENV
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help run setup setup-dev test chaos mutate bench soak bench-peers check format clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):[^#]*## (.*)/  make \1	\2/' | expand -t 18

run: setup ## set up what is missing, then start the desk on paper with JupyterLab; Ctrl-C stops all
	@exec $(BIN)/execution up --lab

setup: $(VENV)/.stamp-run ## the environment that the desk runs in, without starting it

setup-dev: $(VENV)/.stamp-dev ## the same with the tools for tests and checks

test: setup-dev ## the tests, about a quarter of an hour on two cores
	@$(PYTEST) -q -n 2 --dist worksteal

chaos: setup-dev ## the fault suite with full counts; takes its time
	@$(PYTEST) -q --full -m "chaos or faults"

mutate: setup-dev ## switch each control off and see its proofs fail; writes execution/controls_proven.json
	@$(BIN)/python -m tests.tools.mutate

bench: setup-dev ## measure, compare with the floors, write tests/benchmarks/results.json
	@$(BIN)/python -m tests.benchmarks

soak: setup-dev ## a day of a desk in fast forward, fifteen minutes at most: the memory of every process stays as it is
	@$(BIN)/python -m tests.benchmarks soak

bench-peers: setup-dev $(PEERS)/.stamp ## set up the peers beside us (.venv-peers, Python >= 3.12 for all of them) and measure on the same work
	@$(BIN)/python -m tests.benchmarks peers replay

check: setup-dev ## ruff, mypy --strict and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: setup-dev ## mend what ruff can mend by itself
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean: ## remove environment and caches; the desk's state in var/ stays
	rm -rf $(VENV) $(PEERS) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

# Stamps live in the environment: when it goes they go, and nothing is installed twice.
$(VENV)/.stamp-run: pyproject.toml constraints.txt .ci/setup
	@if [ -e $(VENV)/.stamp-dev ]; then bash .ci/setup dev && touch $(VENV)/.stamp-dev; else bash .ci/setup run; fi
	@touch $@

$(VENV)/.stamp-dev: pyproject.toml constraints.txt .ci/setup
	@bash .ci/setup dev
	@touch $@ $(VENV)/.stamp-run

$(PEERS)/.stamp: tests/benchmarks/peers/requirements.txt tests/benchmarks/peers/setup
	@bash tests/benchmarks/peers/setup $(PEERS)
	@touch $@

# Every target sets up what it needs, on a fresh machine too. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help check test bench demo cluster cluster-down image install generate lock format clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.complete

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(SETUP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Serinus needs Python 3.11 or later: install it, or name one by PYTHON=..."; exit 1; }
	@echo "setting up $(VENV) (once, about half a minute)" >&2
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: install it (on Debian: apt-get install python3-venv)"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

check: $(SETUP) ## format, lint, types, layers, generated files, unit tests: under two minutes
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m serinus.api.crd --check
	$(BIN)/pytest -m "not control_plane and not cluster"

test: $(SETUP) ## everything, from nothing; what CI runs
	$(BIN)/python -m tests.run

bench: $(SETUP) ## the benchmarks; prints a table and writes .bench/results.json
	$(BIN)/python -m benchmarks

demo: $(SETUP) ## a cluster, the operator and a real model that serves
	$(BIN)/python -m examples.demo

cluster: $(SETUP) ## start the local cluster; its kubeconfig is .cluster/kubeconfig
	$(BIN)/python -m tests.cluster up

cluster-down: $(SETUP) ## end the local cluster
	$(BIN)/python -m tests.cluster down

image: $(SETUP) ## build the image
	$(BIN)/python -m tests.cluster.images serinus

install: $(SETUP) ## helm install into the cluster of KUBECONFIG (default: the local one)
	$(BIN)/python -m tests.cluster install

generate: $(SETUP) ## write the CRDs anew from the models, and manifests/ from the chart
	$(BIN)/python -m serinus.api.crd
	$(BIN)/python -m tests.chart.manifests

format: $(SETUP) ## put the code in form
	$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

lock: $(SETUP) ## pin the dependencies anew
	$(BIN)/uv pip compile pyproject.toml --quiet --universal --extra operator --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -o requirements/operator.txt
	$(BIN)/uv pip compile pyproject.toml --quiet --universal --extra operator --extra cli --extra profile --group dev -c requirements/operator.txt --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -o requirements/dev.txt
	cd examples/models/breast-cancer && $(abspath $(BIN))/uv pip compile requirements.in --quiet --python-version 3.11 --python-platform linux --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -o requirements.txt

clean: ## remove what was built here; the cache of built parts stays
	rm -rf $(VENV) build dist .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis

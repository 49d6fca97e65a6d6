# Two commands on a fresh machine: `make demo` and `make test`. Everything else is below.

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# What is set up here is found first; what a user has elsewhere is not touched.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo lab test check python computes browser faults package bench format docs types clean

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml package.json package-lock.json
	@command -v npm >/dev/null || { echo "Node.js 20 or newer with npm is needed to build the panels."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip uv
	npm ci --no-audit --no-fund --loglevel=error
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable ".[dev]"
	touch $@

demo: $(READY) ## Train a model on real data as a job, and say where to look
	$(BIN)/labstudio demo

lab: $(READY) ## Open JupyterLab with the studio
	$(BIN)/labstudio lab notebooks

test: check python computes browser faults package ## Run every check and every test

check: $(READY) ## Lint, types, contract drift, frontend tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	npm run --silent lint:check
	npm run --silent types:check
	npm test --silent

# Real engines, hosts, browsers and a cluster on two cores starve one another: what failed runs
# once more, alone, and fails the run if it fails again.
pytest = $(BIN)/pytest $(1) $(2) || $(BIN)/pytest $(1) --last-failed --last-failed-no-failures none

python: $(READY) ## Unit, server and experiments tests
	.ci/debian r postgres
	$(call pytest,tests/unit tests/server tests/experiments,-n 2 --dist loadfile)

computes: $(READY) ## The same jobs and kernels on every kind of compute, each a real one
	.ci/debian docker ssh r
	$(call pytest,tests/compute,-n 2 --dist loadfile)

browser: $(READY) ## Drive JupyterLab in Chromium; takes the screenshots of the README
	.ci/debian chromium docker ssh
	$(call pytest,tests/browser,-n 2 --dist loadfile)

faults: $(READY) ## Kill, cut and fill things
	$(call pytest,tests/faults,-n 2 --dist loadfile)

package: $(READY) ## Install the wheel and the sdist into empty environments
	$(BIN)/python -m build --installer uv --outdir build/dist
	$(BIN)/python .ci/installs.py build/dist

bench: $(READY) ## Measure against named peers; writes tests/benchmarks/results.json
	$(BIN)/python -m tests.benchmarks

format: $(READY) ## Put every file into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	npm run --silent lint
	npm run --silent format

types: $(READY) ## Write OpenAPI from the models, and TypeScript from OpenAPI
	$(BIN)/python -m labstudio_server.openapi > labextension/openapi.json
	npm run --silent types

docs: $(READY) ## Build the documentation into docs/_build
	$(BIN)/sphinx-build -W --keep-going -q docs docs/_build

clean: ## Remove what was set up and built
	rm -rf $(VENV) node_modules build labextension/dist labextension/lib docs/_build

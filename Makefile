# Safer WeHo's watch center. Needs Python 3.11, 3.12 or 3.13 and make; the rest are packages (PostgreSQL, Java, Node …).

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.stamp-run
DEV_STAMP := $(VENV)/.stamp-dev
PAGES_STAMP := ui/dist/.stamp
PAGES_MODULES := ui/node_modules/.stamp
PIP := $(BIN)/python -m pip --disable-pip-version-check install

.PHONY: help run test check bench mutants clean clean-data dev-environment pages

help:  ## this list
	@echo "Safer WeHo's watch center"
	@sed -n 's/^\([a-z][a-z-]*\):.*  ## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24
	@echo "Settings: SAFERWEHO_HOME (all data, default .saferweho), SAFERWEHO_PORT (default 8080, 0: any free one)"

run: $(RUN_STAMP) pages  ## everything on this machine, with a demonstration; Ctrl-C stops it
	@exec $(BIN)/python -m api.cli dev $(ARGS)

# Three processes share the tests, for on two processors one of them mostly waits: for a drone, a broker, a deadline. A
# hash seed gives all the same list of them where a set is its source.
test: $(DEV_STAMP) pages  ## all tests, on a real PostgreSQL and a real Kafka (ARGS="-k name")
	@PYTHONHASHSEED=0 $(BIN)/python -m pytest --numprocesses 3 $(ARGS)

check: $(DEV_STAMP)  ## format, lint, types, direction of imports, fast tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@PYTHONHASHSEED=0 $(BIN)/python -m pytest --numprocesses 2 -m "not slow" $(ARGS)

bench: $(DEV_STAMP)  ## speed, each figure against a floor of the same run (ONLY=append for one)
	@$(BIN)/python -m bench $(ONLY)

mutants: $(DEV_STAMP)  ## change the domain one thing at a time: does a test notice? (ONLY="call camera"; all: half an hour)
	@nice -n 10 $(BIN)/python -m infra.mutants $(ONLY)
	@$(BIN)/python -m infra.mutation

clean:  ## remove what was built and the environment; data stays
	rm -rf $(VENV) ui/node_modules ui/dist .mypy_cache .ruff_cache .hypothesis .import_linter_cache mutants build dist
	find . -name __pycache__ -prune -exec rm -rf {} +

clean-data:  ## remove the data of 'make run' in .saferweho
	@if [ -d .saferweho ] && ! flock --nonblock .saferweho/dev.lock true; then \
	    echo "The data in .saferweho is in use: stop 'make run' first." >&2; exit 1; fi
	rm -rf .saferweho

dev-environment: $(DEV_STAMP)

# -- environment -------------------------------------------------------------

$(BIN)/python:
	@for python in python3 python3.13 python3.12 python3.11; do \
	    if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	        echo "Making $(VENV) with $$($$python --version)"; \
	        if "$$python" -m venv $(VENV); then exit 0; fi; \
	        rm -rf $(VENV); \
	        echo "'$$python -m venv' failed; on Debian and Ubuntu it is the package python3-venv." >&2; exit 1; \
	    fi; \
	done; \
	echo "No Python 3.11, 3.12 or 3.13 was found (tried python3, python3.13, python3.12, python3.11). Install one and run make again." >&2; \
	exit 1

$(RUN_STAMP): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing packages (about 250 MB, once) …"
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --quiet --no-build-isolation --no-deps --editable .
	@touch $@

$(DEV_STAMP): requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing packages with those of the tests (about 300 MB, once) …"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@$(PIP) --quiet --no-build-isolation --no-deps --editable .
	@touch $@ $(RUN_STAMP)

# -- pages -------------------------------------------------------------------

ifneq ($(wildcard ui/package.json),)
pages: $(PAGES_STAMP)

PAGES_SOURCES := $(shell find ui -path ui/node_modules -prune -o -path ui/dist -prune -o -type f -print) \
    $(wildcard docs/schema.graphql)

$(PAGES_MODULES): ui/package.json ui/package-lock.json | $(BIN)/python
	@echo "Installing the packages of the pages (once) …"
	@cd ui && PYTHONPATH=.. ../$(BIN)/python -m infra.node npm ci
	@touch $@

$(PAGES_STAMP): $(PAGES_SOURCES) $(PAGES_MODULES)
	@echo "Building the pages …"
	@cd ui && PYTHONPATH=.. ../$(BIN)/python -m infra.node npm run build
	@touch $@

# Node is one of the packages.
$(PAGES_MODULES): | $(RUN_STAMP)
endif

# Everything works with `make TARGET` alone, on a fresh Debian or Ubuntu with python3 (3.11 or later),
# python3-venv and make. `make help` lists the targets.

HOST ?= 127.0.0.1
PORT ?= 8000
DATA ?= .data
WORKERS ?= 2

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup run test check fmt fmt-check lint types arch pictures bench bench-all bench-growth lock clean

# The first Python that is new enough.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv/bin/python -X utf8
E2E := tests/e2e

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

setup: .venv/.installed ## make .venv from requirements.lock

# The last lines are an editable install by hand: it needs no build tool, and so no network.
.venv/.installed: requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing: apt-get install python3-venv (or $(notdir $(PYTHON))-venv)" >&2; exit 1; }
	@echo "installing into .venv (a few minutes, the first time)" >&2
	@$(VENV) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@$(VENV) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(VENV) -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "madang.pth").write_text(f"{pathlib.Path.cwd()}\n", "utf-8")'
	@printf '#!/bin/sh\nexec "$$(dirname "$$0")/python" -m server "$$@"\n' > .venv/bin/madang
	@chmod +x .venv/bin/madang
	@touch $@

# When make itself is killed, the kernel tells the server, which then stops everything it started.
TIED = $(shell command -v setpriv >/dev/null && echo "setpriv --pdeathsig TERM")

run: setup ## serve on PORT (8000) with the data in DATA (.data); Ctrl-C stops everything
	@exec $(TIED) $(VENV) -m server serve --host "$(HOST)" --port "$(PORT)" --data "$(DATA)" --introduce

test: setup $(E2E)/node_modules/.installed ## run every test (REQUIRE_ALL=1: fail where Node or Chromium is missing)
	@$(VENV) -m pytest -q -n $(WORKERS) --dist loadfile $(TESTS)

# Where Node or its packages cannot be had, the tests that want them say so.
$(E2E)/node_modules/.installed: $(E2E)/package-lock.json
	@if command -v node >/dev/null && command -v npm >/dev/null; then \
		cd $(E2E) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/.installed; fi || true

check: fmt-check lint types arch ## everything that is found without running the code

fmt: setup ## format
	@$(VENV) -m ruff format .
	@$(VENV) -m ruff check --fix-only --quiet .

fmt-check: setup
	@$(VENV) -m ruff format --check .

lint: setup ## lint
	@$(VENV) -m ruff check .

types: setup ## check types
	@$(VENV) -m mypy

arch: setup ## check that imports point only downward
	@$(VENV) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

pictures: setup ## make the pictures of the page anew
	@PICTURES=server/web/pictures $(VENV) -m pytest -q tests/browser/test_page_pictures.py

bench: setup ## measure Madang, the same without storage, the floor, selections, campaigns (ARGS= goes to the bench, and is all then)
	@$(VENV) -m bench $(ARGS)
	@$(if $(strip $(ARGS)),,$(VENV) -m bench selection && $(VENV) -m bench campaign)

bench-all: setup ## install the peers and measure all of them, in three alternating rounds
	@$(VENV) -m bench all $(ARGS)

bench-growth: setup ## measure what a delivery, a connection and a message cost as there are more
	@$(VENV) -m bench growth $(ARGS)

lock: ## resolve the dependencies anew (needs uv)
	@uv pip compile pyproject.toml --group dev --universal --generate-hashes --python-version 3.11 -o requirements.lock

clean: ## remove what can be made again (not the data)
	rm -rf .venv .bench build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache $(E2E)/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

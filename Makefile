# Everything a newcomer needs. `make help` lists it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8000
CITY ?= 1000000

# Constraints, policies, triggers, locks, partitions, plans: what another major version could do otherwise.
ON_15 := isolation append_only races races_register assessment receiving ledger registers facts roster search arrears_orders declaration \
  deferral bookings large_batches registration casework operators certificate_bundles month_marks vertical \
  books auditor accounts_crediting accounts_settling refunds suspense reconciliation flexible_dues relief late_fees withholding

.DEFAULT_GOAL := help
.PHONY: help setup system run test test-15 test-unit check bench docs lock clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(BIN)/.ready: requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "shebao needs Python 3.11 or later")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { $(MAKE) venv-package && $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

.PHONY: venv-package
venv-package: # Debian keeps venv in a package of its own
	@.ci/system python3-venv

setup: $(BIN)/.ready ## a virtual environment with locked dependencies

system: ## Chromium for the browser tests (Debian package), when it is missing
	@.ci/system chromium

run: setup ## a working hall with a demo city; PORT=8123 takes another port
	$(BIN)/shebao run --port $(PORT)

check: setup ## layers, types, style, migrations
	$(BIN)/ruff check shebao tests bench
	$(BIN)/ruff format --check shebao tests bench
	$(BIN)/lint-imports --no-logo
	SHEBAO_DATA=$(CURDIR)/var/none $(BIN)/python -W ignore -m mypy
	SHEBAO_DATA=$(CURDIR)/var/none $(BIN)/python -W ignore -m django makemigrations --check --dry-run --settings shebao.site.settings

test: check system ## everything, browser tests included
	$(BIN)/python -m pytest -n 2 --dist loadfile
	@if [ -x /usr/lib/postgresql/15/bin/initdb ]; then echo "the tests that lean on the database, on the system's PostgreSQL 15"; \
	  SHEBAO_TEST_SERVER=system $(BIN)/python -m pytest -n 2 --dist loadfile $(ON_15:%=tests/db/test_%.py); fi

test-15: check ## every database test on the system's PostgreSQL 15
	SHEBAO_TEST_SERVER=system $(BIN)/python -m pytest -n 2 --dist loadfile tests/db --ignore-glob='*test_embedded*'

test-unit: setup ## the tests that need no database
	$(BIN)/python -m pytest tests/unit tests/policy_cases

bench: setup ## the figures, each beside its peer and its limit; CITY=13000000 for the largest
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	$(BIN)/python -m bench --city $(CITY)

docs: setup ## write the generated pages of docs/manual
	SHEBAO_DATA=$(CURDIR)/var/none $(BIN)/shebao docs

lock: setup ## resolve the lock files anew
	$(BIN)/python -m pip install --quiet uv
	for extra in "" dev bench; do \
	  case $$extra in "") args= out=requirements.lock;; dev) args="--extra dev" out=requirements-dev.lock;; *) args="--extra dev --extra bench" out=requirements-bench.lock;; esac; \
	  $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header $$args pyproject.toml -o $$out; done

clean: ## remove the virtual environment and caches (data stay)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build *.egg-info

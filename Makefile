# Everything sets itself up in .venv/; python3 (3.11 or newer) and make are enough. `make help` lists the targets.

PYTHON ?= python3
BIN := .venv/bin
# pytest-xdist: 0 runs the tests in one process. No test needs either.
WORKERS ?= 2
# What `make test` hands to pytest: make test TESTS=tests/smtp, make test TESTS='-k bdat'.
TESTS ?=
DEPENDENCIES := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help lab test check format golden fuzz bench clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.* ## /\1\t/p' $(MAKEFILE_LIST) | sort | expand -t 10

lab: .venv/.run ## the story of KB818222 in three acts: delivered, stalled and bounced, delivered
	@$(BIN)/smtpguard lab story

test: .venv/.dev ## all tests; those that need a server or a folder that is missing here are skipped and say so
	@$(BIN)/python -m pytest -n $(WORKERS) $(TESTS)

check: .venv/.dev ## linter, format, types, and the floors of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.dev ## put every file into the format that check wants
	$(BIN)/ruff check --fix --select I .
	$(BIN)/ruff format .

golden: .venv/.dev ## write the golden files of personas, profiles, protection and the path doctor anew; read the difference before you keep it
	@$(BIN)/python -m tests.personas.transcripts
	@$(BIN)/python -m tests.lab.profile_dialogue
	@$(BIN)/python -m tests.protection.page
	@$(BIN)/python -m tests.protection.smuggling
	@$(BIN)/python -m tests.analyzer.persona_table
	@$(BIN)/python -m tests.analyzer.doctor_page

fuzz: .venv/.dev ## the laws of inspection with 100,000 examples each: takes an hour or more
	@HYPOTHESIS_PROFILE=deep $(BIN)/python -m pytest -n $(WORKERS) tests/inspection/test_laws.py tests/inspection/test_laws_of_dialogue.py

bench: .venv/.dev ## CPU a session and throughput, beside a bare relay and HAProxy
	@$(BIN)/python -m bench

clean: ## remove .venv/ and everything that tools left behind
	rm -rf .venv .hypothesis .mypy_cache .ruff_cache .import_linter_cache build dist out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The run-time dependencies alone: all that the lab needs.
.venv/.run: .venv/.made $(DEPENDENCIES)
	@echo "smtpguard: installing what it runs on into .venv/ (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

# These and the tools for tests and checks; it serves the lab as well.
.venv/.dev: .venv/.made $(DEPENDENCIES)
	@echo "smtpguard: installing it and the tools for its tests into .venv/ (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch .venv/.run $@

.venv/.made:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "smtpguard: there is no $(PYTHON) here; install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "smtpguard: $$($(PYTHON) --version 2>&1) is too old, 3.11 or newer is needed; name another: make PYTHON=/path/to/python3" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "smtpguard: this python3 has no venv module; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	@$(PYTHON) -m venv .venv
	@touch $@

# Every target does its own set-up. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
  "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
VENV := .venv
PY := $(VENV)/bin/python
NAME ?= covey
TIERS ?=
INPUT ?=

export PYTHONDONTWRITEBYTECODE :=

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | column -t -s "$$(printf '\t')"

# A laptop needs a part of what the tests need: each stamp says what .venv holds.
$(VENV)/pyvenv.cfg:
	@[ -n "$(PYTHON)" ] || { echo "Covey needs Python 3.11 or newer: install one, or name it: make PYTHON=/path/to/python3"; exit 2; }
	@echo "setting up $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { echo "python3 has no venv module: sudo apt-get install python3-venv"; exit 2; }

$(VENV)/.cli: requirements/cli.txt pyproject.toml | $(VENV)/pyvenv.cfg
	@[ -e $(VENV)/.dev ] || { echo "installing what the laptop needs into $(VENV): once, about a minute"; \
	  $(PY) -m pip install --quiet --no-compile --require-hashes --no-deps --requirement requirements/cli.txt; }
	@$(PY) -m pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/pyvenv.cfg
	@echo "installing what the tests need into $(VENV)"
	@$(PY) -m pip install --quiet --require-hashes --no-deps --requirement requirements/dev.txt
	@$(PY) -m pip install --quiet --no-deps --editable .
	@touch $@ $(VENV)/.cli

.PHONY: demo
demo: $(VENV)/.cli ## agents around a blackboard write a report from files: INPUT=folder for yours, MODEL=name for a real model
	@$(VENV)/bin/covey up examples/newsroom --publish Assignment=@examples/newsroom/assignment.json \
	  --until Report --save report.md $(if $(INPUT),--input "$(INPUT)") $(if $(MODEL),--real-model --model-name "$(MODEL)")

.PHONY: test
test: $(VENV)/.dev ## all tests that this machine can run; TIERS="unit laptop" for some
	@$(PY) -m tests.servers || true
	@$(PY) -m tests $(if $(CI),--strict) $(TIERS)

.PHONY: lint
lint: $(VENV)/.dev ## style, types, which package may import which, and the size of node classes
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy agent_runtime covey operator/covey_operator hack tests
	@$(VENV)/bin/lint-imports --cache-dir $(VENV)/.import-linter
	@$(PY) -m agent_runtime.flow.size --strict agent_runtime examples

.PHONY: format
format: $(VENV)/.dev ## mend the style
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

.PHONY: generate
generate: $(VENV)/.dev ## CRDs and reference pages from the models, golden files from the code
	@$(PY) -m agent_runtime.api generate
	@$(PY) -m hack.manifests
	@$(PY) -m tests.unit.operator.regenerate
	@$(PY) -m tests.unit.agents.prompts.regenerate

.PHONY: cluster-tools
cluster-tools: $(VENV)/.dev ## obtain what a Kubernetes of our own is made of (root; minutes when cold, then cached)
	@$(PY) -m hack.cluster tools

.PHONY: api-tools
api-tools: $(VENV)/.dev ## only what the API server's tier needs: etcd and the control plane
	@$(PY) -m hack.cluster tools --only api

.PHONY: cluster
cluster: $(VENV)/.dev ## a Kubernetes on this machine with Covey in it
	@$(PY) -m hack.covey up --name $(NAME)

.PHONY: cluster-down
cluster-down: $(VENV)/.dev ## stop it and leave nothing behind
	@$(PY) -m hack.covey down --name $(NAME)

.PHONY: bench
bench: $(VENV)/.dev ## the short set of measurements, into docs/performance.md; FULL=1 for the thorough one
	@$(PY) -m tests.bench $(if $(FULL),,--short) --save docs/performance.md

.PHONY: lock
lock: ## lock the dependencies anew
	@PYTHON=$(PYTHON) requirements/lock

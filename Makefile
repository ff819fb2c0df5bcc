# offramp. `make help` lists what there is; `make demo` and `make test` set themselves up.

VENV := .venv
PY := $(VENV)/bin/python
ARGS :=

.DEFAULT_GOAL := help
.PHONY: help demo test check speed docs pictures lock fmt

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.ready-all ## watch real requests flow, fall back and be accounted for (ARGS="--chapter NAME" for one part)
	@$(VENV)/bin/offramp demo $(ARGS)

test: $(VENV)/.ready-dev ## all tests that Python alone can run, and what adds the rest (ARGS="tests/wire -k sse" for some)
	@$(PY) -m pytest $(ARGS)

check: $(VENV)/.ready-dev ## style, types, layers, docs and secrets
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest tests/house -q

speed: $(VENV)/.ready-dev ## what the gateway adds on this machine, measured against the same upstream without it
	@$(PY) -m tools.speed $(ARGS)
	@$(PY) -m tools.speed.simulation
	@$(PY) -m tools.speed.ledger --rows 500000 --rounds 1
	@$(PY) -m tools.speed.audit --rows 1000000
	@$(PY) -m tools.speed.scan

docs: $(VENV)/.ready-dev ## write the pages that are made from the code
	@$(PY) -m tools.pages

pictures: $(VENV)/.ready-dev ## take the pictures of the pages again (needs tmux)
	@$(PY) -m tools.pictures

lock: ## renew requirements/*.txt, a week behind the newest releases (needs uv)
	@tools/lock.sh

fmt: $(VENV)/.ready-dev ## format the code and mend what can be mended safely
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix-only .

# Ready once, and again when what it was made from has changed.
$(VENV)/.ready-all: requirements/all.txt requirements/build.txt pyproject.toml tools/setup.sh
	@tools/setup.sh all

$(VENV)/.ready-dev: requirements/dev.txt requirements/build.txt pyproject.toml tools/setup.sh
	@tools/setup.sh dev

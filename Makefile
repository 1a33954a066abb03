# Everything runs in .venv inside this checkout; nothing but python3 (3.11 or newer) and make is needed beforehand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
DEMO_OUT ?= demo
SHARED ?= ../shared
MINI_OUT ?= mini

.DEFAULT_GOAL := help
.PHONY: help demo test kernels lint format bench mini strangers weights clean

help: ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("seehear needs Python 3.11 or newer, not " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[avatars,offline,dev]'
	@touch $@

demo: $(READY) ## avatars -> prepare -> lip-sync -> animate -> match -> demo/report.html (5 to 20 minutes on 2 cores)
	$(BIN)/seehear demo -o $(DEMO_OUT)

# One thread a test process: their threads would only wait for one another.
test: lint ## lint, types and the whole test suite (about 10 minutes on 2 cores)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist loadfile

kernels: $(READY) ## the tests that train, once more as on another CPU: AVX2 instead of AVX-512, SSE 4.1 instead of AVX2
	OMP_NUM_THREADS=1 $(BIN)/python scripts/other_kernels.py $(BIN)/pytest -m trains -n auto --dist loadfile

lint: $(READY) ## ruff, mypy and the arrows between rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(READY) ## rewrite the sources in the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY) ## the figures that the README quotes, each by its script in benchmarks/
	$(BIN)/python benchmarks/run_all.py --shared $(SHARED)

mini: $(READY) ## the small standard benchmark, whose table is benchmarks/mini.md (about 40 minutes on 2 cores)
	$(BIN)/seehear benchmark mini -o $(MINI_OUT)

strangers: $(READY) ## how well it all works on real people whom no model was trained on (needs SHARED/data/strangers and emodb_dev)
	$(BIN)/python benchmarks/strangers.py --shared $(SHARED)

weights: $(READY) ## train the shipped weights anew: avatars, GRID speaker 1, LibriSpeech, real people (a day on 2 cores)
	$(BIN)/python scripts/train_sync.py --shared $(SHARED)
	$(BIN)/python scripts/train_sync.py --shared $(SHARED) --publish
	$(BIN)/python scripts/train_animate.py --shared $(SHARED)
	$(BIN)/python scripts/train_match.py --shared $(SHARED)

clean: ## remove the environment and what the demo made
	rm -rf $(VENV) $(DEMO_OUT)

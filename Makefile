# make run        set up, then count the registry, time it on this CPU and draw the figures into
#                 results/mine, which git ignores: about 7 minutes, no GPU needed
# make test       set up, then the tests
# make test-slow  the tests that take minutes: every network and case through every other tool
# make lint       format, lint, spelling, types
# make check      make lint, make test and the counts in the lock
# make fix        format and mend what ruff can mend
# make bench      speed and exactness beside other tools, as ratios in one run (many minutes)
# make gpu        all that needs a GPU, under eight minutes: findings in results/mine/gpu
# make counts     count every network anew, three times, and write facts and lock
# make docs       write the generated parts of README.md, results/*.md and the JSON Schemas anew

PYTHON ?= python3
BIN := .venv/bin
MINE := results/mine
READY := .venv/ready
READY_TO_TEST := .venv/ready-to-test
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c tests/constraints.txt

export OPENBLAS_NUM_THREADS ?= 1
# Each of hundreds of processes would compile opbench, and each of pytest's the tests, anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run lint test test-slow check fix bench gpu counts docs clean

# A network that fails is a row that says so; the others are drawn all the same.
run: $(READY)
	@status=0; \
	$(BIN)/opbench check || status=$$?; \
	$(BIN)/opbench run --device cpu --results $(MINE) || status=$$?; \
	test $$status -lt 2 || exit $$status; \
	$(BIN)/opbench plot --results $(MINE) --file-format svg,png || exit $$?; \
	echo 'the chart: $(MINE)/figures/accuracy-vs-ops.png'; \
	exit $$status

lint: $(READY_TO_TEST)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/typos
	$(BIN)/mypy

test: $(READY_TO_TEST)
	$(BIN)/python -m pytest -n auto

test-slow: $(READY_TO_TEST)
	$(BIN)/python -m pytest -n auto -m slow

check: lint
	$(MAKE) test
	$(BIN)/opbench check

fix: $(READY_TO_TEST)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY_TO_TEST)
	$(INSTALL) -e '.[dev,bench]'
	$(BIN)/python -m tests.bench

gpu: $(READY_TO_TEST)
	$(INSTALL) -e '.[gpu]'
	$(BIN)/python -m tests.gpu --output $(MINE)/gpu

docs: $(READY_TO_TEST)
	$(BIN)/python -m tests.documents
	$(BIN)/python -m tests.schemas

counts: $(READY_TO_TEST)
	$(BIN)/opbench list --update --format csv >/dev/null
	$(BIN)/python -m tests.registry.exported
	$(BIN)/opbench check --update

clean:
	rm -rf .venv

# torch is installed first and pinned: on a machine without a GPU that pin finds the CPU build.
$(READY): pyproject.toml tests/constraints.txt
	$(PYTHON) -m venv .venv
	$(INSTALL) torch
	$(INSTALL) -e .
	touch $(READY)

# torchvision and timm come without what they would bring: the tests only count their networks.
$(READY_TO_TEST): $(READY)
	$(INSTALL) -e '.[dev]'
	$(INSTALL) --no-deps torchvision timm
	touch $(READY_TO_TEST)

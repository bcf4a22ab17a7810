# make run        set up, then count the registry, time it on this CPU and draw the figures
# make test       set up, then the tests
# make test-slow  the tests that take minutes: every network and case through every other tool
# make check      format, lint, types, tests and the counts in the lock: with test-slow, all of CI
# make fix        format and mend what ruff can mend
# make bench      speed and exactness beside other tools, as ratios in one run (many minutes)
# make counts     count every network anew, twice, and write facts and lock
# make readme     write the generated parts of the README anew

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
READY_TO_TEST := .venv/ready-to-test
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c tests/constraints.txt

export OPENBLAS_NUM_THREADS ?= 1

.PHONY: run test test-slow check fix bench counts readme clean

# A network that fails is a row that says so; the others are drawn all the same.
run: $(READY)
	@status=0; \
	$(BIN)/opbench check || status=$$?; \
	$(BIN)/opbench run --device cpu --results results || status=$$?; \
	test $$status -lt 2 || exit $$status; \
	$(BIN)/opbench plot --results results --as svg,png || exit $$?; \
	echo 'the chart: results/figures/accuracy-vs-ops.png'; \
	exit $$status

test: $(READY_TO_TEST)
	$(BIN)/python -m pytest -n auto

test-slow: $(READY_TO_TEST)
	$(BIN)/python -m pytest -n auto -m slow

check: $(READY_TO_TEST)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test
	$(BIN)/opbench check

fix: $(READY_TO_TEST)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY_TO_TEST)
	$(INSTALL) -e '.[dev,bench]'
	$(BIN)/python -m tests.bench

readme: $(READY)
	$(BIN)/python -m tests.readme

counts: $(READY)
	$(BIN)/opbench list --update --format csv >/dev/null
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

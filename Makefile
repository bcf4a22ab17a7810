# make run     set up, then count the registry, time it on this CPU and draw the figures
# make test    set up, then the tests
# make check   format, lint, types and tests: what CI runs, beside `make test-slow`
# make fix     format and mend what ruff can mend
# make bench   speed and exactness beside other tools, as ratios in one run (minutes)
# make counts  count every network anew, twice, and write facts and lock
# make readme  write the generated parts of the README anew

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

export OPENBLAS_NUM_THREADS ?= 1

.PHONY: run test test-slow check fix bench counts readme clean

run: $(READY)
	$(BIN)/opbench check
	$(BIN)/opbench run --device cpu --results results
	$(BIN)/opbench plot --results results --as svg,png
	@echo 'the chart: results/figures/accuracy-vs-ops.png'

test: $(READY)
	$(BIN)/python -m pytest -n auto

test-slow: $(READY)
	$(BIN)/python -m pytest -n auto -m slow

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test

fix: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c tests/constraints.txt -e '.[dev,peers]'
	$(BIN)/python -m tests.bench

readme: $(READY)
	$(BIN)/python -m tests.readme

counts: $(READY)
	$(BIN)/opbench list --update --format csv >/dev/null
	$(BIN)/opbench check --update

clean:
	rm -rf .venv

# torch is installed first and pinned: on a machine without a GPU that pin finds the CPU build.
# torchvision and timm are there for the tests of their networks, without what else they would bring.
$(READY): pyproject.toml tests/constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c tests/constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c tests/constraints.txt -e '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c tests/constraints.txt --no-deps torchvision timm
	touch $(READY)

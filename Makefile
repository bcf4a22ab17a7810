# make run     set up, then count the registry, time it on this CPU and draw the figures
# make test    set up, then the tests
# make check   format, lint, types, tests, counts: what CI runs
# make fix     format and mend what ruff can mend
# make bench   speed and exactness beside other tools, as ratios in one run

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

export OPENBLAS_NUM_THREADS ?= 1

.PHONY: run test check fix bench counts readme clean

run: $(READY)
	$(BIN)/opbench check
	$(BIN)/opbench run --device cpu --results results
	$(BIN)/opbench plot --results results

test: $(READY)
	$(BIN)/python -m pytest

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test

fix: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/python -m tests.bench

readme: $(READY)
	$(BIN)/python -m tests.readme

counts: $(READY)
	$(BIN)/opbench list --update

clean:
	rm -rf .venv

# torch is installed first and pinned: on a machine without a GPU that pin finds the CPU build.
$(READY): pyproject.toml tests/constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c tests/constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c tests/constraints.txt -e '.[dev]'
	touch $(READY)

#!/usr/bin/env bash
# Build the wheel, install it into a virtual environment and use it outside the checkout: what only
# the checkout has must be in the wheel.
#
#     tests/wheel.sh [PYTHON]    a Python that has the dependencies; .venv/bin/python by default
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(realpath --no-symlinks "${1:-.venv/bin/python}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$python" -m pip wheel --quiet --no-deps --wheel-dir "$folder" .
"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps "$folder"/opbench-*.whl
# The dependencies come from PYTHON; paths in a .pth file are searched after the wheel's.
"$python" -c 'import sys; print(*(path for path in sys.path if path.endswith("-packages")), sep="\n")' \
  >"$("$folder/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/rest.pth"

mkdir "$folder/project"
cd "$folder/project"
PATH=$folder/venv/bin:$PATH
unset PYTHONPATH
python -c 'import opbench, sys; assert opbench.__file__.startswith(sys.prefix), opbench.__file__'
python -c 'from importlib.resources import files; assert (files("opbench") / "py.typed").is_file()'
opbench --version
opbench list 'resnet*'
opbench count resnet18 --format json | grep '"macs": 1814073344'
opbench claims --format csv >claims.csv
opbench plot accuracy-vs-ops --file-format png
opbench report --no-figures
opbench check --update lenet5
opbench check
python -m pytest --fixtures --quiet -p no:cacheprovider | grep '^opbench '
test -s results/figures/accuracy-vs-ops.png -a -s results/index.html
echo 'the wheel works outside the checkout'

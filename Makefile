# Set-up on a bare machine needs python3 (3.11 or newer) with its venv module, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DIFFERENTIAL := .venv-differential
# Options of make campaign, such as: make campaign CAMPAIGN="--seeds 50000" DESTRUCTION="kills --workers 4"
CAMPAIGN ?=
DESTRUCTION ?=
CLIENTS := .venv-clients
READY := $(VENV)/.ready

.PHONY: help setup demo test check format bench campaign golden differential clients lock clean

help:
	@echo "make demo    set up, then run the main job: shadow 24 recorded hours, replay them, compare"
	@echo "make test    set up, then run the tests"
	@echo "make check   format, lint, strict types, import contracts"
	@echo "make campaign   a whole day of trading, random runs, lost answers, every kill point, restarts, damaged frames; hours"
	@echo "make bench   measure, print and write benchmarks/latest.json"
	@echo "make golden  pin the golden runs anew, on purpose"
	@echo "make differential   the same orders through nautilus_trader's matching engine"
	@echo "make clients  unmodified ccxt and pybit trade with the sandbox, every feature one by one"
	@echo "make lock    resolve the dependencies anew into requirements.lock"

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { echo "error: the venv module is missing; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: setup
	@$(BIN)/lockstep demo

test: setup
	@$(BIN)/python -m pytest -n 3 --dist worksteal

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

campaign: setup
	@$(BIN)/python -m tests.simulation.whole_day
	@$(BIN)/python -m tests.simulation.campaign $(CAMPAIGN)
	@$(BIN)/python -m tests.simulation.destruction $(DESTRUCTION)

bench: setup
	@$(BIN)/python -m benchmarks

golden: setup
	@$(BIN)/python -m tests.golden.repin

differential: $(DIFFERENTIAL)/.ready
	@$(DIFFERENTIAL)/bin/python -m tests.differential

$(DIFFERENTIAL)/.ready: requirements-differential.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "error: nautilus_trader needs Python 3.11 to 3.13; name one with: make PYTHON=python3.12 differential"; exit 1; }
	@$(PYTHON) -m venv $(DIFFERENTIAL)
	$(DIFFERENTIAL)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements-differential.lock
	@touch $(DIFFERENTIAL)/.ready

clients: setup $(CLIENTS)/.ready
	@$(CLIENTS)/bin/python -m tests.clients

$(CLIENTS)/.ready: requirements-clients.lock
	@$(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-clients.lock
	@touch $(CLIENTS)/.ready

lock: setup
	@$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-header --no-emit-index-url --quiet -o requirements.lock
	$(BIN)/uv pip compile --group pyproject.toml:differential --universal --python-version 3.11 --generate-hashes \
		--no-header --no-emit-index-url --quiet -o requirements-differential.lock
	$(BIN)/uv pip compile --group pyproject.toml:clients --universal --python-version 3.11 --generate-hashes \
		--no-header --no-emit-index-url --quiet -o requirements-clients.lock

clean:
	rm -rf $(VENV) $(DIFFERENTIAL) $(CLIENTS) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

# Every target installs what it needs; the second time it is quick. Python 3.13, make and git are all that must be there.
PYTHON ?= python3.13
BIN := .venv/bin
CODE := layers/jiuwu/jiuwu functions sandbox jiuwu_cli tests $(wildcard bench)
# xdist starts one local AWS per worker; tests that share the whole sandbox stay with one of them.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo chaos up test proof mutations mutants check fix build bench capacity figures openapi lock clean tools

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 10

demo: tools ## a busy shop in the sandbox, and a verdict over every promise (ORDERS=, SEED=)
	$(BIN)/python -m sandbox.demo

chaos: tools ## 20,000 orders on virtual time with every kind of fault, and a verdict (N=, SEED=, FAULTS=, RECONCILER=off)
	$(BIN)/python -m sandbox.simulation

up: tools ## the sandbox, until Ctrl-C (PORT_BASE= for ports of your choice, NAME= for a folder of its own)
	@$(BIN)/python -m sandbox.up $(if $(NAME),--name $(NAME))

test: tools ## all tests, and the layer's branch coverage; tests that need Docker or a browser are skipped where these are missing
	$(BIN)/python -m pytest -p tests.branch_coverage -n $(WORKERS) --dist loadgroup

proof: tools mutations chaos ## what takes minutes: crash points, interleavings, stateful property tests, mutation testing, a chaos run
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup -m proof

mutations: tools ## removes each safeguard once, and shows the tests that fail then; and a sample of `make mutants` (SEED=, SECONDS=)
	$(BIN)/python -m tests.proof.mutations chosen
	$(BIN)/python -m tests.proof.mutations sample

mutants: tools ## every mutant of the pure modules, by generic operators: which ones survive, and how many are killed
	$(BIN)/python -m tests.proof.mutations all

check: tools ## formatter, linter, strict types, import direction, spelling, template lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	git ls-files -z | xargs -0 $(BIN)/codespell
	.sandbox/sam-venv/bin/cfn-lint --config-file sandbox/cloud/cfn-lint.yaml

fix: .venv/installed ## lets the formatter and the linter fix what they can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

build: tools ## what `sam deploy` ships, compiled, in .aws-sam/build (ARCHITECTURE=x86_64 for this stage's processor)
	$(BIN)/python -m sandbox.cloud.stack $(ARCHITECTURE)

capacity: tools ## capacity and cost: renews the tables of docs/capacity.md
	$(BIN)/python -m bench.capacity

figures: tools ## writes the numbers that READMEs and docs take from the code
	$(BIN)/python -m tests.figures

bench: tools ## the ratios of the README's budget table
	$(BIN)/python -m bench

openapi: tools ## renews docs/api, the OpenAPI documents of our HTTP APIs
	$(BIN)/python -m sandbox.openapi

lock: .sandbox/uv-venv ## renews the lock files; UPGRADE=1 takes the newest versions
	cd layers/jiuwu && $(UV) ../../pyproject.toml -o requirements.txt
	$(UV) pyproject.toml --group dev -c layers/jiuwu/requirements.txt -o requirements.lock
	$(UV) sandbox/cloud/requirements.in -o sandbox/cloud/requirements.lock
	$(UV) sandbox/cloud/sam-requirements.in -o sandbox/cloud/sam-requirements.lock

clean: ## removes everything that the other targets made
	rm -rf .venv .sandbox .aws-sam *.egg-info .*_cache .hypothesis .benchmarks
	find . -name __pycache__ -prune -exec rm -rf {} +

UV = $(CURDIR)/.sandbox/uv-venv/bin/uv pip compile --quiet --universal --python-version 3.13 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url $(if $(UPGRADE),--upgrade)

tools: .venv/installed
	@$(BIN)/python -m sandbox.cloud.environments

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null || \
		{ echo 'Python 3.13 is needed: install python3.13, or say where it is: make PYTHON=/path/to/python3.13 …' >&2; exit 1; }
	@$(PYTHON) -P sandbox/install.py .venv requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps -e .
	@touch $@

.sandbox/uv-venv:
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install -qq --disable-pip-version-check uv

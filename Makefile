# What there is to do here. `make` alone prints this list.
# Needed: make and Python 3.11 to 3.13 with its venv module; all else is installed below .venv.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Where this is set, each process that the tests start compiles all that it imports: it took a fifth more time to start.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
PYTEST_ARGS ?=
# Processes that share the tests; each has a PostgreSQL of its own. WORKERS=0 runs them in one, as --pdb needs it.
WORKERS ?= auto
BENCH_ARGS ?=
AIRFLOW_ARGS ?=
FUZZ_EXAMPLES ?= 20000
# atheris keeps some 14 kB for each input that it tries (Footfall keeps none): ten minutes need more than its usual 2 GB.
FUZZ_ARGS ?= -max_total_time=600 -rss_limit_mb=6000
# `make lock LOCK_ARGS=--upgrade` takes the newest versions, `LOCK_ARGS="--upgrade-package duckdb"` that of one package.
LOCK_ARGS ?=

BIN := .venv/bin
UV := $(BIN)/uv

# An environment knows its own path: moved, or without its interpreter, it cannot be mended and is built again.
# One of another Python than a PYTHON that was asked for is built again, too.
ASKED := $(if $(filter file,$(origin PYTHON)),,$(PYTHON))
VENV_IS_SOUND := $(shell test "$$(cat .venv/.built-in 2>/dev/null)" = "$$(pwd -P)" \
	&& version=$$($(BIN)/python -c 'import sys; print(sys.version)' 2>/dev/null) \
	&& { test -z "$(ASKED)" || test "$$version" = "$$("$(ASKED)" -c 'import sys; print(sys.version)' 2>/dev/null)"; } \
	&& echo yes)

.PHONY: help
help:  ## Print this list
	@echo "Footfall. Targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: install
install: .venv/.installed  ## Build .venv: the locked packages, and footfall itself, editable

.PHONY: rebuild-venv
rebuild-venv:

.venv/.built-in: $(if $(VENV_IS_SOUND),,rebuild-venv)
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
		echo "Footfall needs Python 3.11, 3.12 or 3.13; $(PYTHON) is: $$("$(PYTHON)" --version 2>&1)" >&2; \
		echo "Name another one, for example: make install PYTHON=python3.12" >&2; \
		exit 1; }
	@echo "Building .venv with $(PYTHON) ..." >&2
	@"$(PYTHON)" -m venv --clear .venv || { \
		echo "$(PYTHON) could not make a virtual environment: its venv module is missing or broken (see above)." >&2; \
		echo "On Debian and Ubuntu, 'apt install python3-venv' brings it." >&2; \
		exit 1; }
	@pwd -P > $@

.venv/.uv: requirements/uv.lock .venv/.built-in
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock
	@touch $@

.venv/.installed: requirements/dev.lock pyproject.toml .venv/.uv
	@echo "Installing the locked packages (the first time downloads them) ..." >&2
	@$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --offline --editable .
	@touch $@
	@echo "Installed: $(BIN)/footfall" >&2

.PHONY: demo
demo: install  ## Load data/sample.csv into a PostgreSQL of its own and show the counts
	@scripts/demo

# A worker begins with tests that stand beside each other, so that what a file prepares is mostly prepared once.
PYTEST = $(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 8 --dist worksteal

# Of a matrix of many cases, the embedded server takes the last fourth: three others take the rest in `make test-all` and
# `.ci/run`. Of the cases of any other test, of the slow tests of a file and of what Hypothesis draws, `make test` takes a
# fifth, and these take all. What PYTEST_ARGS picks runs whole.
MATRIX ?= $(if $(strip $(PYTEST_ARGS)),1/1,4/4)
SAMPLE ?= $(if $(strip $(PYTEST_ARGS)),1/1,1/5)

.PHONY: test
test: install  ## Run a sample of the tests, in less than 8 minutes on two cores; PYTEST_ARGS="-m 'not crash' tests/unit" picks some, whole
	@FOOTFALL_TEST_MATRIX=$(MATRIX) FOOTFALL_TEST_SAMPLE=$(SAMPLE) $(PYTEST) $(PYTEST_ARGS)

.PHONY: test-quick
test-quick: install  ## Run a sample of the tests of pure functions, of the law and of loads, in less than a minute
	@FOOTFALL_TEST_MATRIX=4/4 FOOTFALL_TEST_SAMPLE=1/4 $(PYTEST) -m "not slow and not crash" \
		tests/unit tests/property/test_law.py tests/integration/test_load.py $(PYTEST_ARGS)

.PHONY: test-long
test-long: install  ## Run the tests with the long ones and ten times as many examples: an hour or more
	@FOOTFALL_TEST_LONG=1 $(PYTEST) -m "long or not long" $(PYTEST_ARGS)

# Another server than the embedded one: SERVERS="15=FOLDER" names the folder of its programs, 14 alone fetches them.
# Of a matrix of many cases, and of what Hypothesis draws, each of three servers takes a third, so that together they try
# every case; one server alone takes all. SHARES=4 leaves the fourth share to `make test`. Every other test of a database
# runs on each server of WHOLE; the servers that WHOLE leaves out share these tests, but run all that are marked
# `every_server`. WHOLE= lets all of them share.
SERVERS ?= 14 16 17
SHARES ?= $(words $(SERVERS))
WHOLE ?= $(foreach server,$(SERVERS),$(firstword $(subst =, ,$(server))))

.PHONY: test-databases
test-databases: install  ## Run the database tests on other versions of PostgreSQL, of long lists a share on each; SERVERS="14 15=FOLDER"
	@number=0; other=0; others=$(words $(filter-out $(WHOLE) $(addsuffix =%,$(WHOLE)),$(SERVERS))); \
	for server in $(SERVERS); do \
		number=$$((number + 1)); \
		part=1/1; \
		case " $(WHOLE) " in *" $${server%%=*} "*) ;; *) other=$$((other + 1)); part=$$other/$$others ;; esac; \
		case $$server in \
			*=*) programs=$${server#*=} ;; \
			*) programs=$$($(BIN)/python scripts/fetch-postgresql $$server) || exit 1 ;; \
		esac; \
		echo "The database tests on $$("$$programs/postgres" --version):"; \
		FOOTFALL_TEST_PG_BIN=$$programs FOOTFALL_TEST_SHARE=$$number/$(SHARES) FOOTFALL_TEST_PART=$$part \
			$(PYTEST) -m "not crash" \
			tests/integration tests/property tests/security/test_hostile_schema.py $(PYTEST_ARGS) || exit 1; \
	done

.PHONY: test-all
test-all:  ## Run everything that .ci/run runs: other versions of PostgreSQL, the DAG on Airflow, Spark and Dask, and make test whole
	@$(MAKE) --no-print-directory test-databases SHARES=4 WHOLE=
	@$(MAKE) --no-print-directory test-airflow
	@$(MAKE) --no-print-directory test-spark
	@$(MAKE) --no-print-directory test SAMPLE=1/1

CRASH_TRIALS ?= 1500
CRASH_FIGURES ?= docs/reliability.json

.PHONY: crash
crash: install  ## Kill loads about 1,500 times and write docs/reliability.json; CRASH_TRIALS=300 for fewer
	FOOTFALL_CRASH_TRIALS=$(CRASH_TRIALS) FOOTFALL_CRASH_FIGURES=$(abspath $(CRASH_FIGURES)) \
		$(BIN)/python -m pytest tests/crash $(PYTEST_ARGS)
	$(BIN)/python docs/generate.py

MINUTES ?= 20
SOAK_FIGURES ?= docs/soak.json

.PHONY: soak
soak: install  ## Let footfall watch work for MINUTES=20 while files come in bursts and its server dies; write docs/soak.json
	FOOTFALL_SOAK_MINUTES=$(MINUTES) FOOTFALL_SOAK_FIGURES=$(abspath $(SOAK_FIGURES)) \
		$(BIN)/python -m pytest -n 0 tests/crash/test_soak.py $(PYTEST_ARGS)
	$(BIN)/python docs/generate.py

.PHONY: wild
wild: install  ## Load files as people have them, let footfall guess, write docs/wild.json and its page
	FOOTFALL_WILD_FIGURES=1 $(BIN)/python -m pytest tests/wild $(PYTEST_ARGS)
	$(BIN)/python docs/generate.py

.PHONY: mutations
mutations: install  ## Break the code in many places, one at a time, and see that the tests notice
	$(BIN)/python tests/crash/mutations.py

# Airflow is heavy, and has an environment of its own beside the core's.
AIRFLOW_BIN := .venv-airflow/bin

.venv-airflow/.installed: requirements/airflow-dev.lock pyproject.toml .venv/.uv
	@echo "Installing Airflow below .venv-airflow (the first time downloads about 300 MB) ..." >&2
	@"$(PYTHON)" -m venv --clear .venv-airflow
	@$(UV) pip sync --quiet --compile-bytecode --python $(AIRFLOW_BIN)/python --require-hashes requirements/airflow-dev.lock
	@$(UV) pip install --quiet --python $(AIRFLOW_BIN)/python --no-deps --no-build-isolation --offline --editable .
	@touch $@

.PHONY: setup-airflow
setup-airflow: .venv-airflow/.installed  ## Build .venv-airflow: Airflow 3 and footfall

.PHONY: airflow
airflow: setup-airflow  ## Start Airflow with the DAG and a PostgreSQL; AIRFLOW_ARGS="--port 8081" for another port
	@$(AIRFLOW_BIN)/python scripts/airflow $(AIRFLOW_ARGS)

.PHONY: test-airflow
test-airflow: setup-airflow  ## Run the DAG's tests on a real Airflow; PYTEST_ARGS="-m 'not live'" picks some
	@$(AIRFLOW_BIN)/python -m pytest tests/airflow $(PYTEST_ARGS)

# PySpark, and Dask beside it, are heavy, too; Spark needs a Java (17 or later) besides.
SPARK_BIN := .venv-spark/bin

.venv-spark/.installed: requirements/spark-dev.lock pyproject.toml .venv/.uv
	@echo "Installing PySpark and Dask below .venv-spark (the first time downloads about 500 MB) ..." >&2
	@"$(PYTHON)" -m venv --clear .venv-spark
	@$(UV) pip sync --quiet --compile-bytecode --python $(SPARK_BIN)/python --require-hashes requirements/spark-dev.lock
	@$(UV) pip install --quiet --python $(SPARK_BIN)/python --no-deps --no-build-isolation --offline --editable .
	@touch $@

.PHONY: setup-spark
setup-spark: .venv-spark/.installed  ## Build .venv-spark: PySpark, Dask and footfall

.PHONY: test-spark
test-spark: setup-spark  ## Load on a real Spark and a real Dask; PYTEST_ARGS="-k dask" picks some
	@$(SPARK_BIN)/python -m pytest tests/engines $(PYTEST_ARGS)

.PHONY: torture
torture: install  ## Run the torture tests with the long ones: hundreds of megabytes, some minutes
	@$(BIN)/python -m pytest tests/torture -m "long or not long" $(PYTEST_ARGS)

.PHONY: fuzz
fuzz: install  ## Let Hypothesis look for files that are judged wrongly; FUZZ_EXAMPLES=5000 for a shorter run
	@FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest tests/torture/test_fuzzed.py tests/torture/test_cuts.py --timeout 0 \
		--hypothesis-profile fuzz -k "any" $(PYTEST_ARGS)

# The coverage-guided fuzzer has an environment of its own.
.venv-fuzz/.installed: requirements/fuzz.lock pyproject.toml .venv/.uv
	@"$(PYTHON)" -m venv --clear .venv-fuzz
	@$(UV) pip sync --quiet --compile-bytecode --python .venv-fuzz/bin/python --require-hashes requirements/fuzz.lock
	@$(UV) pip install --quiet --python .venv-fuzz/bin/python --no-deps --no-build-isolation --offline --editable .
	@touch $@

.PHONY: fuzz-framing
fuzz-framing: .venv-fuzz/.installed  ## Fuzz the splitting into records, guided by coverage; FUZZ_ARGS="-max_total_time=600"
	@.venv-fuzz/bin/python tests/torture/fuzz_framing.py $(FUZZ_ARGS)

.PHONY: fuzz-json
fuzz-json: .venv-fuzz/.installed  ## Fuzz the cutting of JSON documents into records, guided by coverage
	@.venv-fuzz/bin/python tests/torture/fuzz_json.py $(FUZZ_ARGS)

# The peers that are Python have an environment of their own; without it they are left out, and that is said.
.venv-bench/.installed: requirements/bench.lock .venv/.uv
	@echo "Installing dlt and pandas below .venv-bench ..." >&2
	@"$(PYTHON)" -m venv --clear .venv-bench
	@$(UV) pip sync --quiet --compile-bytecode --python .venv-bench/bin/python --require-hashes requirements/bench.lock
	@touch $@

.PHONY: setup-bench
setup-bench: .venv-bench/.installed  ## Build .venv-bench: the peers that benchmarks/ runs beside Footfall

.PHONY: bench
bench: install  ## Measure all, write docs/benchmarks.md; BENCH_ARGS="--only daily" for one part
	@$(BIN)/python benchmarks/run.py --page docs/benchmarks.md $(BENCH_ARGS)

.PHONY: bench-quick
bench-quick: install  ## Measure once, smaller, in about a minute; keeps and judges nothing but the tables
	@$(BIN)/python benchmarks/run.py --quick $(BENCH_ARGS)

.PHONY: lint
lint: install  ## Check style, types, the structure and the spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

.PHONY: format
format: install  ## Mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: docs
docs: install  ## Write the pages of docs/ that are made from the code
	$(BIN)/python docs/generate.py

.PHONY: question-answers
question-answers: install  ## Ask every question of the shop of scripts/make_story.py, write docs/questions.json and its pages
	FOOTFALL_QUESTION_ANSWERS=1 $(BIN)/python -m pytest tests/docs/test_question_pages.py $(PYTEST_ARGS)
	$(BIN)/python docs/generate.py

.PHONY: docs-check
docs-check: install  ## Fail where a page of docs/ differs from the code
	$(BIN)/python docs/generate.py --check

# No index, path or date goes into a lock: the same file comes out of every mirror.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-emit-index-url --no-header --no-strip-extras $(LOCK_ARGS)

.PHONY: lock
lock: .venv/.uv  ## Write requirements/*.lock anew from pyproject.toml; LOCK_ARGS=--upgrade for new versions
	$(COMPILE) --group uv --output-file requirements/uv.lock
	$(COMPILE) pyproject.toml --output-file requirements/runtime.lock
	$(COMPILE) pyproject.toml --extra stores --constraint requirements/runtime.lock \
		--output-file requirements/stores.lock
	$(COMPILE) pyproject.toml --extra page --constraint requirements/runtime.lock --output-file requirements/page.lock
	$(COMPILE) pyproject.toml --group fuzz --constraint requirements/runtime.lock --output-file requirements/fuzz.lock
	$(COMPILE) pyproject.toml --extra airflow --constraint requirements/stores.lock \
		--output-file requirements/airflow.lock
	$(COMPILE) pyproject.toml --extra spark --constraint requirements/stores.lock --output-file requirements/spark.lock
	$(COMPILE) pyproject.toml --extra dask --constraint requirements/stores.lock --output-file requirements/dask.lock
	$(COMPILE) pyproject.toml --extra spark --extra dask --group spark-dev --constraint requirements/spark.lock \
		--constraint requirements/dask.lock --output-file requirements/spark-dev.lock
	$(COMPILE) pyproject.toml --extra stores --extra page --group dev --constraint requirements/stores.lock \
		--constraint requirements/page.lock --output-file requirements/dev.lock
	$(COMPILE) pyproject.toml --extra airflow --group airflow-dev --constraint requirements/airflow.lock \
		--output-file requirements/airflow-dev.lock
	$(COMPILE) --group bench --constraint requirements/runtime.lock --output-file requirements/bench.lock
	@! grep -nE '://|^ *(-i|--(extra-)?index-url|--find-links|--trusted-host)|(^|[ =])/' requirements/*.lock \
		|| { echo "A lock names a host or a path of this machine (see above)." >&2; exit 1; }

.PHONY: vendor
vendor: install  ## Fetch what others wrote and is kept here (htmx, axe) by npm, and compare the hashes in vendor.toml
	@$(BIN)/python scripts/vendor

.PHONY: pictures
pictures: install  ## Take the pictures of the page in docs/pictures anew, with Chromium
	@FOOTFALL_SCREENSHOTS=1 $(BIN)/python -m pytest -n 0 tests/page/test_browser.py -k pictures $(PYTEST_ARGS)

.PHONY: audit
audit: install  ## Ask for known vulnerabilities of the locked packages
	@$(BIN)/python scripts/audit

# What an installation holds, by the locks: the core, with object stores, the page, Airflow, Spark, Dask.
.PHONY: sbom
sbom: install  ## Write a bill of materials (CycloneDX) of each lock that is installed: build/sbom/*.json
	@mkdir -p build/sbom
	@for lock in runtime stores page airflow spark dask; do \
		PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements requirements/$$lock.lock --pyproject pyproject.toml \
			--output-reproducible --of JSON --output-file build/sbom/$$lock.cdx.json || exit 1; \
		echo "build/sbom/$$lock.cdx.json"; \
	done

.PHONY: clean
clean:  ## Remove .venv and everything else that was made here
	rm -rf .venv .venv-airflow .venv-bench .venv-fuzz .venv-spark build dist
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests scripts docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

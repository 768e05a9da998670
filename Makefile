# Each target stands alone on a fresh clone: what it needs is made first.
#
#   make demo    environment, the embedded default (digits with 40 % wrong labels), its audit's page
#   make test    environment, then every test on both backends
#   make check   format, lint, types
#   make format  mend what can be mended of the above
#   make dist    wheel and source archive in dist/, checked
#   make docs    the documentation site in build/docs/html: notebooks run, links followed
#   make docs-links   the site's links to the network, asked
#   make clean   remove the environment and what was built; runs/ and data/ stay

PYTHON ?= python3
PYTEST_FLAGS ?=
DOCS_FLAGS ?=
BIN := .venv/bin
READY := .venv/ready
DOCS_READY := .venv/docs-ready
DEMO := runs/demo-$(shell date +%Y-%m-%d-%H%M%S)
export TF_CPP_MIN_LOG_LEVEL ?= 3

FREE := test-backend-free-data test-backend-free-others

.PHONY: demo test test-tensorflow test-jax $(FREE) check format dist docs docs-links clean

demo: $(READY)
	$(BIN)/python cli.py train recipes/digits.toml --out $(DEMO)
	$(BIN)/python cli.py audit $(DEMO)
	@printf '%s\n' \
	  "In the page: c confirms the suggested class, k keeps the given one, Export writes decisions.csv." \
	  "Then, here:" \
	  "  $(BIN)/python cli.py relabel $(DEMO) decisions.csv --out labels.csv" \
	  "  $(BIN)/python cli.py train $(DEMO)/recipe.toml --set golden.decisions=labels.csv --out $(DEMO)-2" \
	  "  $(BIN)/python cli.py compare $(DEMO) $(DEMO)-2"
	@printf 'The page: '; $(BIN)/python -c 'import pathlib, sys; print(pathlib.Path(sys.argv[1]).absolute().as_uri())' $(DEMO)/audit/report.html

# JAX's tests run beside TensorFlow's and are shown after them, and so do, in two parts, those that
# do not touch Keras and run once. Three at a time: one of them waits for a browser or a disk.
# (By make, not by the shell's "&": that would have Ctrl-C ignored, also where tests send it.)
LOGS := .pytest_cache

test: $(READY)
	@mkdir -p $(LOGS); rm -f $(LOGS)/*.log
	@$(MAKE) --no-print-directory --keep-going -j3 test-tensorflow test-jax $(FREE); failed=$$?; \
	for log in jax $(FREE); do echo "== $${log#test-} =="; cat $(LOGS)/$${log#test-}.log; done; \
	exit $$failed

test-tensorflow: $(READY)
	@echo "== TensorFlow (JAX runs beside it) =="
	@KERAS_BACKEND=tensorflow $(BIN)/python -m pytest -m "not backend_free" $(PYTEST_FLAGS)

test-jax: $(READY)
	@mkdir -p $(LOGS)
	@KERAS_BACKEND=jax $(BIN)/python -m pytest -m "not backend_free" $(PYTEST_FLAGS) >$(LOGS)/jax.log 2>&1

test-backend-free-data: TESTS := tests/data tests/labels
test-backend-free-others: TESTS := tests --ignore=tests/data --ignore=tests/labels
$(FREE): $(READY)
	@mkdir -p $(LOGS)
	@$(BIN)/python -m pytest -m backend_free $(TESTS) $(PYTEST_FLAGS) >$(LOGS)/$(@:test-%=%).log 2>&1

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy tssd_keras cli.py

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

dist: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dist]'
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl

# A warning ends it: a reference that leads nowhere, a notebook that fails.
docs: $(DOCS_READY)
	rm -rf build/docs/html
	$(BIN)/sphinx-build -q -b html -W --keep-going -E -j auto $(DOCS_FLAGS) docs build/docs/html
	$(BIN)/python docs/check_site.py build/docs/html

docs-links: $(DOCS_READY)
	$(BIN)/sphinx-build -q -b linkcheck -D nb_execution_mode=off docs build/docs/links

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# CPU builds of TensorFlow and JAX, in the versions that were tested.
$(READY): setup.cfg constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, $(PYTHON) is " + sys.version.split()[0] + "; try make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[tensorflow-cpu,jax,dev]'
	touch $(READY)

$(DOCS_READY): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $(DOCS_READY)

# make demo    new drawings of the example symbols, in demo/
# make test    the tests that take no more than a few seconds each, a worker on each core
# make test-slow  the others: trainings, the page in a browser, the documentation's programs
# make weights the weights that ship, from Omniglot: trains for eight hours, measures for two
# make wheel   the package to install elsewhere, in dist/
# make release what is uploaded for a release, after checks: see CONTRIBUTING.md
# make runtime what the studio without a server draws with in the browser, from npm, into the package
# make site    the studio without a server, and the documentation, as one folder of files, build/site
# make lint    the linter and the format of the code
# make types   the type checker
# make docs    the documentation, in build/docs; warnings are errors
# make format  formats the code
#
# Each makes .venv first if it is not there, with the versions of constraints.txt. Another Python: make demo PYTHON=/path

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TEST_READY := $(VENV)/.test-ready
LINT_READY := $(VENV)/.lint-ready
DOCS_READY := $(VENV)/.docs-ready
SYMBOLS := $(sort $(wildcard examples/symbols/*.png examples/symbols/*.jpg examples/symbols/*.webp))
CANDIDATES := $(or $(PYTHON),python3.11 python3.12 python3.13 python3.14 python3)

.PHONY: demo test test-slow weights wheel release runtime site lint types docs format clean

demo: $(READY)
	@start=$$(date +%s); \
	$(BIN)/allograph write $(SYMBOLS) -o demo --overwrite && \
	echo "The drawings are in $(CURDIR)/demo; open the sheets, demo/*.png, first. Writing took $$(($$(date +%s) - start)) s."

test test-slow: $(TEST_READY)
	@start=$$(date +%s); \
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder \
		-m '$(if $(filter test,$@),not )slow' && \
	echo "The tests took $$(($$(date +%s) - start)) s."

weights: $(READY)
	@start=$$(date +%s); name=omniglot-28-fewshot; \
	$(BIN)/allograph train omniglot-28 --preset $$name -o runs/$$name && \
	$(BIN)/python tools/ship.py $$name runs/$$name/model.safetensors --time "$$((($$(date +%s) - start) / 60)) minutes"
	@start=$$(date +%s); name=omniglot; \
	$(BIN)/allograph train omniglot --preset $$name --from omniglot-28-fewshot --set model.steps=16 --set max_steps=22000 -o runs/$$name-16-steps && \
	$(BIN)/allograph train omniglot --preset $$name --from runs/$$name-16-steps/model.safetensors -o runs/$$name && \
	$(BIN)/python tools/ship.py $$name runs/$$name/model.safetensors --time "$$((($$(date +%s) - start) / 60)) minutes"
	@start=$$(date +%s); name=allograph; \
	$(BIN)/allograph train omniglot --preset $$name --from omniglot -o runs/$$name && \
	$(BIN)/python tools/ship.py $$name runs/$$name/model.safetensors --time "$$((($$(date +%s) - start) / 60)) minutes"
	@start=$$(date +%s); name=omniglot-alphabet; \
	$(BIN)/allograph train omniglot-28 --preset $$name --from omniglot-28-fewshot -o runs/$$name && \
	$(BIN)/python tools/ship.py $$name runs/$$name/model.safetensors --time "$$((($$(date +%s) - start) / 60)) minutes"
	@start=$$(date +%s); name=omniglot-bending; \
	$(BIN)/allograph train omniglot --preset $$name -o runs/$$name && \
	$(BIN)/allograph train omniglot --preset $$name-exemplar --from runs/$$name/model.safetensors -o runs/$$name-exemplar && \
	$(BIN)/python tools/ship.py $$name runs/$$name-exemplar/model.safetensors --time "$$((($$(date +%s) - start) / 60)) minutes"

# Wheels hold the browser's runtime wherever npm can fetch it.
wheel: $(READY) $(if $(shell command -v npm),runtime)
	$(BIN)/python tools/build_wheel.py

release: $(READY)
	$(BIN)/python tools/release.py

runtime: $(READY)
	$(BIN)/python tools/site/fetch.py

site: $(READY) $(DOCS_READY) runtime
	rm -rf build/site
	$(BIN)/python -m sphinx -b html -t site -W --keep-going -q -d build/doctrees docs build/site
	$(BIN)/allograph studio --export build/site/studio
	@echo "The site is in $(CURDIR)/build/site; python -m http.server -d build/site shows it."

lint: $(LINT_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(LINT_READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(LINT_READY)
	$(BIN)/pyright --pythonpath $(BIN)/python

docs: $(DOCS_READY)
	@start=$$(date +%s); rm -rf build/docs; \
	$(BIN)/python -m sphinx -b html -W --keep-going -q docs build/docs && \
	echo "Open $(CURDIR)/build/docs/index.html. Building took $$(($$(date +%s) - start)) s."

# A candidate counts only if it starts and can make environments: a version manager's stub may do neither.
$(READY): pyproject.toml constraints.txt
	@start=$$(date +%s); \
	python=; \
	for candidate in $(CANDIDATES); do \
		if $$candidate -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' >/dev/null 2>&1; \
		then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "No Python 3.11 to 3.14 with venv works here (tried: $(CANDIDATES)); install one, or: make PYTHON=/path/to/python" >&2; \
		exit 1; \
	fi; \
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $$python -m venv --clear $(VENV) || exit 1; \
	echo "Installing into $(VENV) ($$($(BIN)/python --version)); the first time this takes a few minutes."; \
	$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[studio,font,report,export,formats,hub,test]' && \
	touch $@ && \
	echo "Setting up took $$(($$(date +%s) - start)) s."

# Programs of other people that read what allograph writes.
$(TEST_READY): $(READY)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[readers]' && touch $@

$(LINT_READY): $(READY)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[lint]' && touch $@

$(DOCS_READY): $(READY)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[docs]' && touch $@

clean:
	rm -rf $(VENV) demo dist build

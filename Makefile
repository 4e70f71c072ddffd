# Every target that people, CI and GitHub use; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
MEMBERS := $(wildcard libs/*) $(wildcard services/*)
SEED ?= 1
SCHEDULES ?= 20

# Images and clusters: what builds an image, and what brings images to the nodes of the cluster that KUBECONFIG names.
OBLIVION_BUILD ?= docker build
OBLIVION_LOAD ?= kind load docker-image --name oblivion
VERSION := 0.1.0
REGISTRY ?= docker.io/oblivion
IMAGES := $(filter-out platform client build,$(basename $(notdir $(wildcard images/packages/*.txt))))
FOR_AGENTS := agent agent-base
PUBLISHED := oblivion oblivion-crds

.DEFAULT_GOAL := help
.PHONY: help setup lock lock-check run demo test check format schemas faults bench test-browser images load deploy infra e2e charts clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

setup: $(VENV)/.installed ## Install everything into .venv (done by the other targets when needed)

$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Oblivion needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.installed: requirements.lock $(addsuffix /pyproject.toml,$(MEMBERS)) | $(VENV)/bin/uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(addprefix -e ,$(MEMBERS))
	@touch $@

lock: | $(VENV)/bin/uv ## Resolve requirements.lock again
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 \
	  --all-extras --group dev pyproject.toml $(addsuffix /pyproject.toml,$(MEMBERS)) \
	  $(foreach m,$(MEMBERS),--no-emit-package oblivion-$(notdir $(m))) -o requirements.lock

lock-check: $(VENV)/.installed ## Fail when requirements.lock no longer follows from the pyproject files
	@mkdir -p build && cp requirements.lock build/requirements.before
	@$(MAKE) --no-print-directory --silent lock
	@cmp -s requirements.lock build/requirements.before || { cp build/requirements.before requirements.lock; echo "requirements.lock is stale: run make lock and commit it"; exit 1; }

run: $(VENV)/.installed ## Start everything on this machine, behind one port
	$(BIN)/oblivion up

demo: $(VENV)/.installed ## Play the main story on the running system (or on one started for it)
	$(BIN)/oblivion demo

test: $(VENV)/.installed ## Run all tests but the fault schedules
	$(BIN)/pytest -m "not faults and not e2e"

check: $(VENV)/.installed ## Lint, types, import contracts, schemas, reference pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m oblivion_contracts.export --check
	$(BIN)/python -m oblivion_operator.crd --check
	$(BIN)/python -m oblivion_platform.settings_reference --check

format: $(VENV)/.installed ## Format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schemas: $(VENV)/.installed ## Write the JSON Schemas and the settings reference again
	$(BIN)/python -m oblivion_contracts.export
	$(BIN)/python -m oblivion_operator.crd
	$(BIN)/python -m oblivion_platform.settings_reference
	$(BIN)/python -m oblivion_gateway.rest_reference docs/reference/rest.md

faults: $(VENV)/.installed ## Kill and stop servers under load: SEED=1 SCHEDULES=20
	$(BIN)/python -m tests.faults --seed $(SEED) --schedules $(SCHEDULES)

bench: $(VENV)/.installed ## Measure, beside peers and limits in the same run
	$(BIN)/python -m tests.bench

test-browser: $(VENV)/.installed ## The tests that need Chromium (Debian: apt-get install chromium)
	$(BIN)/pytest -m browser

images: $(addprefix image-,$(IMAGES)) ## Build every container image (OBLIVION_BUILD="docker build")

image-%:
	$(OBLIVION_BUILD) --build-arg SERVICE=$* --build-arg FOUNDATION=$(if $(filter $*,$(FOR_AGENTS)),client,platform) \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) \
	  -t $(REGISTRY)/$*:$(VERSION) .

load: ## Bring the images to the cluster's nodes (OBLIVION_LOAD="kind load docker-image --name oblivion")
	$(OBLIVION_LOAD) $(foreach image,$(IMAGES),$(REGISTRY)/$(image):$(VERSION))

names:
	@echo $(foreach image,$(IMAGES),$(REGISTRY)/$(image):$(VERSION)) $(foreach chart,$(PUBLISHED),$(REGISTRY)/charts/$(chart):$(VERSION))

push-charts: ## Package the charts and push them to REGISTRY (OCI)
	@mkdir -p build/charts
	for chart in $(PUBLISHED); do \
	  helm package helm/$$chart --version $(VERSION) --app-version $(VERSION) -d build/charts && \
	  helm push build/charts/$$chart-$(VERSION).tgz oci://$(REGISTRY)/charts || exit 1; done

charts: $(VENV)/.installed ## Write path table, schemas and pages of the charts, and the images' package lists again
	$(BIN)/python helm/generate.py
	$(BIN)/python -m images.packages

deploy: images load ## Build, load, and install every service as its own release into the cluster of KUBECONFIG
	helm/deploy.sh

infra: ## List what infra-NAME installs beside Oblivion, with pinned values
	@grep -H '^# version' infra/values/*.yaml | sed 's|infra/values/||; s|.yaml:# version: |  |'

infra-%: infra/values/%.yaml
	@header() { sed -n "s/^# $$1: //p" $<; }; repository=$$(header repository); chart=$$(header chart); \
	case $$repository in oci://*) where="$$repository/$$chart";; *) where="$$chart --repo $$repository";; esac; \
	helm upgrade --install $* $$where --version $$(header version) -n $$(header namespace) --create-namespace -f $<

e2e: $(VENV)/.installed ## Try the whole system on the cluster of KUBECONFIG, whose nodes have the images
	$(BIN)/pytest tests/e2e -m e2e

clean: ## Remove what was built; data of `make run` stays
	rm -rf $(VENV) build .pytest_cache .ruff_cache .hypothesis

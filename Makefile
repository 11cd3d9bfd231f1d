# Two commands for a newcomer: `make setup`, `make demo`. Everything fetched lies in .tools and node_modules, by version.
NODE_VERSION := 24.21.0
ENVOY_VERSION := 1.40.0
ENVOY_OLDEST_VERSION := 1.36.2
KUBE_VERSION := 1.34.2
EXT_AUTHZ_VERSION := 0.0.0-20260827124520-eed52ebb66ad

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory --no-builtin-rules
export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/node_modules/.bin:$(PATH)

NODE := .tools/node-$(NODE_VERSION)/.done
MODULES := node_modules/.done
PROTOS := generated/.done
PROTO_SOURCES := $(shell find protos scripts/protos scripts/gen-protos.ts -type f)

.PHONY: help setup deps envoy envoy-oldest kube ext-authz system browser check test e2e-oldest explain-long demo examples bench fmt coverage drift overlay clean distclean

help: ## show this help
	@echo 'Coxswain: a zero-trust control plane for stock Envoy'
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | \
	  while IFS=$$'\t' read -r name text; do printf '  make %-13s %s\n' "$$name" "$$text"; done

setup: deps system envoy ## fetch all that is needed: Node, packages, Envoy, system tools (again: instant)

deps: $(PROTOS)

$(NODE): scripts/setup/node.sh
	@scripts/setup/node.sh $(NODE_VERSION)
	@touch $@

$(MODULES): package.json package-lock.json generated/package.json .npmrc | $(NODE)
	@echo 'setup: npm packages'
	@npm ci --ignore-scripts --prefer-offline --loglevel=error >/dev/null
	@touch $@

$(PROTOS): $(PROTO_SOURCES) $(MODULES) | $(NODE)
	@echo 'setup: Envoy API'
	@node --disable-warning=ExperimentalWarning scripts/gen-protos.ts >/dev/null
	@touch $@

system:
	@scripts/setup/system.sh

envoy:
	@scripts/setup/envoy.sh $(ENVOY_VERSION)

envoy-oldest: ## fetch the oldest Envoy that we support, too
	@scripts/setup/envoy.sh $(ENVOY_OLDEST_VERSION)

browser: ## install a real browser, Chromium, for the example and the tests that need one (Debian packages, as root)
	@scripts/setup/browser.sh

kube: ## build a real Kubernetes API server with its etcd and controllers (some minutes, once)
	@scripts/setup/kube.sh $(KUBE_VERSION)

ext-authz: ## build an external authorizer that is not ours, for the end-to-end tests (some minutes, once)
	@scripts/setup/ext-authz.sh $(EXT_AUTHZ_VERSION)

check: deps ## the gate before each commit: format, lint, rules, types, fast tests
	@node test/run/main.ts --group check

# What has to be built is built beside the first layers, and out of their way; the layers named after it wait for it.
test: setup envoy-oldest browser ## every layer of tests: the newest and the oldest Envoy, a real API server, Chromium
	@nice -n 19 $(MAKE) ext-authz kube >/dev/null 2>&1 & trap "kill $$! 2>/dev/null || true" EXIT; node test/run/main.ts

e2e-oldest: deps system envoy-oldest ## the end-to-end matrices, on the oldest Envoy only
	@node test/run/main.ts --layer e2e --grep 'Envoy $(ENVOY_OLDEST_VERSION)'

explain-long: setup envoy-oldest ## hold the evaluator behind `authz explain` against real Envoys: 200,000 requests
	@PAIRS=200000 npx mocha --no-config --extension ts --require ./test/run/setup.ts --spec test/integration/envoy/explain.test.ts

demo: setup $(if $(KUBE),kube) ## a mesh on this machine, with a story to watch; KUBE=1: the same with kubectl on a real API server
	@node examples/demo.ts

examples: setup browser ## run every example and check what it promises; installs Chromium for one of them
	@node examples/run.ts

bench: setup ## measure
	@npm run --silent bench

fmt: deps ## format, and mend what lint can mend by itself
	@biome check --write .

coverage: deps ## unit tests with a coverage report in coverage/
	@c8 --include 'src/**' --reporter text-summary --reporter html node test/run/main.ts --layer unit

drift: deps envoy ## compare our protobuf descriptor with the API inside Envoy
	@node scripts/proto-drift.ts .tools/envoy-$(ENVOY_VERSION)/envoy

overlay: deps envoy ## write protos/overlay.json again from the API inside Envoy
	@node scripts/proto-drift.ts .tools/envoy-$(ENVOY_VERSION)/envoy --update

clean: ## remove what was built
	@find generated -mindepth 1 ! -name package.json -delete
	@rm -rf coverage dist .tools/cache

distclean: clean ## remove what was fetched, too
	@rm -rf node_modules .tools

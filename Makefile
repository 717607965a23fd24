# Everything a developer needs; `make help` lists it.
GO      ?= go
BIN     := bin
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
RACE    := $(shell command -v $${CC:-cc} >/dev/null 2>&1 && echo -race)
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build all programs into bin/
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/... ./agents/...

# Those of chaos measure, or load the disk and both processors for long.
CHAOS := /tests/(crash|linear|soak)$$

.PHONY: test
test: ## run every test but those of chaos, with the race detector where there is a C compiler
	@$(if $(RACE),,echo 'no C compiler: testing without the race detector')
	$(GO) test $(RACE) -timeout 10m $$($(GO) list ./... | grep -Ev '$(CHAOS)')

.PHONY: node
node: ## install what the tests of the Node client need (Node 20 or newer)
	npm ci --no-audit --no-fund --prefix tests/interop

.PHONY: lint
lint: ## gofmt, go vet, staticcheck, and the project's own rules
	@test -z "$$(gofmt -l .)" || { echo 'run gofmt -w on:'; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) run -modfile=tools/lint/go.mod honnef.co/go/tools/cmd/staticcheck ./...
	$(GO) run ./tools/nkvgen -check ./...

.PHONY: demo
demo: build ## the whole path of a value on a device configuration (NKV_DEMO_CONFIG=FILE, KEEP=1)
	@$(GO) build -o $(BIN)/demo ./tests/demo
	@$(BIN)/demo -bin $(BIN) $(if $(NKV_DEMO_CONFIG),-config '$(NKV_DEMO_CONFIG)') $(if $(KEEP),-keep)

.PHONY: generate
generate: ## write generated code, schemas and docs/tables.md anew
	$(GO) generate ./...

.PHONY: bench
bench: ## measure against what people would use instead (BENCH=codec)
	$(GO) run ./tests/$(or $(BENCH),codec)/bench

.PHONY: docs
docs: ## rewrite the generated part of docs/agents.md
	$(GO) run ./tools/agentdoc

.PHONY: load
load: ## what many connections cost: resident memory, latencies, a stopped reader
	$(GO) run ./tests/load

.PHONY: fuzz
fuzz: ## run each fuzz target for a few seconds (FUZZTIME=10s)
	@tools/fuzz.sh $(or $(FUZZTIME),10s)

.PHONY: chaos
chaos: ## power loss, faults, slow and hostile clients: a line for each test (LONG=1)
	@$(if $(LONG),NKV_LONG=1) GO=$(GO) RACE=$(RACE) tools/chaos.sh

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BIN)

# Every target says what it does as it runs; `make` alone lists them.
#
# PORT or BIND_ADDR, DATA_DIR, RUST_LOG, CARGO_TARGET_DIR and every variable that the servers read
# can be given: `make run PORT=9000`. ARGS goes to the load generator: `make bench ARGS=--help`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

TARGET_DIR := $(abspath $(or $(CARGO_TARGET_DIR),target))
RELEASE := $(TARGET_DIR)/release
# At the end, because what the machine has goes first.
export PATH := $(PATH):$(CURDIR)/.tools/bin

.PHONY: help run cluster test rows lint audit bench bench-check hostile chaos chaos-size chaos-mutants fuzz conformance alerts schemathesis manifests images docs asyncapi tools clean

help: ## list the targets (this)
	@echo "FreelanceHub Messaging. Targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Each target builds the whole workspace: other packages mean other features of what they depend on, and a second build of it.
#
# The shell is replaced by the program, so that Ctrl-C and SIGTERM reach it and nothing else.
run: tools ## build and run everything in one process on port 8000, with a demo contract and the inbox
	@echo "run: building (release)"
	@cargo build --release --workspace --bins
	@./deploy/tools/build-inbox
	@echo "run: starting; Ctrl-C stops it, the data stays in $${DATA_DIR:-.data}"
	@[[ ! -d services/web/dist ]] || export WEB_DIR="$${WEB_DIR:-services/web/dist}"; \
		DEMO=1 DATA_DIR="$${DATA_DIR:-.data}" BIND_ADDR="$${BIND_ADDR:-127.0.0.1:$${PORT:-8000}}" \
		exec "$(RELEASE)/messaging-standalone"

cluster: tools ## build and run 2 APIs and 3 gateways behind a round-robin front on port 8000
	@echo "cluster: building (release)"
	@cargo build --release --workspace --bins
	@BINARIES="$(RELEASE)" exec deploy/local/cluster.sh

test: ## run all tests, on real servers of their own
	@echo "test: bringing the servers"
	@./deploy/tools/fetch.py --own
	@echo "test: building the binaries that the end-to-end tests start"
	@cargo build --workspace --bins
	@./deploy/tools/npm-install tests/e2e
	@./deploy/tools/npm-install shared/client-js
	@./deploy/tools/npm-install services/web
	@echo "test: running the tests of the client package"
	@MESSAGING_STANDALONE="$(TARGET_DIR)/debug/messaging-standalone" npm test --silent --prefix shared/client-js
	@echo "test: running the tests of the inbox, in a browser"
	@MESSAGING_STANDALONE="$(TARGET_DIR)/debug/messaging-standalone" npm test --silent --prefix services/web
	@npm run size --silent --prefix services/web
	@echo "test: running the tests of every crate"
	@./deploy/tools/cargo-test --workspace

rows: ## list the rows of docs/contract.md and the tests of each; fails where one lacks the other
	@./deploy/tools/npm-install tests/e2e >&2
	@cd tests/e2e && node scenarios/contract_rows.js list

# Advisories have a target of their own, `audit`: they need a database from the network on every run.
lint: ## check format, clippy and ESLint without warnings, licences and who owns which driver
	@./deploy/tools/fetch.py --lint
	@echo "lint: cargo fmt"
	@cargo fmt --all --check
	@echo "lint: cargo clippy"
	@cargo clippy --workspace --all-targets -- -D warnings
	@./deploy/tools/npm-install shared/client-js
	@echo "lint: the client package"
	@npm run lint --silent --prefix shared/client-js
	@./deploy/tools/npm-install services/web
	@echo "lint: the inbox"
	@npm run lint --silent --prefix services/web
	@echo "lint: cargo deny"
	@cargo deny check bans licenses sources
	@./deploy/tools/check-manifests rules

audit: ## look for known vulnerabilities in what we depend on; ADVISORY_DB may name a mirror of RustSec's database
	@./deploy/tools/fetch.py --lint
	@./deploy/tools/audit

bench: tools ## measure rates, times, memory and CPU of the whole system, some 8 minutes; ARGS="SCENARIO --help", ARGS=help lists them
	@echo "bench: building (release)"
	@cargo build --release --workspace --bins --example commit_vs_naive
	@[[ -n "$(ARGS)" ]] || echo "bench: measuring the write path beside a naive one"
	@[[ -n "$(ARGS)" ]] || "$(RELEASE)/examples/commit_vs_naive"
	@echo "bench: measuring the whole system"
	@"$(RELEASE)/messaging-load" $(ARGS)

hostile: tools ## measure what a gateway takes of memory under slow readers, half-open connections and floods, against its bound
	@echo "hostile: building (release)"
	@cargo build --release --workspace --bins
	@"$(RELEASE)/messaging-load" hostile $(ARGS)

chaos: tools ## kill, stop, cut off and slow down parts of a cluster under load, and check that nothing is lost; ARGS="--fault NAME --seed N", ARGS=--list
	@./deploy/tools/npm-install tests/e2e
	@echo "chaos: building"
	@cargo build --workspace --bins
	@exec "$(TARGET_DIR)/debug/messaging-chaos" $(ARGS)

# A release build: at this size a debug build measures itself. ARGS may give any of the options anew.
chaos-size: tools ## restart every gateway and API under 2,000 connections and 200 messages/s, and check that nothing is lost
	@./deploy/tools/npm-install tests/e2e
	@echo "chaos-size: building (release)"
	@cargo build --release --workspace --bins
	@exec "$(RELEASE)/messaging-chaos" --fault rolling-restart --users 800 --every-ms 6500 --drain-seconds 20 $(ARGS)

# The mutants are copied away, and the binaries that others start are built anew without them.
chaos-mutants: tools ## check that the checker of `make chaos` finds faults that are put in on purpose
	@./deploy/tools/npm-install tests/e2e
	@echo "chaos-mutants: building"
	@cargo build --workspace --bins --features messaging-gateway/mutants,messaging-store/mutants
	@mkdir -p "$(TARGET_DIR)/debug/mutants"
	@cp "$(TARGET_DIR)"/debug/messaging-{api,gateway} "$(TARGET_DIR)/debug/mutants/"
	@cargo build --workspace --bins
	@exec "$(TARGET_DIR)/debug/messaging-chaos" --mutants --seeds 5 --binaries "$(TARGET_DIR)/debug/mutants" $(ARGS)

# A debug build allocates what a release build does, but for less than one percent, and is built sooner. The counting binary is copied
# away, and the one that others start is built anew without it.
bench-check: tools ## check that no more is allocated for a connection, a message and a call than tests/load/allocations.json allows; ARGS=--write keeps what is measured
	@echo "bench-check: building"
	@cargo build --workspace --bins --features messaging-standalone/allocations
	@mkdir -p "$(TARGET_DIR)/debug/counting"
	@cp "$(TARGET_DIR)/debug/messaging-standalone" "$(TARGET_DIR)/debug/counting/"
	@cargo build --workspace --bins
	@exec "$(TARGET_DIR)/debug/messaging-load" check --binary "$(TARGET_DIR)/debug/counting/messaging-standalone" $(ARGS)

# A build of its own by a nightly compiler, outside of the workspace.
fuzz: ## feed generated input to a decoder; ARGS="TARGET [SECONDS]", TARGET may be all, without ARGS they are listed
	@./deploy/tools/fuzz $(ARGS)

# What is fetched for it stays in .tools and is no part of the project.
conformance: ## run the protocols' own suites, Autobahn and promtool; ARGS names some of them
	@echo "conformance: building (release)"
	@cargo build --release --workspace --example protocol_echo
	@BINARIES="$(RELEASE)" ./deploy/tools/conformance $(ARGS)

# The names are part of `make test`, too.
alerts: ## test each alert, and ask every query of the dashboards of a cluster under load; fetches prometheus; ARGS names parts
	@./deploy/tools/alerts $(ARGS)

schemathesis: tools ## hold a running service against its OpenAPI document (installs into .tools/venv); ARGS is the number of examples
	@echo "schemathesis: building"
	@cargo build --workspace --bins
	@env -u MONGODB_URI -u NATS_URL ./deploy/tools/schemathesis.py "$(TARGET_DIR)/debug" $(ARGS)

# Its tools take minutes and half a gigabyte at the first call, so `make lint` has only the part that needs none; the tests hold the same
# files against the services.
manifests: ## check the Dockerfile, deploy/compose.yaml, the fronts and k8s/ without a cluster (installs into .tools/manifests); ARGS names parts
	@./deploy/tools/check-manifests $(ARGS)

images: ## build what the images have without Docker (release), and start each as a container would be; ARGS=target/debug takes binaries that are there
	@./deploy/tools/check-images $(ARGS)

docs: asyncapi ## write anew what docs/ has of the types: asyncapi.yaml, and the references of the guide
	@WRITE_DOCS=1 cargo test --quiet --workspace --lib --example asyncapi the_guide_has

asyncapi: ## write docs/asyncapi.yaml anew, and check it with AsyncAPI's own parser (installs into .tools/asyncapi)
	@echo "asyncapi: writing docs/asyncapi.yaml"
	@cargo run --quiet --example asyncapi
	@npm install --prefix .tools/asyncapi --no-audit --no-fund --loglevel=error @asyncapi/parser@3.6.3
	@node deploy/tools/asyncapi-check.mjs

tools: ## bring mongod and nats-server into .tools, unless PATH or a URL has them
	@./deploy/tools/fetch.py

clean: ## remove what was built and the demo's data; ALL=1 removes .tools, too
	@echo "clean: removing $(TARGET_DIR), .data, and what npm has installed and built"
	@for pid in $$(cat .data/*.pid .data/cluster/*.pid 2>/dev/null || true); do \
		if kill -0 "$$pid" 2>/dev/null; then \
			echo "clean: a server of .data is running (process $$pid), stop it first" >&2; exit 1; fi; done
	@rm -rf -- "$(TARGET_DIR)" .data {tests/e2e,shared/client-js,services/web}/{node_modules,build,dist}
	@if [ -n "$(ALL)" ]; then echo "clean: removing .tools"; rm -rf -- .tools; fi

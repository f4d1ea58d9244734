# Two commands do everything: `make run` (the demo) and `make test` (what CI checks).
# The rest is for development; CONTRIBUTING.md says when to use which.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
TARGET := $(or $(CARGO_TARGET_DIR),target)
HOOKSWITCH := $(TARGET)/debug/hookswitch

.PHONY: run test test-long build bench crash-test simulate fuzz coverage openapi adapter check lint console screenshots help

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: ## Build what the demo needs and start it
	@scripts/tools.sh run
	@scripts/build-demo.sh
	@exec $(HOOKSWITCH) demo

test: ## Everything CI checks
	@scripts/test.sh

test-long: test coverage ## What takes longer: line coverage, the kill test at full size
	@$(MAKE) crash-test

build: ## Console and release binary
	@scripts/tools.sh build
	@scripts/console.sh
	@cd console && npm run --silent release
	cargo build --release --locked -p hookswitch-server
	@ls -l $(TARGET)/release/hookswitch

bench: build ## Measure everything that is promised, in one run; BENCH='--only NAME' for a part
	cargo build --release --locked -p hookswitch-bench
	$(TARGET)/release/hookswitch-bench run --binary $(TARGET)/release/hookswitch --out $(TARGET)/bench.json \
		--postgres "$$(scripts/services.sh)" $(BENCH)

crash-test: ## Kill the server while it is written to, on both engines; nothing that was acknowledged may be lost
	@scripts/tools.sh build
	cargo build --release --locked -p hookswitch-server -p hookswitch-bench
	@for database in sqlite "$$(scripts/services.sh)"; do \
		$(TARGET)/release/hookswitch-bench crash --binary $(TARGET)/release/hookswitch --database "$$database" \
			--events $(or $(EVENTS),100000) --rate 0 --patience-seconds 300; \
	done

simulate: ## 100,000 seeded histories of the outbound line; SEEDS=n for so many, SEED=k replays one
	cargo run --locked --quiet -p hookswitch-sim -- $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),100000))

fuzz: ## Each fuzz target for 60 s; FUZZ_SECONDS=n for another time, ONLY=name for one
	@scripts/tools.sh run
	@scripts/fuzz.sh $(ONLY)

coverage: ## Line coverage of the Rust crates, 70 % or more
	@scripts/coverage.sh

adapter: ## Test one adapter: make adapter NAME=slack
	@test -f crates/pipeline/tests/it/adapter/$(NAME).rs -o -f crates/pipeline/tests/it/$(NAME).rs || \
		{ echo "make adapter NAME=...: one of webhook $$(cd crates/pipeline/tests/it/adapter && ls | grep -vE 'mod|fake' | sed 's/\.rs//' | xargs)"; exit 2; }
	cargo test --locked -p hookswitch-pipeline --lib --test it -- $(NAME):: adapter::tests adapter::every adapter::no_adapter template:: settings::

openapi: ## Write openapi.json and openapi.yaml anew
	cargo build --locked -p hookswitch-server
	$(HOOKSWITCH) openapi > openapi.json
	$(HOOKSWITCH) openapi --yaml > openapi.yaml

console: ## The console alone
	@scripts/console.sh

screenshots: ## Take the README's pictures anew
	cargo build --locked -p hookswitch-server
	@scripts/screenshots.sh

lint: ## Formatting, clippy and cargo-deny
	@scripts/lint.sh

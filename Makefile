.DEFAULT_GOAL := help
.PHONY: help setup build demo test bench interop docs lint fmt clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing to build, try and test everything
	@scripts/setup.sh

build: ## Build the native programs, the wasm package and the JavaScript package
	@scripts/build.sh

demo: ## Start the switchboard, an echo agent and the web softphone, and print the address
	@scripts/demo.sh

test: ## Run everything that must pass
	@scripts/test.sh

bench: ## Measure against the peers; results in target/bench/results.json
	@scripts/bench.sh

interop: ## Run the suites against real servers and clients
	@scripts/interop.sh

docs: ## Build the guide and the references into target/site
	@scripts/docs.sh

lint: ## Check formatting, lints and types
	@scripts/lint.sh

fmt: ## Format the Rust code
	@cargo fmt --all

clean: ## Remove what the builds wrote
	@scripts/clean.sh

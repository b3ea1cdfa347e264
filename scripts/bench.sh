#!/usr/bin/env bash
# Measures Offhook and its peers in one run, prints a table and writes target/bench/results.json.
# Arguments go to the benchmark program: --quick, or the keys of some figures.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh bench
mkdir -p target/bench
exec cargo run --release --manifest-path tests/bench/Cargo.toml --target-dir target/bench/build -- \
    --out target/bench/results.json "$@"

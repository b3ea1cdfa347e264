#!/usr/bin/env bash
# Measures Offhook and its peers in one run, prints a table and writes target/bench/results.json.
# Arguments go to the benchmark program: --quick, or the keys of some figures.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh bench
mkdir -p target/bench

# The browser's figures first; the benchmark program takes them from the file into its table.
web=(wasm_parse wasm_cycle wasm_heap wasm_ready bundle_brotli)
native=0 browser=()
for argument in "$@"; do
    case " ${web[*]} " in
        *" $argument "*) browser+=("$argument") ;;
        *) if [[ $argument != --* ]]; then native=1; fi ;;
    esac
done
if ((${#browser[@]} || !native)); then
    # shellcheck source=/dev/null
    source target/setup/wasm-env # the browser
    scripts/build.sh wasm js
    quick=()
    if [[ " $* " == *" --quick "* ]]; then quick=(--quick); fi
    node tests/bench/web/run.mjs --out target/bench/results.json "${quick[@]}" "${browser[@]}"
fi

# A peer that cannot be built must not hide the rest: the results name those that are missing.
build=(cargo build --release --manifest-path tests/bench/Cargo.toml --target-dir target/bench/build)
if ! "${build[@]}"; then
    echo "bench: the peers from crates.io cannot be built here; measuring without them" >&2
    "${build[@]}" --no-default-features
fi
exec target/bench/build/release/offhook-bench --out target/bench/results.json "$@"

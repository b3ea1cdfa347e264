#!/usr/bin/env bash
# Removes what the builds wrote. The tools that the set-up installed stay.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo clean
rm -rf sip-wasm/pkg js/wasm js/dist examples/softphone/dist
rm -rf js/node_modules examples/softphone/node_modules tests/web/node_modules tests/bench/node_modules

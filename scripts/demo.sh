#!/usr/bin/env bash
# Sets up what is missing, builds, and starts the switchboard, an echo agent and the web softphone on one local port.
# Arguments go to the switchboard.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh demo
scripts/build.sh wasm js softphone
cargo build --release -p offhook-examples --bins
exec target/release/switchboard demo "$@"

#!/usr/bin/env bash
# Runs Offhook against real servers and clients. Arguments go to the test program, for example a test's name.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh interop
# They start servers on fixed ports, so one at a time.
exec cargo test -p offhook-tests --features interop --test interop -- --test-threads=1 "$@"

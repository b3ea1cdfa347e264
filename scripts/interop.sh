#!/usr/bin/env bash
# Runs Offhook against real servers and clients: Kamailio, Asterisk, SIPp, baresip. Arguments go to the test program, for
# example a part of the tests' names: scripts/interop.sh "Asterisk WSS". UPDATE=1 writes the table in tests/README.md.
#
# Everything is started on free ports of the loopback and ends with its test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh interop
# The page against them, where no part is asked for.
if [[ $# -eq 0 ]]; then
    # shellcheck source=/dev/null
    source target/setup/wasm-env # the browser
    scripts/build.sh wasm js softphone
    (cd tests/web && npm run --silent exchanges)
fi
cargo test -p offhook-tests --features interop --test interop -- "$@"
# A hundred thousand calls through one process.
cargo test -p offhook-tests --features interop --test soak -- --nocapture "$@"
# Audio with the same servers and phones.
exec cargo test -p offhook-tests --features interop --test interop_media -- "$@"

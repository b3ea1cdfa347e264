#!/usr/bin/env bash
# Runs the fuzz targets of the core, one after another.
#
#   scripts/fuzz.sh [SECONDS [TARGET...]]      no argument: a minute for each target
#
# Needs the nightly toolchain and cargo-fuzz (cargo install cargo-fuzz). What it learns stays in tests/fuzz/corpus; what
# it finds goes to tests/fuzz/artifacts: move it to tests/fuzz/seeds/TARGET once it is mended, where every test run plays it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../tests/fuzz"

seconds=${1:-60}
targets=("${@:2}")
if [[ $# -lt 2 ]]; then targets=(message stream sdp uri multipart packages endpoint); fi

for target in "${targets[@]}"; do
    mkdir -p "corpus/$target"
    folders=("corpus/$target" "seeds/$target")
    case $target in message | stream) folders+=(../vectors/rfc4475) ;; esac
    echo "== $target: $seconds s …"
    # The core has no unsafe code for a sanitizer to watch.
    cargo +nightly fuzz run --fuzz-dir . --sanitizer none "$target" "${folders[@]}" -- \
        -max_total_time="$seconds" -dict=sip.dict -timeout=5 -rss_limit_mb=2048 -max_len=4096 -verbosity=0
done

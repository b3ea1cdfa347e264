#!/usr/bin/env bash
# Runs the fuzz targets of the core, one after another, and stops at the first finding.
#
#   scripts/fuzz.sh [SECONDS [TARGET...]]      no argument: a minute for each target
#
# Needs no more than the toolchain of the project and a C++ compiler: the compiler's own coverage pass is switched on by
# flags, libFuzzer comes with the crate libfuzzer-sys. What it learns goes to tests/fuzz/corpus, and into the repository by
# scripts/fuzz-keep.sh; what it finds goes to tests/fuzz/artifacts: move it to tests/fuzz/seeds/TARGET once it is mended.
# Every test run plays both.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../tests/fuzz"

seconds=${1:-60}
targets=("${@:2}")
if [[ $# -lt 2 ]]; then targets=(message stream sdp uri multipart packages endpoint); fi

# The flags of cargo-fuzz without a sanitizer: the core has no unsafe code for one to watch.
coverage="--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module"
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    coverage+=" -Cllvm-args=-sanitizer-coverage-$option"
done
# With a target named, build scripts and macros are built without them.
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS=$coverage cargo build --release --target "$host" "${targets[@]/#/--bin=}"

for target in "${targets[@]}"; do
    mkdir -p "corpus/$target" "artifacts/$target"
    if [[ -e kept/$target.tar ]]; then tar -xf "kept/$target.tar" -C "corpus/$target"; fi
    folders=("corpus/$target" "seeds/$target")
    case $target in message | stream) folders+=(../vectors/rfc4475) ;; esac
    # A life of an endpoint is as long as a few calls.
    longest=4096
    if [[ $target == endpoint ]]; then longest=16384; fi
    echo "== $target: $seconds s …"
    "target/$host/release/$target" "${folders[@]}" -max_total_time="$seconds" -dict=sip.dict -timeout=5 \
        -rss_limit_mb=2048 -max_len="$longest" -verbosity=0 -print_final_stats=1 -artifact_prefix="artifacts/$target/"
done

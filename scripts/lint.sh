#!/usr/bin/env bash
# Formatting, lints and types, without building anything that runs.
#
#   scripts/lint.sh [rust] [types]      no argument: both
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

parts=("$@")
if [[ $# -eq 0 ]]; then
    scripts/setup.sh test
    parts=(rust types)
fi

for part in "${parts[@]}"; do
    case $part in
        rust)
            # rustfmt colours what it prints even into a file, unless told.
            cargo fmt --all --check -- --color "$([[ -t 1 ]] && echo auto || echo never)"
            cargo clippy --workspace --all-targets --features offhook/http,offhook/media,offhook/tls -- -D warnings
            ;;
        types)
            # The classes are checked against the glue that wasm-bindgen writes.
            if [[ -e js/tsconfig.json && ! -e js/wasm/offhook_wasm.d.ts ]]; then scripts/build.sh wasm; fi
            for dir in js examples/softphone tests/web; do
                if [[ -e $dir/tsconfig.json ]]; then js/node_modules/.bin/tsc --noEmit --project "$dir"; fi
            done
            ;;
        *)
            echo "lint: unknown part '$part'; there are: rust types" >&2
            exit 2
            ;;
    esac
done

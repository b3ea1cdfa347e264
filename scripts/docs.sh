#!/usr/bin/env bash
# Builds the guide with its references into target/site, and fails on a dead link, a sample that does not compile, or an
# item without documentation.
#
#   scripts/docs.sh [samples] [guide] [rust]      no argument: all of them
#
# samples  the TypeScript and React samples of the guide (needs js/dist; those in Rust are a test of the examples)
# guide    the pages, and the TypeScript reference
# rust     the Rust reference
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

parts=("$@")
if [[ $# -eq 0 ]]; then
    scripts/setup.sh docs
    if [[ ! -e js/dist/react/index.d.ts ]]; then scripts/build.sh wasm js; fi
    parts=(samples guide rust)
fi

site=target/site
for part in "${parts[@]}"; do
    case $part in
        samples) docs/node_modules/.bin/tsc --project docs/samples ;;
        guide)
            (cd docs && npm run --silent build && npm run --silent api)
            echo "the guide is at $site/index.html"
            ;;
        rust)
            RUSTDOCFLAGS="-D warnings -D missing_docs" cargo doc --no-deps -p offhook-core -p offhook --features offhook/http,offhook/media,offhook/tls
            if [[ -d $site ]]; then
                rm -rf "$site/api/rust"
                mkdir -p "$site/api"
                cp -r "${CARGO_TARGET_DIR:-target}/doc" "$site/api/rust"
            fi
            ;;
        *)
            echo "docs: unknown part '$part'; there are: samples guide rust" >&2
            exit 2
            ;;
    esac
done

#!/usr/bin/env bash
# Builds Offhook.
#
#   scripts/build.sh [native] [wasm] [js] [softphone]      no argument: all of them
#
# native     the crates and programs, in release mode
# wasm       sip-wasm, with its JavaScript glue, into js/wasm
# js         the npm package (needs wasm)
# softphone  the web page of the demo (needs js)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

parts=("$@")
if [[ $# -eq 0 ]]; then
    scripts/setup.sh demo
    parts=(native wasm js softphone)
fi

# npm_build DIRECTORY: runs its build script, once it has one.
npm_build() {
    if [[ -e $1/package.json ]]; then (cd "$1" && npm run --silent build); fi
}

for part in "${parts[@]}"; do
    case $part in
        native) cargo build --release --workspace --exclude offhook-wasm ;;
        # The out directory is relative to the crate; package.json is js/'s own.
        wasm)
            scripts/wasm-cargo wasm-pack build sip-wasm --profile wasm-release --target web --mode no-install \
                --no-opt --no-pack --out-dir ../js/wasm
            js/node_modules/.bin/wasm-opt -Oz --strip-debug --strip-producers \
                js/wasm/offhook_wasm_bg.wasm -o js/wasm/offhook_wasm_bg.wasm
            ;;
        js) npm_build js ;;
        softphone) npm_build examples/softphone ;;
        *)
            echo "build: unknown part '$part'; there are: native wasm js softphone" >&2
            exit 2
            ;;
    esac
done

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

# The module, its JavaScript and its types, into js/wasm. Optimized a little only: what wasm-opt does for fewer bytes costs
# more of them once they are compressed.
build_wasm() {
    # shellcheck source=/dev/null
    source target/setup/wasm-env
    local built=target/wasm
    if [[ -n ${OFFHOOK_WASM_SOURCES:-} ]]; then built=target/wasm-small; fi
    scripts/wasm-cargo small build -p offhook-wasm --lib --profile wasm-release --target wasm32-unknown-unknown
    PATH=${OFFHOOK_WASM_PATH:+$OFFHOOK_WASM_PATH:}$PATH wasm-bindgen --target web --out-dir js/wasm \
        "$built/wasm32-unknown-unknown/wasm-release/offhook_wasm.wasm"
    js/node_modules/.bin/wasm-opt -O1 --strip-debug --strip-producers \
        js/wasm/offhook_wasm_bg.wasm -o js/wasm/offhook_wasm_bg.wasm
    echo '*' >js/wasm/.gitignore
}

for part in "${parts[@]}"; do
    case $part in
        native) cargo build --release --workspace --exclude offhook-wasm ;;
        wasm) build_wasm ;;
        js) npm_build js ;;
        softphone) npm_build examples/softphone ;;
        *)
            echo "build: unknown part '$part'; there are: native wasm js softphone" >&2
            exit 2
            ;;
    esac
done

#!/usr/bin/env bash
# Runs everything that must pass, one step after another, and stops at the first that fails.
#
#   scripts/test.sh [STEP...]      no argument: all steps, in this order:
#
# lint           formatting and clippy
# native         the tests of all crates, natively
# gate           instructions and allocations of reading, writing and calling are those of the baseline
# core-wasm      the core's tests again, compiled to wasm32, in Node
# driver-web     the browser driver's tests, in headless Chromium
# package        the wasm package, the JavaScript package, the softphone; types; what an app loads is as small as it was
# docs           the guide and the references: samples compile, no dead link, nothing without documentation
# js             the JavaScript package's tests
# e2e            the web tests, in headless Chromium
# firefox        the main ones of them, in headless Firefox
# scenarios-web  the shared scenarios by the JavaScript classes, in headless Chromium
# scenarios-worker  the same, with the agents in workers
#
# What a step prints goes to target/test-logs/STEP.log, and to the terminal when it fails (VERBOSE=1: always).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

all=(lint native gate core-wasm driver-web package docs js e2e firefox scenarios-web scenarios-worker)
# What a step is about; a step is skipped only as long as that does not exist.
declare -A about=([driver-web]=sip-wasm/tests [js]=js/package.json [e2e]=tests/web/package.json)
declare -A title=(
    [lint]="formatting and lints"
    [native]="all crates, natively"
    [gate]="instructions and allocations"
    [core-wasm]="the core on wasm32, in Node"
    [driver-web]="the browser driver, in Chromium"
    [package]="wasm and JavaScript packages, types"
    [docs]="the guide and the references"
    [js]="the JavaScript package"
    [e2e]="the web tests, in Chromium"
    [firefox]="calls, in Firefox"
    [scenarios-web]="the shared scenarios, in Chromium"
    [scenarios-worker]="the shared scenarios, in workers in Chromium"
)

step_lint() { scripts/lint.sh rust; }
step_native() {
    # One build with all features of the driver; that it also builds without any is a matter of seconds.
    cargo test --no-fail-fast --workspace --exclude offhook-wasm --features offhook/http,offhook/media,offhook/tls
    cargo check -p offhook --no-default-features
}
step_gate() { cargo run --release --quiet -p offhook-workload --bin gate; }
step_core-wasm() {
    # Not the doc tests: they are the same code as natively, and wasm32 has no way to run them.
    scripts/wasm-cargo test -p offhook-core --lib --tests --target wasm32-unknown-unknown
}
step_driver-web() {
    scripts/wasm-cargo wasm-pack test --headless --chrome --chromedriver "$CHROMEDRIVER" --mode no-install sip-wasm
}
step_package() { scripts/build.sh wasm js softphone && scripts/lint.sh types && node tests/size/gate.mjs; }
step_docs() { scripts/docs.sh samples guide rust; }
step_js() { cd js && npm test; }
step_e2e() { cd tests/web && npm test; }
step_firefox() { cd tests/web && npm run --silent firefox; }
step_scenarios-web() { cargo test -p offhook-tests --test scenarios_browser; }
step_scenarios-worker() { OFFHOOK_HOST=worker cargo test -p offhook-tests --test scenarios_browser; }

steps=("$@")
if [[ $# -eq 0 ]]; then steps=("${all[@]}"); fi
for name in "${steps[@]}"; do
    if [[ -z ${title[$name]:-} ]]; then
        echo "test: unknown step '$name'; there are: ${all[*]}" >&2
        exit 2
    fi
done

scripts/setup.sh test
# shellcheck source=/dev/null
source target/setup/wasm-env # the browser and its driver

logs=target/test-logs
mkdir -p "$logs"

# How many tests ran, from the closing lines of cargo test and wasm-bindgen's runner, node --test, and Playwright.
count_tests() {
    awk '/^test result: / { for (i = 2; i <= NF; i++) if ($i ~ /^passed/) n += $(i - 1) }
         /^(#|ℹ) pass [0-9]+/ { n += $3 }
         /^ +[0-9]+ passed( |$)/ { n += $1 }
         END { print n + 0 }' "$1"
}

# Each step runs in a process of its own, where an error ends it: bash ignores `set -e` inside an `if`.
run() {
    local command
    command="set -euo pipefail; $(declare -f "step_$1"); step_$1"
    if [[ -n ${VERBOSE:-} ]]; then
        bash -c "$command" </dev/null 2>&1 | tee "$2"
    else
        bash -c "$command" </dev/null >"$2" 2>&1
    fi
}

passed=0 skipped=0
summary() { # FAILED
    echo
    if ((skipped)); then echo "$passed passed, $1 failed, $skipped skipped"; else echo "$passed passed, $1 failed"; fi
}

for name in "${steps[@]}"; do
    log=$logs/$name.log
    if [[ -n ${about[$name]:-} && ! -e ${about[$name]} ]]; then
        echo "== $name: ${title[$name]} … SKIPPED, there is no ${about[$name]} yet"
        skipped=$((skipped + 1))
        continue
    fi
    echo "== $name: ${title[$name]} …"
    started=$SECONDS
    if run "$name" "$log"; then
        tests=$(count_tests "$log")
        if ((tests)); then
            echo "   ok, $tests tests, $((SECONDS - started)) s"
        else
            echo "   ok, $((SECONDS - started)) s"
        fi
        passed=$((passed + 1))
    else
        if [[ -z ${VERBOSE:-} ]]; then tail -n 400 "$log"; fi
        echo "   FAILED after $((SECONDS - started)) s; all it printed is in $log"
        summary 1
        exit 1
    fi
done
summary 0

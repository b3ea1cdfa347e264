#!/usr/bin/env bash
# Installs what Offhook needs to be built and tried. Run it as often as you like: what is there is left alone.
#
#   scripts/setup.sh [demo] [test] [bench] [interop] [docs]     no argument: all of them
#
# demo     wasm toolchain, npm packages of the softphone
# test     the same, and Chromium with its driver, Firefox ESR, Kamailio, SIPp, valgrind, clippy, rustfmt
# bench    the same as demo, and the browser, SIPp, valgrind, a C compiler, sofia-sip and osip2
# docs     the same as demo, and the npm packages of the guide
# interop  the same as test, and Kamailio's further modules, baresip, and an Asterisk in the cache
#
# Where a step needs root and there is none, or the system is not a Debian, it says what to install by hand and the
# script ends with status 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=scripts/setup/common.sh
source scripts/setup/common.sh
# shellcheck source=scripts/setup/packages.sh
source scripts/setup/packages.sh
# shellcheck source=scripts/setup/asterisk.sh
source scripts/setup/asterisk.sh
# shellcheck source=scripts/setup/wasm.sh
source scripts/setup/wasm.sh
# shellcheck source=scripts/setup/npm.sh
source scripts/setup/npm.sh

declare -A group=()
for name in "$@"; do
    case $name in
        demo | test | bench | interop | docs) group[$name]=1 ;;
        *)
            echo "setup: unknown group '$name'; there are: demo test bench interop docs" >&2
            exit 2
            ;;
    esac
done
if [[ $# -eq 0 ]]; then group=([demo]=1 [test]=1 [bench]=1 [interop]=1 [docs]=1); fi
wants() { # GROUP...: is any of them asked for?
    local name
    for name in "$@"; do [[ -n ${group[$name]:-} ]] && return 0; done
    return 1
}

one_at_a_time
need_cargo
if wants test interop; then need_rust_components; fi
need_node

packages=()
if wants test bench interop && ! find_browser; then packages+=(chromium chromium-driver); fi
if wants test interop && ! find_firefox; then packages+=(firefox-esr); fi
if wants test bench interop && ! have sipp; then packages+=(sip-tester); fi
if wants test bench && ! have valgrind; then packages+=(valgrind); fi
if wants bench && ! have cc; then packages+=(gcc libc6-dev); fi
if wants bench && ! have pkg-config; then packages+=(pkg-config); fi
if wants bench && ! pkg-config --exists sofia-sip-ua 2>/dev/null; then packages+=(libsofia-sip-ua-dev); fi
if wants bench && ! pkg-config --exists libosip2 2>/dev/null; then packages+=(libosip2-dev); fi
if wants interop && ! have openssl; then packages+=(openssl); fi
if wants test interop && ! have_kamailio; then packages+=(kamailio kamailio-websocket-modules); fi
if wants interop; then
    if ! have_full_kamailio; then packages+=("${full_kamailio[@]}"); fi
    if ! have baresip; then packages+=(baresip-core); fi
fi
need_packages "to run the browser, server and load tests and the measurements" "${packages[@]}"
if wants interop; then need_asterisk; fi

need_wasm_std
need_wasm_sources
need_wasm_tools
write_wasm_env

npm_directories=(js examples/softphone)
if wants test interop; then npm_directories+=(tests/web); fi
if wants bench; then npm_directories+=(tests/bench/web); fi
if wants test docs; then npm_directories+=(docs); fi
need_npm_packages "${npm_directories[@]}"

finish

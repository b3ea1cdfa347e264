#!/usr/bin/env bash
# Sets up what is missing, builds, and starts the switchboard, an echo agent and the web softphone on one local port.
#
#   scripts/demo.sh [PORT]      default 8080; another free port is taken if that one is in use
#
# It runs until it is stopped (Ctrl-C), and stops what it started.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

port=${1:-8080}
scripts/setup.sh demo
echo "building; the first time takes a few minutes"
scripts/build.sh wasm js softphone
cargo build --release -p offhook-examples --bins

programs=target/release
pids=()
stop() {
    trap - EXIT INT TERM
    # Those already gone need no signal.
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
}
trap stop EXIT
trap 'exit 0' INT TERM

# The first free one of the port asked for and the system's choice.
if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then port=0; fi
ready=$(mktemp)
"$programs/switchboard" --udp 127.0.0.1:0 --http "127.0.0.1:$port" --json >"$ready" &
pids+=($!)
until [[ -s $ready ]]; do
    kill -0 "${pids[0]}" 2>/dev/null || { echo "demo: the switchboard did not start" >&2; exit 1; }
    sleep 0.1
done
http=$(sed -n 's/.*"http":"\([^"]*\)".*/\1/p' "$ready")
rm -f "$ready"

OFFHOOK_PASSWORD=echo-secret "$programs/echo" --server "ws://$http/ws" &
pids+=($!)

cat <<TEXT

  Offhook is up. Open it in two browser tabs:

    http://$http/?aor=alice&password=alice-secret&autoregister
    http://$http/?aor=bob&password=bob-secret&autoregister

  Call bob from alice, or "echo" from either: it plays a tone and lets you hear yourself.
  Ctrl-C stops it.

TEXT
wait -n "${pids[@]}" || true
echo "demo: one of its programs ended" >&2
exit 1

#!/usr/bin/env bash
# Sets up what is missing, builds, and starts the switchboard, an echo agent, one that plays music, and the web phone on one local port.
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
users=()
for user in alice bob carol dave echo music; do users+=(--user "$user:$user-secret"); done
"$programs/switchboard" --udp 127.0.0.1:0 --http "127.0.0.1:$port" "${users[@]}" --json >"$ready" &
pids+=($!)
until [[ -s $ready ]]; do
    kill -0 "${pids[0]}" 2>/dev/null || { echo "demo: the switchboard did not start" >&2; exit 1; }
    sleep 0.1
done
http=$(sed -n 's/.*"http":"\([^"]*\)".*/\1/p' "$ready")
rm -f "$ready"

OFFHOOK_PASSWORD=echo-secret "$programs/echo" --server "ws://$http/ws" &
pids+=($!)
OFFHOOK_PASSWORD=music-secret "$programs/echo" --aor sip:music@offhook.test --tune --server "ws://$http/ws" &
pids+=($!)
contacts="contacts=alice,bob,carol,echo,music"

cat <<TEXT

  Offhook is up. Open it in two or three browser tabs, one for each person:

    http://$http/?aor=alice&password=alice-secret&autoregister&$contacts
    http://$http/?aor=bob&password=bob-secret&autoregister&$contacts
    http://$http/?aor=carol&password=carol-secret&autoregister&$contacts

  Call bob from alice, and carol too: switch, merge, transfer. Or call one of these:

    echo      plays a tone and lets you hear yourself
    music     plays a tune until you hang up
    busy      is busy
    ringing   never answers

  Ctrl-C stops it.

TEXT
wait -n "${pids[@]}" || true
echo "demo: one of its programs ended" >&2
exit 1

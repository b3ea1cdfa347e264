#!/usr/bin/env bash
# Runs Kamailio as registrar and proxy of sip.test on 127.0.0.1, in the foreground, until it is killed.
#
#   run.sh PORT_UDP PORT_WS [sha256] [full PORT_TLS PORT_WSS CERTIFICATE KEY]
#
# PORT_UDP serves UDP and TCP, PORT_WS serves WebSocket; "full" adds TLS and secure WebSocket, outbound, and a presence
# server, which takes more of Debian's packages. Users are alice, bob, carol, dave and echo; USER's password is
# USER-secret. Prints "ready" once it takes connections; its log goes to standard error.
set -euo pipefail

usage() {
    echo "usage: run.sh PORT_UDP PORT_WS [sha256] [full PORT_TLS PORT_WSS CERTIFICATE KEY]" >&2
    exit 2
}
if [[ $# -lt 2 ]]; then usage; fi
port_udp=$1 port_ws=$2
shift 2
options=() port_tls=1 port_wss=1 certificate='' key=''
if [[ ${1:-} == sha256 ]]; then
    options+=(-A WITH_SHA256)
    shift
fi
if [[ ${1:-} == full && $# -eq 5 ]]; then
    options+=(-A WITH_FULL)
    port_tls=$2 port_wss=$3 certificate=$4 key=$5
    shift 5
fi
if [[ $# -gt 0 ]]; then usage; fi

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kamailio=$(PATH=$PATH:/usr/sbin command -v kamailio) || {
    echo "run.sh: kamailio is not installed (scripts/setup.sh interop)" >&2
    exit 1
}

run=$(mktemp -d)
pid=
stop() {
    if [[ -n $pid ]]; then
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    fi
    rm -rf "$run"
}
trap stop EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

sed -e "s/@UDP_PORT@/$port_udp/g" -e "s/@WS_PORT@/$port_ws/g" -e "s/@TLS_PORT@/$port_tls/g" -e "s/@WSS_PORT@/$port_wss/g" \
    -e "s/@RUN@/${run##*/}/g" -e "s#@RUN_DIR@#$run#g" "$here/kamailio.cfg.in" >"$run/kamailio.cfg"
if [[ -n $certificate ]]; then
    printf '[server:default]\nmethod = TLSv1.2+\nverify_certificate = no\nrequire_certificate = no\nprivate_key = %s\ncertificate = %s\n' \
        "$key" "$certificate" >"$run/tls.cfg"
    cp -r /usr/share/kamailio/dbtext/kamailio "$run/dbtext"
fi

# Whoever started us may kill us outright: Kamailio then hears of it and ends too.
with_us=()
if setpriv --pdeathsig TERM true 2>/dev/null; then with_us=(setpriv --pdeathsig TERM); fi
"${with_us[@]}" "$kamailio" -f "$run/kamailio.cfg" -P "$run/pid" -Y "$run" -w "$run" -m 64 -M 8 -DD -E "${options[@]}" >&2 &
pid=$!

# The WebSocket port is the last to open. Somebody else may have been faster at it: only ours knows the name of this run.
is_up() {
    local answer
    exec 3<>"/dev/tcp/127.0.0.1/$port_ws" || return 1
    printf 'GET /%s HTTP/1.0\r\nHost: localhost\r\n\r\n' "${run##*/}" >&3
    read -r -t 5 answer <&3 && [[ $answer == *" 200 "* ]]
}
for _ in {1..100}; do
    if ! kill -0 "$pid" 2>/dev/null; then break; fi
    if (is_up) 2>/dev/null; then
        echo ready
        break
    fi
    sleep 0.1
done
wait "$pid"

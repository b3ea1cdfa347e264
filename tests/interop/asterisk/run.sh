#!/usr/bin/env bash
# Runs Asterisk as the exchange of sip.test on 127.0.0.1, in the foreground, until it is killed.
#
#   run.sh PORT_SIP PORT_TLS PORT_WS PORT_WSS CERTIFICATE KEY
#
# PORT_SIP serves UDP and TCP; WebSockets are at the path /ws. Users are alice, bob and carol, and with
# browsers dora, erik and fred; USER's password is USER-secret. 600 is an echo, 604 hangs up after one key, 605 after a
# second, 608 is busy. Prints "ready" once it takes calls; its log goes
# to standard error.
#
# OFFHOOK_ASTERISK is the folder where an Asterisk lies unpacked (scripts/setup.sh interop does that): programs and
# libraries are used from there, and nothing is installed. Without one there, the system's Asterisk is run.
set -euo pipefail

if [[ $# -ne 6 ]]; then
    echo "usage: run.sh PORT_SIP PORT_TLS PORT_WS PORT_WSS CERTIFICATE KEY" >&2
    exit 2
fi

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${OFFHOOK_ASTERISK:-${OFFHOOK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/offhook}/asterisk}
if [[ -x $root/usr/sbin/asterisk ]]; then
    lib=$(compgen -G "$root/usr/lib/*-linux-gnu" | head -n 1)
    # The loader that came with it, so that it also runs where the system's libraries are older.
    loader=$(compgen -G "$root/usr/lib*/ld-linux-*.so.*" | head -n 1)
    asterisk=("$loader" --library-path "$lib" "$root/usr/sbin/asterisk")
    modules=$lib/asterisk/modules data=$root/usr/share/asterisk documents=$root/var/lib/asterisk
elif [[ -x /usr/sbin/asterisk ]]; then
    asterisk=(/usr/sbin/asterisk)
    modules=$(compgen -G '/usr/lib/*/asterisk/modules' | head -n 1) data=/usr/share/asterisk documents=/var/lib/asterisk
else
    echo "run.sh: there is no Asterisk in $root (scripts/setup.sh interop)" >&2
    exit 1
fi

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

mkdir -p "$run"/{lib/keys,spool,log,cache}
if [[ -d $documents ]]; then cp -r "$documents/." "$run/lib/"; fi
for file in "$here"/*.conf; do
    sed -e "s#@RUN@#$run#g" -e "s#@MODULES@#$modules#g" -e "s#@DATA@#$data#g" \
        -e "s/@SIP_PORT@/$1/g" -e "s/@TLS_PORT@/$2/g" -e "s/@WS_PORT@/$3/g" -e "s/@WSS_PORT@/$4/g" \
        -e "s#@CERTIFICATE@#$5#g" -e "s#@KEY@#$6#g" "$file" >"$run/${file##*/}"
done

# Whoever started us may kill us outright: Asterisk then hears of it and ends too.
with_us=()
if setpriv --pdeathsig TERM true 2>/dev/null; then with_us=(setpriv --pdeathsig TERM); fi
"${with_us[@]}" "${asterisk[@]}" -f -C "$run/asterisk.conf" >"$run/console" 2>&1 &
pid=$!

for _ in {1..200}; do
    if ! kill -0 "$pid" 2>/dev/null; then break; fi
    if grep -qs "Asterisk Ready" "$run/console"; then
        # A port that somebody else was faster at is told there, and Asterisk goes on without.
        if grep -qiE "address already in use|could not be started|unable to bind" "$run/console"; then break; fi
        echo ready
        tail -n +1 --pid="$pid" -f "$run/console" >&2 &
        wait "$pid" || true
        exit 0
    fi
    sleep 0.05
done
cat "$run/console" >&2
exit 1

# shellcheck shell=bash
# System packages, and the programs that come with them.

have_apt() { have apt-get && [[ -e /etc/debian_version ]]; }

have_kamailio() {
    [[ -x /usr/sbin/kamailio ]] || have kamailio || return 1
    compgen -G '/usr/lib/*/kamailio/modules/websocket.so' >/dev/null || [[ -e /usr/lib/kamailio/modules/websocket.so ]]
}

# What the suites with real servers use of Kamailio besides: TLS, outbound, presence.
full_kamailio=(kamailio-tls-modules kamailio-outbound-modules kamailio-presence-modules)

have_full_kamailio() {
    local module
    for module in tls outbound presence presence_xml db_text; do
        compgen -G "/usr/lib/*/kamailio/modules/$module.so" >/dev/null || [[ -e /usr/lib/kamailio/modules/$module.so ]] || return 1
    done
}

# find_browser: sets browser and browser_driver; false if either is missing.
find_browser() {
    browser=${OFFHOOK_CHROMIUM:-}
    browser_driver=${CHROMEDRIVER:-}
    local name
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        [[ -n $browser ]] || browser=$(command -v "$name" || true)
    done
    [[ -n $browser_driver ]] || browser_driver=$(command -v chromedriver || true)
    [[ -n $browser && -n $browser_driver ]]
}

# find_firefox: sets firefox; false if there is none.
find_firefox() {
    firefox=${OFFHOOK_FIREFOX:-}
    local name
    for name in firefox-esr firefox; do
        [[ -n $firefox ]] || firefox=$(command -v "$name" || true)
    done
    [[ -n $firefox ]]
}

# The package lists may be missing or old on a fresh machine: refresh them only when the first try fails.
apt_install() {
    local options=(-y --no-install-recommends -o DPkg::Lock::Timeout=600)
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@" && return 0
    as_root apt-get update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@"
}

# need_packages WHY PACKAGE...
need_packages() {
    local why=$1
    shift
    [[ $# -gt 0 ]] || return 0
    if have_apt && can_be_root && step "installing $* $why" apt_install "$@"; then
        if [[ " $* " == *" kamailio "* ]]; then no_kamailio_service; fi
        return 0
    fi
    left_to_you "$* (the names of Debian's packages), $why"
}

# Debian starts an installed Kamailio as a service; our tests start their own.
no_kamailio_service() {
    [[ -d /run/systemd/system ]] || return 0
    step "turning off the system service that came with Kamailio" as_root systemctl disable --now kamailio || true
}

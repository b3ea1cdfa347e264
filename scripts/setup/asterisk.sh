# shellcheck shell=bash disable=SC2154 # cache is in common.sh
# Asterisk, which not every Debian release has: unpacked into the cache from a release that has it, with the libraries it
# wants, and run from there (tests/interop/asterisk/run.sh). Nothing of it is installed into the system.

# The first that can be had; forky moves on, bullseye is there to stay.
asterisk_suites=(forky bullseye)

have_asterisk() { [[ -x $cache/asterisk/usr/sbin/asterisk || -x /usr/sbin/asterisk ]]; }

need_asterisk() {
    have_asterisk && return 0
    if ! have mmdebstrap; then need_packages "to unpack Asterisk" mmdebstrap; fi
    local suite
    if have mmdebstrap; then
        for suite in "${asterisk_suites[@]}"; do
            if step "unpacking Asterisk and its libraries from Debian $suite into $cache (270 MB)" unpack_asterisk "$suite"; then return 0; fi
        done
    fi
    left_to_you "asterisk (unpacked in $cache/asterisk, or the system's)"
}

unpack_asterisk() { # SUITE
    local part=$cache/asterisk.part
    rm -rf "$part"
    mmdebstrap --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' --include=asterisk,asterisk-modules \
        "$1" "$part" "$(debian_mirror)" || return 1
    mv "$part" "$cache/asterisk" # last: what is there is whole
}

# Where apt gets its packages here.
debian_mirror() {
    local mirror
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -m 1 '/debian$' || true)
    echo "${mirror:-http://deb.debian.org/debian}"
}

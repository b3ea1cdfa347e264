# shellcheck shell=bash
# What every part of the set-up uses: saying things, running things, and remembering what a person must do.

state=target/setup          # git-ignored; wasm-env and the logs lie here
# Tools built from source are kept outside the work tree, so that another clone does not build them again.
cache=${OFFHOOK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/offhook}
mkdir -p "$state"

by_hand=()                  # what we could not install, one line each
did=0                       # how many steps had something to do

have() { command -v "$1" >/dev/null 2>&1; }

say() { printf 'setup: %s\n' "$*"; }

# left_to_you WHAT: it is required and we cannot install it.
left_to_you() { by_hand+=("$*"); }

# step WHY COMMAND...: says what is going on, keeps the output in a log, shows the log if the command fails.
step() {
    local why=$1 log started=$SECONDS
    shift
    did=$((did + 1))
    log=$state/step-$did.log
    say "$why"
    if "$@" >"$log" 2>&1 </dev/null; then
        local took=$((SECONDS - started))
        if ((took > 4)); then say "  done in $took s"; fi
        return 0
    fi
    say "  failed; the end of $log:"
    tail -n 30 "$log" | sed 's/^/    /'
    return 1
}

can_be_root() { [[ $(id -u) -eq 0 ]] || sudo -n true 2>/dev/null; }

as_root() { if [[ $(id -u) -eq 0 ]]; then "$@"; else sudo -n "$@"; fi; }

# Two set-ups at the same time would install over each other.
one_at_a_time() {
    have flock || return 0
    mkdir -p "$cache"
    exec 9>"$cache/setup.lock"
    if ! flock -n 9; then
        say "waiting for another set-up on this machine to end"
        flock 9
    fi
}

need_cargo() {
    have cargo && have rustc && return 0
    say "cargo and rustc are missing: install Rust from https://rustup.rs and run this again"
    exit 1
}

need_rust_components() {
    local component missing=()
    cargo clippy --version >/dev/null 2>&1 || missing+=(clippy)
    cargo fmt --version >/dev/null 2>&1 || missing+=(rustfmt)
    for component in "${missing[@]}"; do
        if have rustup && step "adding $component, which the lint step of the tests runs" rustup component add "$component"; then continue; fi
        left_to_you "the Rust component $component (rustup component add $component)"
    done
}

need_node() {
    if ! have node || ! have npm; then
        left_to_you "Node.js 20 or newer with npm (https://nodejs.org)"
    elif (($(node -p 'process.versions.node.split(".")[0]') < 20)); then
        left_to_you "Node.js 20 or newer (this one is $(node --version))"
    fi
}

# finish: the last line, and the exit status.
finish() {
    if [[ ${#by_hand[@]} -gt 0 ]]; then
        say "these are required and must be installed by hand:"
        printf '    - %s\n' "${by_hand[@]}"
        exit 1
    fi
    say "all is in place ($SECONDS s)"
}

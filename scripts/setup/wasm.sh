# shellcheck shell=bash disable=SC2154 # state and cache are in common.sh
# The WebAssembly toolchain: a wasm32 standard library for the compiler, wasm-pack, and the wasm-bindgen command.
#
# rustup hands out that standard library. Where it cannot, Debian's own Rust is used for WebAssembly, and the library is
# built once from Debian's sources. Which of the two it is stands in target/setup/wasm-env, for scripts/wasm-cargo.

wasm=wasm32-unknown-unknown
debian_lib=/usr/lib/rustlib/$wasm/lib
debian_packages=(rustc-web cargo-web rust-web-src rust-web-llvm)
wasm_toolchain=

need_wasm_std() {
    if default_rust_has_wasm; then
        wasm_toolchain=default
    elif debian_rust_has_wasm; then
        wasm_toolchain=debian
    elif have rustup && step "asking rustup for the $wasm standard library, to compile for browsers" rustup target add "$wasm"; then
        wasm_toolchain=default
    elif have_apt && can_be_root; then
        say "  so Debian's own Rust will compile for browsers"
        if install_debian_rust; then wasm_toolchain=debian; fi
    fi
    if [[ -z $wasm_toolchain ]]; then
        left_to_you "the $wasm standard library (rustup target add $wasm)"
    fi
}

default_rust_has_wasm() {
    local lib
    lib=$(rustc --print target-libdir --target "$wasm" 2>/dev/null) && compgen -G "$lib/libstd-*.rlib" >/dev/null
}

# The library fits only the compiler that built it, so that compiler's version is kept beside it.
# A compiler beside the sources of its own standard library, which is built for size from them. Nothing but size is lost
# without, so whoever has none and is no Debian goes on. Panics that end at once came with Rust 1.91.
wasm_sources=
need_wasm_sources() {
    if sources_of "$(rustc --print sysroot)" rustc; then
        wasm_sources=default
    elif sources_of /usr /usr/bin/rustc && [[ -x /usr/bin/cargo && -x /usr/bin/rust-lld ]]; then
        wasm_sources=debian
    elif have rustup && step "asking rustup for the sources of the standard library, to build it for size" rustup component add rust-src; then
        wasm_sources=default
    elif have_apt && can_be_root && install_debian_packages && sources_of /usr /usr/bin/rustc; then
        wasm_sources=debian
    else
        say "  without the sources of Rust's standard library the wasm package is some kilobytes larger"
    fi
}

sources_of() { # SYSROOT RUSTC
    [[ -e $1/lib/rustlib/src/rust/library/Cargo.toml ]] || return 1
    local minor
    minor=$("$2" --version | sed -n 's/^rustc 1\.\([0-9]*\).*/\1/p')
    ((${minor:-0} >= 91))
}

debian_rust_has_wasm() {
    [[ -x /usr/bin/cargo && -x /usr/bin/rustc && -x /usr/bin/rust-lld && -e $debian_lib/built-by ]] &&
        [[ $(/usr/bin/rustc -vV) == "$(<"$debian_lib/built-by")" ]]
}

install_debian_rust() {
    install_debian_packages || return 1
    step "building the $wasm standard library from those sources (once, about a minute)" \
        as_root env PATH="$PATH" scripts/setup/debian-wasm-std.sh
}

install_debian_packages() {
    step "installing ${debian_packages[*]}: Debian's Rust, its library sources and the wasm linker" \
        apt_install "${debian_packages[@]}" || return 1
    if [[ ! -x /usr/bin/rust-lld ]]; then
        # rust-lld is a link into the LLVM that rust-web-llvm asks for; the linker proper is a package of its own.
        local llvm
        llvm=$(apt-cache depends rust-web-llvm | sed -n 's/.*Depends: llvm-\([0-9]*\)$/\1/p')
        step "installing lld-$llvm, the linker behind rust-lld" apt_install "lld-$llvm" || return 1
    fi
}

# locked_version CRATE: its version in Cargo.lock, or nothing.
locked_version() {
    [[ -e Cargo.lock ]] || return 0
    awk -v name="\"$1\"" '$1 == "name" { hit = $3 == name } hit && $1 == "version" { gsub(/"/, "", $3); print $3; exit }' Cargo.lock
}

# Both tools are built into the cache: a wasm-bindgen of another version that somebody has installed stays as it is.
need_wasm_tools() {
    bindgen_version=$(locked_version wasm-bindgen)
    bindgen_bin=
    if [[ -z $bindgen_version ]]; then
        say "no wasm-bindgen in Cargo.lock yet: its command line is left for later"
    elif [[ $(wasm-bindgen --version 2>/dev/null) == "wasm-bindgen $bindgen_version" ]] && have wasm-bindgen-test-runner; then
        bindgen_bin=$(dirname "$(command -v wasm-bindgen)")
    else
        local root=$cache/wasm-bindgen-$bindgen_version
        bindgen_bin=$root/bin
        # Not --locked: the version is what must match, and its lock file may name crates that a registry has dropped.
        [[ -x $bindgen_bin/wasm-bindgen ]] ||
            step "building wasm-bindgen $bindgen_version, the version in Cargo.lock, which writes the JavaScript glue (some minutes)" \
                install_from_source "$root" wasm-bindgen-cli --version "$bindgen_version" ||
            left_to_you "wasm-bindgen-cli $bindgen_version (cargo install wasm-bindgen-cli --version $bindgen_version)"
    fi

    pack_bin=
    if have wasm-pack; then
        pack_bin=$(dirname "$(command -v wasm-pack)")
    else
        pack_bin=$cache/wasm-pack/bin
        [[ -x $pack_bin/wasm-pack ]] ||
            step "building wasm-pack, which makes the npm package and runs the browser tests (some minutes)" \
                install_from_source "$cache/wasm-pack" wasm-pack --locked ||
            left_to_you "wasm-pack (cargo install --locked wasm-pack)"
    fi
}

install_from_source() { # ROOT CRATE OPTION...
    local root=$1
    shift
    nice cargo install --quiet --force --root "$root" "$@"
}

# wasm-env is read by scripts/wasm-cargo and by whatever starts a browser.
write_wasm_env() {
    local dir path='' bin=$PWD/$state/bin sources=$wasm_sources
    rm -rf "$bin"
    if [[ $wasm_toolchain == debian || $wasm_sources == debian ]]; then
        # Only Debian's Rust goes in front of the PATH, not the whole of /usr/bin.
        mkdir -p "$bin"
        ln -s /usr/bin/cargo /usr/bin/rustc /usr/bin/rustdoc "$bin/"
    fi
    if [[ $wasm_toolchain == debian ]]; then path=$bin; fi
    if [[ $wasm_sources == debian ]]; then sources=$bin; fi
    for dir in "$bindgen_bin" "$pack_bin"; do
        [[ -z $dir || :$path: == *:$dir:* ]] || path=${path:+$path:}$dir
    done
    find_browser || true
    find_firefox || true
    {
        echo '# Written by scripts/setup.sh; do not edit.'
        printf 'export OFFHOOK_WASM_TOOLCHAIN=%q\n' "$wasm_toolchain"
        printf 'export OFFHOOK_WASM_PATH=%q\n' "$path"
        if [[ -n $sources ]]; then printf 'export OFFHOOK_WASM_SOURCES=%q\n' "$sources"; fi
        if [[ -n $browser ]]; then printf 'export OFFHOOK_CHROMIUM=%q\n' "$browser"; fi
        if [[ -n $firefox ]]; then printf 'export OFFHOOK_FIREFOX=%q\n' "$firefox"; fi
        if [[ -n $browser_driver ]]; then printf 'export CHROMEDRIVER=%q\n' "$browser_driver"; fi
    } >"$state/wasm-env"
}

#!/usr/bin/env bash
# Builds the wasm32-unknown-unknown standard library for Debian's Rust from Debian's sources and puts it where that
# compiler looks for it. Run by the set-up; needs root.
set -euo pipefail

wasm=wasm32-unknown-unknown
lib=/usr/lib/rustlib/$wasm/lib
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Building any crate with -Z build-std builds the library as well; panic_unwind and test are for the test harness.
mkdir "$work/src"
echo '#![no_std]' >"$work/src/lib.rs"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "throw-away"
edition = "2021"

[profile.release]
panic = "unwind"

[workspace]
TOML
cd "$work"
export PATH=/usr/bin:$PATH RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$work/target
unset RUSTFLAGS CARGO_BUILD_TARGET
nice cargo build -Z build-std=std,panic_abort,panic_unwind,test --target "$wasm" --release

rm -f "target/$wasm/release/deps"/libthrow_away-*
rm -rf "$lib"
mkdir -p "$lib"
cp "target/$wasm/release/deps"/*.rlib "$lib/"
/usr/bin/rustc -vV >"$lib/built-by" # last: it says that the rest is whole, and for which compiler

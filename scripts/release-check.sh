#!/usr/bin/env bash
# What publishing needs, without publishing anything.
#
#   scripts/release-check.sh [STEP...]      no argument: all, in this order
#
# version  one version everywhere, and CHANGELOG.md has something to say
# crates   cargo publish --dry-run: the crates compile from what would be uploaded
# npm      npm publish --dry-run: what is in the archive, and that its entries resolve
# deny     licences, advisories, sources of the dependencies (cargo-deny)
# semver   no break of the crates' API since the last release's tag (cargo-semver-checks)
# msrv     the crates compile with the rust-version that they name
# minimal  the crates compile with the oldest versions of their dependencies that they name
# sbom     what is in it, as CycloneDX: target/release-check/*.cdx.json
#
# Tools that are missing are built into the cache, as those of scripts/setup.sh. A step that cannot be run on this machine
# says why, and the script ends with status 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/setup/common.sh
source scripts/setup/common.sh

all=(version crates npm deny semver msrv minimal sbom)
crates=(offhook-core offhook)
out=target/release-check
mkdir -p "$out"

# tool NAME: a cargo subcommand from crates.io, built once; its folder goes in front of the PATH.
tool() {
    local root=$cache/$1
    if ! have "$1" && [[ ! -x $root/bin/$1 ]]; then
        step "building $1 (some minutes)" nice cargo install --quiet --locked --root "$root" "$1" || return 1
    fi
    PATH=$root/bin:$PATH
}

locked() { sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1; }

step_version() {
    local version
    version=$(locked)
    [[ $version == "$(node -p 'require("./js/package.json").version')" ]] || { echo "js/package.json has another version than Cargo.toml ($version)"; return 1; }
    grep -qE "^offhook-core = .*version = \"$version\"" Cargo.toml || { echo "Cargo.toml wants another offhook-core than $version"; return 1; }
    head -n 3 CHANGELOG.md | grep -qE '^- |^# (Unreleased|'"$version"')' || { echo "CHANGELOG.md opens with neither Unreleased nor $version"; return 1; }
    echo "$version"
}

# All at once: each is compiled against the others as they would be uploaded; in a folder of its own, for it takes minutes.
step_crates() { cargo publish --dry-run --allow-dirty --target-dir "$out/crates" "${crates[@]/#/--package=}"; }

step_npm() {
    scripts/setup.sh demo
    scripts/build.sh wasm js
    (cd js && npm publish --dry-run --tag check 2>&1)
    local entry archive
    archive=$(cd js && npm pack --silent --dry-run --json | node -p 'JSON.parse(require("fs").readFileSync(0, "utf8"))[0].files.map((f) => f.path).join("\n")')
    while read -r entry; do
        grep -qxF "$entry" <<<"$archive" || { echo "package.json exports $entry, which is not in the archive"; return 1; }
    done < <(node -p 'const walk = (e) => (typeof e === "string" ? [e] : Object.values(e).flatMap(walk)); [...new Set(walk(require("./js/package.json").exports))].map((p) => p.replace("./", "")).join("\n")')
}

step_deny() {
    tool cargo-deny || return 1
    cargo deny --all-features check bans licenses sources
    cargo deny --all-features check advisories || { echo "an advisory, or its database (github.com/rustsec/advisory-db) cannot be reached from here"; return 1; }
}

step_semver() {
    local last
    last=$(git describe --tags --match 'v*' --abbrev=0 2>/dev/null) || { echo "nothing is released yet: any API is new"; return 0; }
    tool cargo-semver-checks && cargo semver-checks --baseline-rev "$last" "${crates[@]/#/--package=}"
}

step_msrv() {
    local oldest
    oldest=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    if [[ $(rustc --version) != "rustc $oldest".* ]] && ! rustup run "$oldest" rustc --version >/dev/null 2>&1; then
        rustup toolchain install "$oldest" --profile minimal || { echo "Rust $oldest cannot be had here"; return 1; }
    fi
    RUSTUP_TOOLCHAIN=$oldest cargo check --target-dir "$out/msrv" "${crates[@]/#/--package=}"
}

# Of the direct ones: what those in turn ask for is their affair.
step_minimal() {
    local copy=$out/minimal
    rm -rf "$copy" && mkdir -p "$copy"
    git ls-files -z --cached --others --exclude-standard | grep -zvE '^(docs|tests/(bench|fuzz|web))/' | xargs -0 cp --parents -t "$copy"
    (
        cd "$copy"
        RUSTC_BOOTSTRAP=1 cargo update --quiet -Z direct-minimal-versions
        cargo check --target-dir target "${crates[@]/#/--package=}"
    )
}

step_sbom() {
    tool cargo-cyclonedx || return 1
    local crate
    for crate in "${crates[@]}"; do
        cargo cyclonedx --quiet --format json --manifest-path "$(cargo metadata --no-deps --format-version 1 | node -p "JSON.parse(require('fs').readFileSync(0, 'utf8')).packages.find((p) => p.name === '$crate').manifest_path")" --override-filename "$crate.cdx"
    done
    find . -path ./target -prune -o -name '*.cdx.json' -print0 | xargs -0 mv -t "$out"
    # npm names it by its folder.
    (cd js && npm sbom --sbom-format cyclonedx --sbom-type library --omit dev) |
        node -e 'const bom = JSON.parse(require("fs").readFileSync(0, "utf8")); bom.metadata.component.name = "offhook"; console.log(JSON.stringify(bom, null, 2));' >"$out/npm.cdx.json"
    ls "$out"/*.cdx.json
}

steps=("$@")
if [[ $# -eq 0 ]]; then steps=("${all[@]}"); fi
passed=0 failed=()
for name in "${steps[@]}"; do
    if [[ " ${all[*]} " != *" $name "* ]]; then
        echo "release-check: unknown step '$name'; there are: ${all[*]}" >&2
        exit 2
    fi
    echo "== $name"
    if bash -euo pipefail -c "$(declare -f); $(declare -p cache state out crates by_hand did); step_$name" >"$out/$name.log" 2>&1; then
        passed=$((passed + 1))
        tail -n 1 "$out/$name.log" | sed 's/^/   /'
    else
        failed+=("$name")
        tail -n 30 "$out/$name.log" | sed 's/^/   /'
    fi
done
echo "$passed passed, ${#failed[@]} failed${failed[0]:+: ${failed[*]}}"
[[ ${#failed[@]} -eq 0 ]]

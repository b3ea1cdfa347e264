# shellcheck shell=bash
# The npm packages of each folder that has a package.json.

# need_npm_packages DIRECTORY...: in this order, since a later one may use an earlier one.
need_npm_packages() {
    local dir
    for dir in "$@"; do
        if [[ ! -e $dir/package.json ]] || npm_is_current "$dir"; then continue; fi
        if ! have npm; then continue; fi # said already
        step "installing the npm packages of $dir" npm_install "$dir" || left_to_you "the npm packages of $dir (npm ci)"
    done
}

# The copy of the lock file is what the last installation worked from.
npm_is_current() {
    local want=$1/package-lock.json
    [[ -e $want ]] || want=$1/package.json
    cmp -s "$want" "$1/node_modules/.offhook-installed"
}

npm_install() {
    local dir=$1 how=ci made_from=package-lock.json
    if [[ ! -e $dir/package-lock.json ]]; then how=install made_from=package.json; fi
    (cd "$dir" && npm "$how" --no-audit --no-fund && mkdir -p node_modules && cp "$made_from" node_modules/.offhook-installed)
}

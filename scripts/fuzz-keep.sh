#!/usr/bin/env bash
# Keeps what the fuzzers have learned: of a smallest set of tests/fuzz/corpus/TARGET that covers the same as many as there is
# room for, of every length, as tests/fuzz/kept/TARGET.tar. scripts/fuzz.sh starts from it, and every test run plays it.
#
#   scripts/fuzz-keep.sh [TARGET...]      after scripts/fuzz.sh; no argument: all targets
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../tests/fuzz"

# Bytes of an archive: a repository is no place for more.
most=400000

targets=("$@")
if [[ $# -eq 0 ]]; then targets=(message stream sdp uri multipart packages endpoint); fi
host=$(rustc -vV | sed -n 's/^host: //p')
mkdir -p kept
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for target in "${targets[@]}"; do
    mkdir -p "$work/$target"
    "target/$host/release/$target" -merge=1 "$work/$target" "corpus/$target" -verbosity=0
    (
        cd "$work/$target"
        # An archive has a header of 512 bytes for each, and fills up blocks of as many.
        find . -type f -printf '%s %f\n' | sort -n | awk -v most="$most" '
            { size[NR] = 512 + int(($1 + 511) / 512) * 512; name[NR] = $2; sum += size[NR] }
            END { for (at = 1; at <= NR; at++) { room += size[at] * most / sum
                  if (sum <= most || room >= size[at]) { print name[at]; room -= size[at] } } }' >../names
        tar --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf archive -T ../names
    )
    mv "$work/$target/archive" "kept/$target.tar"
    echo "kept: $(wc -l <"$work/names") of $target"
done

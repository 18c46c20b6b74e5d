#!/usr/bin/env bash
# Runs every fuzz target of the module for a time each:
#   tools/fuzz.sh 3s
set -eu -o pipefail
cd "$(dirname "$0")/.."
mkdir -p .cache
log=.cache/fuzz.log

# At the end of its time go test at times reports its own deadline as the target's failure
# (golang/go issue 75804). Such a failure has no input; one that was found always has.
own_deadline() {
  grep -q '^    context deadline exceeded$' "$log" && ! grep -qE 'Failing input|panic:|_test.go:' "$log"
}

grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u | while read -r pkg; do
  grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$pkg"/*_test.go | sed 's/func //' | while read -r target; do
    echo "fuzz $pkg $target"
    go test "$pkg" -run '^$' -fuzz "^$target\$" -fuzztime "$1" > "$log" 2>&1 || own_deadline || { cat "$log"; exit 1; }
  done
done

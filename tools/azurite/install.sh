#!/bin/sh
# Installs the pinned Azurite into .cache/azurite, unless it is there already, and prints
# the path that SKUCAST_AZURITE takes. Needs node and npm; used by make peers only.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
to=$(cd "$here/../.." && pwd)/.cache/azurite
main=$to/node_modules/azurite/dist/src/azurite.js
mkdir -p "$to"
if [ ! -f "$main" ] || ! cmp -s "$here/package-lock.json" "$to/package-lock.json"; then
	cp "$here/package.json" "$here/package-lock.json" "$to/"
	npm ci --prefix "$to" --ignore-scripts --no-audit --no-fund >&2
fi
echo "$main"

#!/usr/bin/env bash
# Builds bin/skucast_etl-<version>-py3-none-any.whl, with the shared SQL inside, from a copy:
# the build leaves nothing beside the sources.
set -eu -o pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cache=${SKUCAST_CACHE:-$root/.cache}
mkdir -p "$root/bin" "$cache"
copy=$(mktemp -d "$cache/wheel.XXXXXX")
trap 'rm -rf "$copy"' EXIT
cp -rL "$root/etl/databricks/job/." "$copy"
rm -f "$root"/bin/skucast_etl-*.whl
if [ ! -x "$cache/wheel/bin/python" ]; then
  python3 -m venv "$cache/wheel" >&2
fi
"$cache/wheel/bin/python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$root/bin" "$copy" >&2
ls "$root"/bin/skucast_etl-*.whl

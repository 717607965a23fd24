#!/usr/bin/env bash
# Runs the tests that attack the guarantees with faults, one package after the
# other, since some measure. Prints a line for each test, and everything of a
# package that failed. NKV_LONG=1 takes more than an hour where it else takes four minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0

# attack runs a package's tests, all or those of a name, and keeps the lines that
# tell of violations; there must be one at least. More arguments are go test's.
attack() {
	local out
	out=$(mktemp)
	if "${GO:-go}" test -count=1 -v -timeout 3h -run "$2" "${@:3}" "$1" >"$out" 2>&1 && grep -q violation "$out"; then
		awk '
			/^=== (RUN|CONT|NAME)/ { name = $3 }
			/^ *--- SKIP/ { print $3 ": skipped" }
			/violation/ && !/^ *---/ {
				sub(/^ *[a-z0-9_]+_test\.go:[0-9]+: /, "")
				if (index($0, name) == 1) print; else print name ": " $0
			}' "$out"
	else
		cat "$out"
		failed=1
	fi
	rm -f "$out"
}

race=${RACE:-} # what measures goes without
attack ./tests/crash . ${race:+"$race"}
attack ./tests/linear . ${race:+"$race"}
attack ./tests/soak .
attack ./pkg/server Attack
exit $failed

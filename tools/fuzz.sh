#!/usr/bin/env bash
# Runs each fuzz target of the module for the time given: fuzz.sh 10s
#
# The time ends with an interrupt, as Ctrl-C would end it. The -fuzztime of Go
# 1.26 reports "context deadline exceeded" as a failure when a worker is busy
# at that instant (https://go.dev/issue/75804).
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cache=$(go env GOCACHE)/fuzz
for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "$package $target"
		go test -c -o "$scratch/test" -fuzz "^$target\$" "$package"
		(
			cd "$(go list -f '{{.Dir}}' "$package")"
			timeout --signal INT --kill-after 60s --preserve-status "$1" "$scratch/test" -test.run '^$' \
				-test.fuzz "^$target\$" -test.fuzzminimizetime 2s -test.fuzzcachedir "$cache/$package"
		)
	done
done

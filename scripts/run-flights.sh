#!/bin/sh
# Runs the flights jobs with the binary given and compares every row with the expected results.
set -eu
laminar=$1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# The job prints JSON lines in a pipe; the expected files are CSV sorted by their first columns.
columns() {
    sed -E -e 's/^\{"[a-z_]+"://' -e 's/,"[a-z_]+":/,/g' -e 's/\}$//' -e 's/"//g' -e 's/null//g' "$1" | LC_ALL=C sort
}

check() {
    name=$1
    expected=fixtures/data/expected/$name.csv
    "$laminar" run "fixtures/jobs/$name.sql" >"$out/$name.jsonl"
    columns "$out/$name.jsonl" >"$out/$name.found"
    tail -n +2 "$expected" | LC_ALL=C sort >"$out/$name.expected"
    if ! cmp -s "$out/$name.found" "$out/$name.expected"; then
        echo "$name differs from $expected:"
        diff "$out/$name.found" "$out/$name.expected" | head -20
        exit 1
    fi
    echo "$name: all $(wc -l <"$out/$name.found") rows equal $expected"
}

echo "Flights out of New York in 2013, by hour and airport (fixtures/jobs/flights_hourly_by_origin.sql):"
check flights_hourly_by_origin
echo "The first hours:"
sort "$out/flights_hourly_by_origin.jsonl" | head -6
echo
echo "Carriers of long flights (fixtures/jobs/long_haul_by_carrier.sql):"
check long_haul_by_carrier
sort "$out/long_haul_by_carrier.jsonl" | head -4

#!/bin/sh
# Starts a server with the binary given on a free port of this machine, makes the flights table and two pipelines by its
# API, follows their rows and compares every one with the expected results. On a terminal the server then goes on until
# Ctrl-C; elsewhere, or with NO_WAIT=1, it is ended.
set -eu
laminar=$1
folder=$(mktemp -d)
server=
interrupted=
finish() {
    # Ctrl-C has reached the server too, and a second signal would end it at once.
    [ -z "$interrupted" ] || sleep 1
    if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
        kill -TERM "$server"
        wait "$server" || true
    fi
    rm -rf "$folder"
}
trap finish EXIT
trap 'interrupted=1; exit 130' INT
trap 'exit 143' TERM

fail() {
    echo "$1" >&2
    tail -20 "$folder/log" >&2
    exit 1
}

# JSON lines as the expected files are written: CSV, sorted by their first columns.
columns() {
    sed -E -e 's/^\{"[a-z_]+"://' -e 's/,"[a-z_]+":/,/g' -e 's/\}$//' -e 's/"//g' -e 's/null//g' "$1" | LC_ALL=C sort
}

check() {
    expected=fixtures/data/expected/$1.csv
    columns "$folder/$1.jsonl" >"$folder/$1.found"
    tail -n +2 "$expected" | LC_ALL=C sort >"$folder/$1.expected"
    if ! cmp -s "$folder/$1.found" "$folder/$1.expected"; then
        diff "$folder/$1.found" "$folder/$1.expected" | head -20
        fail "$1 differs from $expected"
    fi
    echo "$1: all $(wc -l <"$folder/$1.found") rows equal $expected"
}

# The query of a job file, behind its tables.
query() { sed -n '/^SELECT/,$p' "fixtures/jobs/$1.sql"; }

: >"$folder/log"
LAMINAR__API__HTTP_PORT=${PORT:-0} LAMINAR__DATA_DIR=$folder/data LAMINAR__LOGGING__FORMAT=json \
    LAMINAR__FILES__ROOTS=$PWD/fixtures,$folder "$laminar" serve 2>"$folder/log" &
server=$!
address=
tries=0
while [ -z "$address" ]; do
    address=$(sed -n 's/.*"address":"\([^"]*\)".*/\1/p' "$folder/log" | head -1)
    tries=$((tries + 1))
    kill -0 "$server" 2>/dev/null || fail "the server ended"
    [ "$tries" -lt 300 ] || fail "the server does not answer"
    [ -n "$address" ] || sleep 0.05
done
export LAMINAR__CLIENT__SERVER="$address"
echo "The server answers at $address/api/v1; its data is in $folder/data"

"$laminar" connections tables create flights --connector single_file \
    --options "{\"path\": \"$PWD/fixtures/data/flights.jsonl.zst\", \"table_type\": \"source\"}" \
    --schema '{"format": {"json": {}}, "event_time_field": "sched_dep", "watermark": "22 hours", "fields": [
        {"field_name": "sched_dep", "field_type": {"primitive": "DateTime"}, "nullable": false},
        {"field_name": "carrier", "field_type": {"primitive": "Utf8"}, "nullable": true},
        {"field_name": "origin", "field_type": {"primitive": "Utf8"}, "nullable": true},
        {"field_name": "dest", "field_type": {"primitive": "Utf8"}, "nullable": true},
        {"field_name": "dep_delay", "field_type": {"primitive": "Int64"}, "nullable": true},
        {"field_name": "arr_delay", "field_type": {"primitive": "Int64"}, "nullable": true},
        {"field_name": "distance", "field_type": {"primitive": "Int64"}, "nullable": true}]}' >/dev/null
"$laminar" connections tables create hourly --connector single_file \
    --options "{\"path\": \"$folder/flights_hourly_by_origin.jsonl\", \"table_type\": \"sink\"}" \
    --schema '{"format": {"json": {"include_nulls": true}}}' >/dev/null

echo
echo "Flights out of New York in 2013, by hour and airport, into a file:"
"$laminar" pipelines create flights-hourly -e "INSERT INTO hourly $(query flights_hourly_by_origin)" >/dev/null
"$laminar" pipelines wait flights-hourly >/dev/null || fail "the pipeline flights-hourly failed"
check flights_hourly_by_origin
sort "$folder/flights_hourly_by_origin.jsonl" | head -6

echo
echo "Carriers of long flights, followed while they come:"
"$laminar" pipelines create long-haul -e "$(query long_haul_by_carrier)" >/dev/null
"$laminar" output long-haul >"$folder/long_haul_by_carrier.jsonl" || fail "the output of long-haul broke off"
check long_haul_by_carrier
sort "$folder/long_haul_by_carrier.jsonl" | head -4

echo
"$laminar" pipelines list
echo
if [ -t 1 ] && [ -z "${NO_WAIT:-}" ]; then
    echo "The server goes on at $address/api/v1 until Ctrl-C; e.g. laminar --help, with"
    echo "  export LAMINAR__CLIENT__SERVER=$address"
    trap 'interrupted=1; exit 0' INT
    wait "$server" || true
else
    kill -TERM "$server"
    wait "$server" || fail "the server did not end well"
    server=
    echo "The server has ended."
fi

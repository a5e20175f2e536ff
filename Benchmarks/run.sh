#!/bin/sh
# Measures the binary given; prints the tables of docs/benchmarks.md. The second argument is a Python with duckdb.
set -eu
"$2" "$(dirname "$0")/benchmark.py" "$1"
exec "$2" "$(dirname "$0")/streams.py" "$1"

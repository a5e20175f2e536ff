#!/bin/sh
# Measures the binary given; prints the tables of docs/benchmarks.md. The second argument is a Python with duckdb.
set -eu
exec "$2" "$(dirname "$0")/benchmark.py" "$1"

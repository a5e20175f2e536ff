#!/bin/sh
# Makes .venv with the Python packages that tests and benchmarks compare with, if it is not there.
set -eu
if [ ! -x .venv/bin/python3 ] ||
    ! .venv/bin/python3 -c 'import duckdb, pyarrow, openapi_spec_validator, schemathesis, requests' 2>/dev/null; then
    python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check duckdb pyarrow openapi-spec-validator schemathesis requests
fi

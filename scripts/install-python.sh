#!/bin/sh
# Makes .venv with the Python packages that tests and benchmarks compare with, if it is not there.
set -eu
modules="duckdb, pyarrow, openapi_spec_validator, schemathesis, requests, noida_db, confluent_kafka"
if [ ! -x .venv/bin/python3 ] || ! .venv/bin/python3 -c "import $modules" 2>/dev/null; then
    python3 -m venv .venv
    .venv/bin/python3 -m pip install --quiet --disable-pip-version-check \
        duckdb pyarrow openapi-spec-validator schemathesis requests confluent-kafka noida-db==0.2.3
fi
# Other implementations of record formats.
if ! .venv/bin/python3 -c 'import fastavro, grpc_tools' 2>/dev/null; then
    .venv/bin/python3 -m pip install --quiet --disable-pip-version-check fastavro grpcio-tools
fi

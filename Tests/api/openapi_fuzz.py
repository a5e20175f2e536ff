"""Validates the OpenAPI document and lets schemathesis try the server against it, every check on.

Usage: openapi_fuzz.py BINARY [CASES]: at least so many cases.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import Checks, Server, binary  # noqa: E402

from openapi_spec_validator import validate  # noqa: E402

METHODS = {"get", "post", "put", "patch", "delete"}

# What a JSON Schema cannot say is refused with 400 all the same: a cursor that is not there, SQL that is wrong, a config that its
# connector's own schema does not allow.
BEYOND_SCHEMAS = {
    "GET": ["/connection_profiles", "/connection_tables", "/connectors", "/jobs", "/pipelines", "/pipelines/{id}/jobs",
            "/pipelines/{pipeline_id}/jobs/{job_id}/checkpoints",
            "/pipelines/{pipeline_id}/jobs/{job_id}/checkpoints/{epoch}/operator_checkpoint_groups",
            "/pipelines/{pipeline_id}/jobs/{job_id}/errors",
            "/pipelines/{pipeline_id}/jobs/{job_id}/operator_metric_groups"],
    "PATCH": ["/pipelines/{id}"],
    "POST": ["/connection_profiles", "/connection_profiles/test", "/connection_tables", "/connection_tables/test",
             "/connection_tables/schemas/test", "/connectors/{connector}/profiles", "/connectors/{connector}/tables",
             "/pipelines", "/pipelines/preview", "/query"],
}


def write_configuration(folder):
    with open(os.path.join(folder, "schemathesis.toml"), "w") as file:
        for method, paths in BEYOND_SCHEMAS.items():
            for path in paths:
                file.write(f'[[operations]]\ninclude-name = "{method} /api/v1{path}"\n')
                file.write("checks.positive_data_acceptance.expected-statuses = [200, 400, 404, 409, 429]\n\n")


def validate_document(server, checks):
    document = server.json("GET", "/api-docs/openapi.json")
    try:
        validate(document)
        checks.that(True, "")
    except Exception as error:  # whatever the validator has to say
        checks.that(False, f"the OpenAPI document is not valid: {error}")
    operations = [
        (method, path) for path, item in document["paths"].items() for method in item if method in METHODS]
    print(f"OpenAPI {document['openapi']}: {len(operations)} operations, valid")
    return operations


def fuzz(server, checks, cases, operations):
    """Runs until so many cases are done; a run without failures is what counts."""
    examples = max(10, -(-cases // len(operations)))
    write_configuration(server.folder)
    report = os.path.join(tempfile.mkdtemp(prefix="schemathesis-"), "report.ndjson")
    command = [
        os.path.join(os.path.dirname(sys.executable), "schemathesis"), "run", server.url + "/api-docs/openapi.json",
        "--url", server.url.removesuffix("/api/v1"), "-H", f"Authorization: Bearer {server.token}",
        "--checks", "all", "--max-examples", str(examples), "--workers", "1", "--seed", "20261125",
        "--request-timeout", "20", "--report", "ndjson", "--report-ndjson-path", report,
        "--suppress-health-check", "all"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=1500, cwd=server.folder)
    text = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout + result.stderr)
    count = re.search(r"(\d+)(?: generated)? test cases|Test cases:\s*(\d+) generated|(\d+) generated", text)
    number = int(next(group for group in count.groups() if group)) if count else 0
    checks.that(result.returncode == 0, "schemathesis found failures:\n" + text[-12000:])
    checks.that(number >= cases, f"{number} cases were run, at least {cases} were wanted:\n{text[-2000:]}")
    print("\n".join(text.strip().splitlines()[-25:]))


def main():
    checks = Checks()
    cases = int(sys.argv[2]) if len(sys.argv) > 2 else 1500
    with Server(binary(), token="fuzz-token-0123456789", API__REQUESTS_PER_SECOND="1000000") as server:
        server.start()
        for connector, name, config in [
                ("impulse", "ticks", {"event_rate": 10}), ("blackhole", "nothing", {}),
                ("impulse", "source", {"event_rate": 10}), ("blackhole", "sink", {})]:
            server.json("POST", "/connection_tables", {"name": name, "connector": connector, "config": config})
        server.json("POST", "/pipelines", {
            "name": "fuzzed", "query": "INSERT INTO nothing SELECT * FROM ticks", "parallelism": 1})
        operations = validate_document(server, checks)
        fuzz(server, checks, cases, operations)
        status, _, _ = server.call("GET", "/ping")
        checks.equal(status, 200, "the server is up after all that")
        log = server.log()
        checks.that("Something went wrong" not in log, "the log tells of no fault of the server:\n" + log[-3000:])
    checks.finish()


main()

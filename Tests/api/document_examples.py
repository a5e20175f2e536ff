"""Runs every example of fixtures/api/laminar-api.md against a live server.

As written but for the address, and for the ids of pipelines, jobs and profiles, which nobody can know beforehand: those
that an earlier example made are put in their place. The workflow at the end is run twice: as it stands against a real
broker, at its address or, when that is taken, at another put in its place; and with local files in place of the topics.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker, find_program, is_free  # noqa: E402
from server import Checks, Server, binary, free_port  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMMAND = re.compile(r"^(curl |[A-Z_]+=\$\()")


def quotes_open(text):
    """Whether a shell text ends inside of quotes or of a substitution."""
    quote, depth, index = None, 0, 0
    while index < len(text):
        character = text[index]
        if quote == "'":
            quote = None if character == "'" else quote
        elif character == "\\":
            index += 1
        elif quote == '"':
            quote = None if character == '"' else quote
        elif character in "'\"":
            quote = character
        elif text.startswith("$(", index):
            depth += 1
        elif character == ")" and depth:
            depth -= 1
        index += 1
    return quote is not None or depth > 0


def examples(lines):
    """The shell commands of the document, in order, each with the number of its first line."""
    found, index = [], 0
    while index < len(lines):
        if COMMAND.match(lines[index]):
            start, text = index, lines[index]
            while text.endswith("\\") or quotes_open(text):
                index += 1
                text += "\n" + lines[index]
            found.append((start + 1, text))
        index += 1
    return found


def section(lines, first, last):
    begin = next(i for i, line in enumerate(lines) if line.startswith(first))
    end = next(i for i, line in enumerate(lines) if i > begin and line.startswith(last))
    return "\n".join(lines[begin:end]) + "\n"


def shell(text, server):
    return subprocess.run(
        ["bash", "-c", "set -o pipefail\n" + text], capture_output=True, text=True, timeout=60, cwd=server.folder)


def make_tables(server):
    """What the examples read and write: a table called `source` and one called `sink`."""
    server.json("POST", "/connection_tables", {
        "name": "source", "connector": "impulse", "config": {"event_rate": 100}})
    server.json("POST", "/connection_tables", {"name": "sink", "connector": "blackhole", "config": {}})


def plain_examples(server, checks, lines):
    """Everything before the workflow at the end."""
    end = next(i for i, line in enumerate(lines) if line.startswith("Complete Workflow"))
    ids = {}
    run = 0
    for number, text in examples(lines[:end]):
        command = text.replace("<laminar_backend>", server.url.removesuffix("/api/v1"))
        for written, made in ids.items():
            command = command.replace(written, made)
        command = command.replace("Bearer <token>", f"Bearer {server.token or 'none'}")
        if "-N " in command:
            follow_output(server, checks, command, number)
            run += 1
            continue
        result = shell(command.replace("curl ", "curl -sS --fail-with-body ", 1), server)
        run += 1
        checks.that(result.returncode == 0, f"line {number}: {text.splitlines()[0]} …: {result.stdout} {result.stderr}")
        if "/ping" in command or result.returncode != 0:
            continue
        answer = json.loads(result.stdout)
        if "-X POST" in command and answer.get("id"):
            kind = answer["id"].split("_")[0]
            if kind == "pl":
                ids["pl_abc123"] = answer["id"]
                ids["job_xyz"] = server.job(answer["id"])["id"]
                check_pipeline(checks, answer)
            if kind == "prof":
                ids["prof_iceberg123" if "iceberg" in command else "prof_abc123"] = answer["id"]
        if "-X PATCH" in command:
            checks.equal(answer["id"], ids["pl_abc123"], f"line {number}: the answer is the pipeline")
        if "limit=10" in command:
            checks.that("data" in answer and isinstance(answer["has_more"], bool), f"line {number}: a page: {answer}")
    print(f"{run} examples of the document were run")
    checks.that(run >= 19, f"only {run} examples were found")


def check_pipeline(checks, answer):
    """The fields of the document's Pipeline, with its spelling."""
    for field in ["id", "name", "query", "checkpoint_interval_micros", "stop", "createdAt", "actionText",
                  "actionInProgress", "preview", "graph"]:
        checks.that(field in answer, f"a pipeline has {field}: {list(answer)}")
    checks.that(answer["graph"]["nodes"] and answer["graph"]["edges"], "a graph has nodes and edges")


def follow_output(server, checks, command, number):
    """The document streams the output of a preview pipeline, so one is made for it."""
    preview = server.json("POST", "/pipelines/preview", {"query": "SELECT counter FROM source"})
    job = server.job(preview["id"])["id"]
    command = re.sub(r"/pipelines/[^/]+/jobs/[^/]+/", f"/pipelines/{preview['id']}/jobs/{job}/", command)
    result = shell(f"timeout 3 {command} | head -c 100000; true", server)
    events = [line[6:] for line in result.stdout.splitlines() if line.startswith("data: {")]
    checks.that(bool(events), f"line {number}: rows come: {result.stdout[:500]} {result.stderr[-300:]}")
    if events:
        rows = json.loads(json.loads(events[0])["batch"])
        checks.equal(rows[0], {"counter": 0}, f"line {number}: the first row")


def programs(server, checks, lines):
    """The Python and the TypeScript example."""
    url = server.url.removesuffix("/api/v1")
    python = section(lines, "import requests", "TypeScript").replace("<laminar_backend>", url)
    python += "\nprint(len(pipelines), pipeline['id'], jobs[0]['state'])\n"
    result = subprocess.run([sys.executable, "-c", python], capture_output=True, text=True, timeout=60)
    checks.that(result.returncode == 0 and "pl_" in result.stdout, f"the Python example: {result.stdout} {result.stderr}")
    script = section(lines, "const API_URL", "Complete Workflow").replace("<laminar_backend>", url)
    script += "\nconsole.log(pipelines.length, pipeline.id);\n"
    with tempfile.NamedTemporaryFile("w", suffix=".mjs") as file:
        file.write(script)
        file.flush()
        result = subprocess.run(["node", file.name], capture_output=True, text=True, timeout=60)
    checks.that(
        result.returncode == 0 and "pl_" in result.stdout, f"the TypeScript example: {result.stdout} {result.stderr}")
    print("the Python and the TypeScript example were run")


def workflow(server, checks, lines):
    """The workflow at the end, first with its own tables, then with files in their place."""
    begin = next(i for i, line in enumerate(lines) if line.startswith("Complete Workflow"))
    text = "\n".join(line for line in lines[begin + 1:]).replace(
        "<laminar_backend>", server.url.removesuffix("/api/v1"))
    # The names are taken by the examples above.
    for table in server.json("GET", "/connection_tables")["data"]:
        if table["name"] in ("orders", "large-orders"):
            server.json("DELETE", f"/connection_tables/{table['id']}")
    for profile in server.json("GET", "/connection_profiles")["data"]:
        if profile["name"] == "local-kafka":
            for table in server.json("GET", "/connection_tables")["data"]:
                if (table["connection_profile"] or {}).get("id") == profile["id"]:
                    server.json("DELETE", f"/connection_tables/{table['id']}")
            server.json("DELETE", f"/connection_profiles/{profile['id']}")
    port = 9092 if is_free(9092) else free_port()
    checks.equal(text.count("localhost:9092"), 1, "addresses of the broker in the workflow")
    text = text.replace("localhost:9092", f"localhost:{port}")
    head = text[:text.index("# 4. Create pipeline")]
    result = shell("set -e\n" + head + "\necho; echo profile=$PROFILE_ID", server)
    checks.that("profile=prof_" in result.stdout, f"the workflow's profile: {result.stdout} {result.stderr}")
    names = {table["name"] for table in server.json("GET", "/connection_tables")["data"]}
    checks.that({"orders", "large-orders"} <= names, f"the workflow's tables: {names}")
    if find_program() is None:
        checks.that(False, "the broker that `make python` installs is missing: the workflow over Kafka cannot be run")
    else:
        kafka_workflow(server, checks, text, port)
    for table in server.json("GET", "/connection_tables")["data"]:
        if table["name"] in ("orders", "large-orders"):
            server.json("DELETE", f"/connection_tables/{table['id']}")
    local_workflow(server, checks, text[text.index("# 4. Create pipeline"):])


def kafka_workflow(server, checks, text, port):
    """From "4. Create pipeline" on, word for word; between its last two steps orders come and are read back."""
    import confluent_kafka
    from confluent_kafka.admin import AdminClient, NewTopic
    servers = f"localhost:{port}"
    with Broker(port):
        admin = AdminClient({"bootstrap.servers": servers})
        for future in admin.create_topics([NewTopic("orders", 2, 1), NewTopic("large-orders", 2, 1)]).values():
            future.result(20)
        start, end = text.index("# 4. Create pipeline"), text.index("# 7. Stop pipeline")
        result = shell("set -e\n" + text[start:end] + "\necho; echo pipeline=$PIPELINE_ID", server)
        found = re.search(r"pipeline=(pl_\w+)", result.stdout)
        checks.that(found is not None, f"the workflow over Kafka: {result.stdout} {result.stderr}")
        if not found:
            return
        server.wait_for(found.group(1), "Running")
        # Its source reads what comes from now on; a partition is asked for its end a little after the start.
        time.sleep(3)
        producer = confluent_kafka.Producer({"bootstrap.servers": servers})
        for number in range(10_000):
            producer.produce("orders", json.dumps({"id": number, "amount": number % 250}))
        checks.equal(producer.flush(30), 0, "orders not delivered")
        expected = sum(1 for number in range(10_000) if number % 250 > 100)
        ids = read_topic(confluent_kafka, servers, expected)
        checks.that(len(ids) == len(set(ids)) == expected, f"orders read back: {len(ids)}, expected {expected}")
        print(f"the workflow over Kafka at {servers} wrote {len(ids)} orders, expected {expected}")
        stop = "PIPELINE_ID=" + found.group(1) + "\n" + text[end:]
        checks.equal(shell(stop, server).returncode, 0, "the workflow's last step")
        server.wait_for(found.group(1), "Stopped")
        server.json("DELETE", f"/pipelines/{found.group(1)}")


def read_topic(confluent_kafka, servers, count):
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": servers, "group.id": "check", "auto.offset.reset": "earliest",
        "isolation.level": "read_committed"})
    consumer.subscribe(["large-orders"])
    ids, deadline = [], time.monotonic() + 40
    while time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is None and len(ids) >= count:
            break
        if message is not None and not message.error():
            ids.append(json.loads(message.value())["id"])
    consumer.close()
    return ids


def local_workflow(server, checks, text):
    folder = os.path.join(server.folder, "data", "orders")
    os.makedirs(folder, exist_ok=True)
    source, sink = os.path.join(folder, "orders.jsonl"), os.path.join(folder, "large.jsonl")
    with open(source, "w") as file:
        for number in range(10_000):
            file.write(json.dumps({"id": number, "amount": number % 250}) + "\n")
    fields = [
        {"field_name": "id", "field_type": {"primitive": "Int64"}, "nullable": False},
        {"field_name": "amount", "field_type": {"primitive": "Float64"}, "nullable": False}]
    server.json("POST", "/connectors/single_file/tables", {
        "name": "orders", "config": {"path": source, "table_type": "source"},
        "schema": {"format": {"json": {}}, "fields": fields}})
    server.json("POST", "/connectors/single_file/tables", {
        "name": "large-orders", "config": {"path": sink, "table_type": "sink"}, "schema": {"format": {"json": {}}}})
    result = shell("set -e\n" + text + "\necho; echo pipeline=$PIPELINE_ID", server)
    found = re.search(r"pipeline=(pl_\w+)", result.stdout)
    checks.that(found is not None, f"the workflow over files: {result.stdout} {result.stderr}")
    if not found:
        return
    pipeline = found.group(1)
    # Its last call stops the pipeline, maybe before it has read all; it goes on when it is told to.
    if server.wait_for(pipeline, "Stopped", "Finished")["state"] == "Stopped":
        server.json("PATCH", f"/pipelines/{pipeline}", {"stop": "none"})
        server.wait_for(pipeline, "Finished")
    with open(sink) as file:
        rows = sorted(json.loads(line)["id"] for line in file)
    expected = [number for number in range(10_000) if number % 250 > 100]
    checks.that(rows == expected, f"the workflow's rows: {len(rows)}, expected {len(expected)}")
    print(f"the workflow over files wrote {len(rows)} rows, expected {len(expected)}")


def main():
    checks = Checks()
    with open(os.path.join(ROOT, "fixtures/api/laminar-api.md")) as file:
        lines = file.read().splitlines()
    with Server(binary()) as server:
        server.start()
        status, _, text = server.call("GET", "/pipelines/pl_abc123")
        checks.equal((status, json.loads(text)), (404, {"error": "Pipeline not found: pl_abc123"}), "the document's 404")
        make_tables(server)
        plain_examples(server, checks, lines)
        programs(server, checks, lines)
        workflow(server, checks, lines)
        status, seconds = server.stop()
        checks.equal(status, 0, f"the server ends after {seconds:.1f} s")
    checks.finish()


main()

"""Connections tried out and suggested over a real broker, names of the server, outputs over a restart, latencies.

Usage: connections.py BINARY
"""

import json
import os
import sys
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker, find_program  # noqa: E402
from server import Checks, Server, binary, free_port  # noqa: E402

SCHEMA = {"format": {"json": {}}, "fields": [{"name": "id", "type": "int64"}]}


def events(server, method, path, body=None, headers=None, count=None, within=30.0):
    """The events of a stream as (id, kind, data), to its end or until there are so many."""
    request = urllib.request.Request(
        server.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **(headers or {})})
    found, number, kind = [], None, "message"
    begin = time.monotonic()
    with urllib.request.urlopen(request, timeout=within) as stream:
        for line in stream:
            line = line.decode().rstrip("\n")
            if line.startswith("id: "):
                number = int(line[4:])
            elif line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: "):
                found.append((number, kind, json.loads(line[6:])))
                if count and len(found) >= count or kind == "done":
                    break
            if time.monotonic() - begin > within:
                break
    return found


def profile(servers, **more):
    return {"bootstrap_servers": servers, "authentication": {"type": "none"}, **more}


def table(name, topic, kind, profile_id, schema=SCHEMA, **more):
    given = {"offset": "latest"} if kind == "source_config" else {}
    return {"name": name, "connector": "kafka", "connection_profile_id": profile_id, "schema": schema,
            "config": {"topic": topic, "type": {kind: {**given, **more}}}}


def kafka(server, checks):
    from confluent_kafka import Producer
    from confluent_kafka.admin import AdminClient, NewTopic
    with Broker(free_port()) as broker:
        servers = f"127.0.0.1:{broker.port}"
        admin = AdminClient({"bootstrap.servers": servers})
        names = ["framed", "orders", "out"]
        for future in admin.create_topics([NewTopic(name, 3 if name == "orders" else 1, 1) for name in names]).values():
            future.result(20)
        producer = Producer({"bootstrap.servers": servers})
        producer.produce("orders", b'{"id": 7}', partition=0)
        producer.produce("framed", b'\0\0\0\0\x05{"id": 7}', partition=0)
        producer.flush(20)
        made = server.json("POST", "/connectors/kafka/profiles", {"name": "local", "config": profile(servers)})
        values = server.json("GET", f"/connection_profiles/{made['id']}/autocomplete")["values"]
        checks.equal(values, {"topic": names}, "topics are suggested")
        step = server.json("POST", "/connection_profiles/test", {
            "name": "x", "connector": "kafka", "config": profile(servers)})
        checks.that(not step["error"] and "1 broker and 3 topics" in step["message"], f"the profile works: {step}")

        def steps(name, topic, kind, schema=SCHEMA, **more):
            found = [data for _, _, data in events(
                server, "POST", "/connection_tables/test", table(name, topic, kind, made["id"], schema, **more))]
            checks.that(found[-1]["done"] and not any(step["done"] for step in found[:-1]), f"steps of {name}: {found}")
            return found

        def last(*given, **more):
            return steps(*given, **more)[-1]

        source = last("a", "orders", "source_config")
        checks.that(not source["error"] and '{"id":7}' in source["message"], f"the first record is read: {source}")
        for mode, tried in [("at_least_once", "whose records they tell apart"),
                            ("exactly_once", "of transactions, with the id 'laminar-b-test'")]:
            sink = steps("b", "out", "sink_config", commit_mode=mode)
            words = "; ".join(step["message"] for step in sink)
            checks.that(not sink[-1]["error"] and "records of up to 1048588 bytes are taken" in words
                        and tried in words and "no record was written" in sink[-1]["message"], f"a sink's topic: {words}")
        for policy in ["fail", "drop"]:
            framed = last("e", "framed", "source_config", {**SCHEMA, "bad_data": {policy: {}}})
            checks.that(framed["error"] and "set json.confluent_schema_registry = 'true'" in framed["message"],
                        f"records with the id of a schema are told: {framed}")
        registered = {**SCHEMA, "format": {"json": {"confluent_schema_registry": True}}}
        bare = last("f", "orders", "source_config", registered)
        checks.that(bare["error"] and "with json.confluent_schema_registry = 'false' it is read" in bare["message"],
                    f"records without one are told: {bare}")
        found = last("g", "framed", "source_config", registered)
        checks.that(not found["error"] and '{"id":7}' in found["message"], f"and read as the table says: {found}")
        missing = last("c", "ordres", "source_config")
        checks.that(missing["error"] and "did you mean 'orders'?" in missing["message"], f"a topic is missing: {missing}")
        topics = sorted(name for name in admin.list_topics(timeout=20).topics if not name.startswith("__"))
        checks.equal(topics, names, "no topic was made")
        step = server.json("POST", "/connection_profiles/test", {
            "name": "x", "connector": "kafka", "config": profile(
                servers, schema_registry={"endpoint": f"http://127.0.0.1:{free_port()}"})})
        checks.that(step["error"] and "schema registry" in step["message"] and "nobody listens" in step["message"],
                    f"a registry that is not there: {step}")
        step = server.json("POST", "/connection_profiles/test", {
            "name": "x", "connector": "kafka", "config": {"bootstrap_servers": servers, "authentication": {
                "type": "sasl", "sasl_config": {"mechanism": "PLAIN", "username": "u", "password": "canary-password",
                                                "protocol": "SASL_SSL"}}}})
        checks.that(step["error"] and "does not speak TLS" in step["message"], f"TLS where there is none: {step}")
        checks.that("canary" not in json.dumps(step), "the password is not told")
    step = server.json("POST", "/connection_profiles/test", {
        "name": "x", "connector": "kafka", "config": profile(servers)})
    checks.that(step["error"] and "nobody listens" in step["message"], f"the broker is gone: {step}")
    step = server.json("POST", "/connection_profiles/test", {
        "name": "x", "connector": "kafka", "config": profile("no-such-host.invalid:9092")})
    checks.that(step["error"] and "cannot find host" in step["message"], f"no such host: {step}")


def names(server, checks):
    for host, expected in [("evil.example", 403), (f"evil.example:{server.port}", 403), ("localhost", 200)]:
        status, _, text = server.call("GET", "/pipelines", headers={"Host": host})
        checks.equal(status, expected, f"Host: {host}: {text[:200]}")
        status, _, _ = server.call("GET", f"http://127.0.0.1:{server.port}/metrics", headers={"Host": host})
        checks.equal(status, expected, f"/metrics for Host: {host}")


def files(server, checks):
    """A link that is made after a table was checked, and one that lay there already."""
    inside, outside = os.path.join(server.folder, "data", "inside"), os.path.join(server.folder, "outside")
    os.makedirs(inside)
    os.makedirs(outside)
    for folder, text in [(inside, "mine"), (outside, "canary-file")]:
        with open(os.path.join(folder, "x.json"), "w") as file:
            file.write(json.dumps({"a": text}) + "\n")
    body = {"name": "t", "connector": "filesystem", "config": {"path": inside, "type": {"source_config": {}}},
            "schema": {"format": {"json": {}}, "fields": [{"name": "a", "type": "string"}]}}
    server.json("POST", "/connection_tables", body)
    rows = server.json("POST", "/query", {"query": "SELECT a FROM t"})["rows"]
    checks.equal(rows, [{"a": "mine"}], "files below the root are read")
    os.symlink(os.path.join(outside, "x.json"), os.path.join(inside, "y.json"))
    status, _, text = server.call("POST", "/query", {"query": "SELECT a FROM t"})
    checks.that("canary-file" not in text, f"a link inside is not followed: {status} {text}")


def output(server, checks):
    query = """
        CREATE TABLE n WITH (connector = 'impulse', event_rate = 500, type = 'source');
        SELECT counter FROM n
        """
    made = server.json("POST", "/pipelines", {"name": "p", "query": query, "parallelism": 1})
    server.wait_for(made["id"], "Running")
    path = f"/pipelines/{made['id']}/jobs/{made['jobId']}"
    seen = events(server, "GET", path + "/output", count=5)
    now = time.time() * 1e6
    times = [time for _, _, data in seen for time in data["timestamps"]]
    checks.that(times == sorted(times) and all(abs(now - time) < 60e6 for time in times), "times are those of the events")
    deadline = time.monotonic() + 20
    groups = []
    while time.monotonic() < deadline and not groups:
        nodes = server.json("GET", path + "/operator_metric_groups")["data"]
        groups = [group for node in nodes for group in node["metricGroups"] if group["name"] == "latency_p99"]
        time.sleep(0.2)
    values = [point["value"] for group in groups for subtask in group["subtasks"] for point in subtask["metrics"]]
    checks.that(values and all(0 < value < 10 for value in values), f"latencies in seconds: {values}")
    _, _, text = server.call("GET", "/metrics")
    checks.that('laminar_latency_seconds{' in text and 'quantile="0.99"' in text, "latencies for Prometheus")
    last = seen[-1][0]
    server.kill()
    server.start()
    server.wait_for(made["id"], "Running")
    again = events(server, "GET", path + "/output", headers={"Last-Event-ID": str(last)}, count=1)
    checks.that(again[0][0] > last, f"ids grow over a restart: {again[0][0]} after {last}")
    checks.equal(again[0][2].get("startId"), 0, "an id of before begins with the first row since")


def main():
    checks = Checks()
    with Server(binary()) as server:
        server.start()
        names(server, checks)
        files(server, checks)
        output(server, checks)
        checks.that(find_program() is not None, "the broker that `make python` installs is there")
        if find_program():
            kafka(server, checks)
        log = server.log()
        checks.that("Something went wrong" not in log and "a request failed" not in log, "no fault of the server:\n" + log)
        checks.that("canary" not in log, "no secret in the log")
    checks.finish()


main()

"""What is gone, used, too much or not built: 404, 409, 429 and the settings behind them, on the server itself.

Usage: limits.py BINARY
"""

import json
import os
import select
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import Checks, Server, binary  # noqa: E402

FIELDS = {"format": {"json": {}}, "fields": [
    {"field_name": "a", "field_type": {"primitive": "Int64"}, "nullable": True}]}
# Tables of the connectors that are known and do not run yet: (profile's config or None, table's config, is a sink).
UNBUILT = {
    "kinesis": (None, {"stream_name": "s", "type": {"source": {"offset": "latest"}}}, False),
    "delta": (None, {"path": "s3://bucket/table", "type": "sink"}, True),
    "iceberg": ({"catalog": {"type": "rest", "rest_catalog_config": {"uri": "http://127.0.0.1:1"}}},
                {"type": "sink", "namespace": "n", "table_name": "t"}, True),
    "mqtt": ({"url": "tcp://127.0.0.1:1"}, {"topic": "t", "type": {"source_config": {}}}, False),
    "nats": ({"servers": "127.0.0.1:1"}, {"type": {"source_config": {"core": {"subject": "s"}}}}, False),
    "polling_http": (None, {"endpoint": "http://127.0.0.1:1/"}, False),
    "rabbitmq": ({"host": "127.0.0.1"}, {"stream": "s", "type": {"source_config": {}}}, False),
    "redis": ({"address": "redis://127.0.0.1:1"},
              {"type": {"sink_config": {"target": {"string": {"key_prefix": "p"}}}}}, True),
    "sse": (None, {"endpoint": "http://127.0.0.1:1/"}, False),
    "websocket": (None, {"endpoint": "ws://127.0.0.1:1/"}, False),
    "webhook": (None, {"endpoint": "http://127.0.0.1:1/hook"}, True),
}


def expect(server, checks, status, method, path, body=None, text=""):
    found, _, answer = server.call(method, path, body)
    checks.that(found == status and text in answer,
                f"{method} {path}: expected {status} {text!r}, found {found} {answer[:300]}")
    return answer


def is_gone(server, checks, pipeline, job):
    path, jobs = f"/pipelines/{pipeline}", f"/pipelines/{pipeline}/jobs/{job}"
    for method, target, body in [
            ("GET", path, None), ("GET", path + "/jobs", None), ("PATCH", path, {"stop": "none"}),
            ("DELETE", path, None),
            ("POST", path + "/restart", {}), ("GET", jobs + "/checkpoints", None), ("GET", jobs + "/errors", None),
            ("GET", jobs + "/checkpoints/1/operator_checkpoint_groups", None), ("GET", jobs + "/diagnosis", None),
            ("GET", jobs + "/operator_metric_groups", None), ("GET", jobs + "/output", None)]:
        expect(server, checks, 404, method, target, body, pipeline if target == path else "not found")
    checks.that(pipeline not in server.call("GET", "/jobs")[2], "its job is not listed")
    checks.that(pipeline not in server.call("GET", "/pipelines?include_preview=true")[2], "it is not listed")


def deletions(server, checks):
    """What is used cannot be deleted, and the answer says by whom; what is deleted is gone everywhere."""
    profile = server.json("POST", "/connectors/kafka/profiles", {
        "name": "local", "config": {"bootstrap_servers": "127.0.0.1:1", "authentication": {"type": "none"}}})["id"]
    tables = {"orders": server.json("POST", "/connectors/kafka/tables", {
        "name": "orders", "connection_profile_id": profile, "schema": FIELDS,
        "config": {"topic": "orders", "type": {"source_config": {"offset": "latest"}}}})["id"]}
    for name, connector, config in [("ticks", "impulse", {"event_rate": 10}), ("nothing", "blackhole", {})]:
        tables[name] = server.json("POST", "/connection_tables", {
            "name": name, "connector": connector, "config": config})["id"]
    resting = server.json("POST", "/pipelines", {
        "name": "resting", "parallelism": 1, "start": False, "query": "INSERT INTO nothing SELECT a FROM orders"})
    running = server.json("POST", "/pipelines", {
        "name": "running", "parallelism": 1, "query": "INSERT INTO nothing SELECT counter FROM ticks"})
    server.wait_for(running["id"], "Running")
    expect(server, checks, 409, "DELETE", f"/connection_profiles/{profile}", text="orders")
    for name, user in [("orders", "resting"), ("ticks", "running"), ("nothing", "resting"), ("nothing", "running")]:
        expect(server, checks, 409, "DELETE", f"/connection_tables/{tables[name]}", text=user)
    expect(server, checks, 409, "DELETE", f"/pipelines/{running['id']}", text="stop")
    server.json("PATCH", f"/pipelines/{running['id']}", {"stop": "immediate"})
    server.wait_for(running["id"], "Stopped")
    for pipeline in [running, resting]:
        checks.equal(expect(server, checks, 200, "DELETE", f"/pipelines/{pipeline['id']}"), "{}", "a deletion's answer")
        is_gone(server, checks, pipeline["id"], pipeline["jobId"])
    for name, table in tables.items():
        checks.equal(expect(server, checks, 200, "DELETE", f"/connection_tables/{table}"), "{}", "a deletion's answer")
        expect(server, checks, 404, "GET", f"/connection_tables/{table}", text=table)
        expect(server, checks, 404, "DELETE", f"/connection_tables/{table}", text=table)
        expect(server, checks, 400, "POST", "/pipelines", {
            "name": "x", "parallelism": 1, "query": f"SELECT * FROM {name}"}, text=name)
    expect(server, checks, 200, "DELETE", f"/connection_profiles/{profile}")
    for method, path in [("GET", ""), ("DELETE", ""), ("GET", "/autocomplete")]:
        expect(server, checks, 404, method, f"/connection_profiles/{profile}{path}", text=profile)
    expect(server, checks, 400, "POST", "/connectors/kafka/tables", {
        "name": "late", "connection_profile_id": profile, "schema": FIELDS,
        "config": {"topic": "orders", "type": {"source_config": {"offset": "latest"}}}}, text="connection_profile_id")
    expect(server, checks, 404, "POST", "/connectors/nothing/tables", {"name": "x", "config": {}}, text="nothing")


def unbuilt(server, checks):
    """Connectors that do not run yet: listed as such, their tables are stored, and a plan that uses one says which."""
    listed = {item["id"]: item["enabled"] for item in server.json("GET", "/connectors")["data"]}
    checks.equal(sorted(UNBUILT), sorted(name for name, enabled in listed.items() if not enabled),
                 "connectors that are not enabled")
    checks.equal(sorted(server.json("GET", "/config")["connectors"]),
                 sorted(name for name, enabled in listed.items() if enabled), "connectors of /config")
    server.json("POST", "/connection_tables", {"name": "numbers", "connector": "impulse", "config": {"event_rate": 10}})
    for connector, (profile, config, is_sink) in UNBUILT.items():
        body = {"name": f"of_{connector}", "connector": connector, "config": config, "schema": FIELDS}
        if profile is not None:
            body["connection_profile_id"] = server.json("POST", "/connection_profiles", {
                "name": f"for_{connector}", "connector": connector, "config": profile})["id"]
        status, _, text = server.call("POST", "/connection_tables", body)
        checks.equal(status, 200, f"a table of {connector}: {text[:300]}")
        query = (f"INSERT INTO of_{connector} SELECT CAST(counter AS BIGINT) AS a FROM numbers" if is_sink
                 else f"SELECT a FROM of_{connector}")
        for path in ["/pipelines", "/pipelines/preview", "/query"]:
            if is_sink and path != "/pipelines":
                continue
            expect(server, checks, 400, "POST", path, {"name": "x", "parallelism": 1, "query": query},
                   text=f"'{connector}'")
        found = server.json("POST", "/pipelines/validate_query", {"query": query})
        checks.that(found["graph"] is None and f"'{connector}'" in json.dumps(found["errors"]),
                    f"validation names {connector}: {found['errors']}")


def left_queries(server, checks):
    """Clients that leave while their queries run make room for others at once."""
    server.json("POST", "/connection_tables", {
        "name": "slow", "connector": "impulse", "config": {"event_rate": 100, "message_count": 1_000_000_000}})
    body = json.dumps({"query": "SELECT counter FROM slow WHERE counter < 0"}).encode()
    head = (f"POST /api/v1/query HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()

    def ask():
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(head + body)
        return client

    for turn in range(2):
        clients = [ask() for _ in range(4)]
        deadline = time.monotonic() + 20
        while server.call("POST", "/query", {"query": "SELECT 1 AS one"})[0] != 429:
            if time.monotonic() > deadline:
                checks.that(False, f"turn {turn}: four queries leave no place for a fifth")
                break
            time.sleep(0.1)
            # Those whose place the question itself had have been told so, and ask again.
            for answered in select.select(clients, [], [], 0)[0]:
                clients[clients.index(answered)] = ask()
                answered.close()
        for client in clients:
            client.close()
        begin = time.monotonic()
        while (status := server.call("POST", "/query", {"query": "SELECT 1 AS one"})[0]) != 200:
            if time.monotonic() - begin > 5:
                break
            time.sleep(0.01)
        seconds = time.monotonic() - begin
        checks.that(status == 200 and seconds < 1,
                    f"turn {turn}: a fifth query is answered after {seconds:.2f} s: {status}")
        print(f"four queries left: a fifth is answered after {seconds * 1000:.0f} ms")


def half_closed(server, checks):
    """A client that sends nothing more, but still reads, has its answer."""
    server.json("POST", "/connection_tables", {
        "name": "second", "connector": "impulse", "config": {"event_rate": 100, "message_count": 150}})
    body = json.dumps({"query": "SELECT count(*) AS n FROM second"}).encode()
    client = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    client.sendall(
        f"POST /api/v1/query HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    client.shutdown(socket.SHUT_WR)
    text = ""
    while data := client.recv(1 << 16).decode():
        text += data
    client.close()
    checks.that("HTTP/1.1 200 OK" in text and '"n":150' in text,
                f"the answer to a client that has closed its half: {text}")


def request(server, path="/ping"):
    client = socket.create_connection(("127.0.0.1", server.port), timeout=5)
    client.sendall(f"GET /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    return client


def answers(client, within):
    client.settimeout(within)
    try:
        return client.recv(1 << 16).decode(errors="replace")
    except TimeoutError:
        return ""


def rate(program, checks):
    with Server(program, API__REQUESTS_PER_SECOND="4", API__REQUEST_BURST="20") as server:
        server.start()
        found = [server.call("GET", "/pipelines") for _ in range(40)]
        taken = sum(1 for status, _, _ in found if status == 200)
        refused = [headers for status, headers, _ in found if status == 429]
        checks.that(10 <= taken <= 25, f"with a burst of 20, {taken} of 40 requests were answered")
        checks.equal(taken + len(refused), 40, "requests answered or refused")
        waits = [int(headers.get("Retry-After", 0)) for headers in refused]
        checks.that(waits and all(1 <= wait <= 2 for wait in waits), f"Retry-After: {waits}")
        time.sleep(max(waits, default=1))
        checks.equal(server.call("GET", "/pipelines")[0], 200, "the request after that time")


def connections(program, checks):
    with Server(program, API__MAX_CONNECTIONS="6") as server:
        server.start()
        time.sleep(0.3)
        clients = [request(server) for _ in range(6)]
        checks.that(all("200 OK" in answers(client, 5) for client in clients), "six connections are served")
        waiting = request(server)
        checks.equal(answers(waiting, 1), "", "a seventh waits")
        clients[0].close()
        checks.that("200 OK" in answers(waiting, 5), "the seventh is served when one has gone")
        for client in clients[1:] + [waiting]:
            client.close()


def readers(program, checks):
    with Server(program, API__MAX_OUTPUT_READERS="2") as server:
        server.start()
        server.json("POST", "/connection_tables", {"name": "n", "connector": "impulse", "config": {"event_rate": 100}})
        made = server.json("POST", "/pipelines", {"name": "p", "parallelism": 1, "query": "SELECT counter FROM n"})
        server.wait_for(made["id"], "Running")
        path = f"/pipelines/{made['id']}/jobs/{made['jobId']}/output"
        first, second = request(server, path), request(server, path)
        checks.that(all("200 OK" in answers(client, 5) for client in [first, second]), "two readers are served")
        expect(server, checks, 429, "GET", path)
        first.close()
        begin = time.monotonic()
        while True:
            third = request(server, path)
            text = answers(third, 5)
            if "200 OK" in text or time.monotonic() - begin > 3:
                break
            third.close()
            time.sleep(0.05)
        checks.that("200 OK" in text, f"a third reader when one has gone: {text[:200]}")
        second.close()
        third.close()


def origins(program, checks):
    good, bad = "https://console.example", "https://other.example"
    with Server(program, API__CORS_ORIGINS=f"{good},http://localhost:3000") as server:
        server.start()
        asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "content-type"}
        for origin in [good, "http://localhost:3000"]:
            status, headers, _ = server.call("OPTIONS", "/pipelines/x", headers={"Origin": origin, **asked})
            lower = {key.lower(): value for key, value in headers.items()}
            checks.that(status in (200, 204) and lower.get("access-control-allow-origin") == origin
                        and "PATCH" in lower.get("access-control-allow-methods", ""), f"preflight: {status} {headers}")
            status, headers, _ = server.call("GET", "/pipelines", headers={"Origin": origin})
            lower = {key.lower(): value for key, value in headers.items()}
            checks.that(status == 200 and lower.get("access-control-allow-origin") == origin
                        and "origin" in lower.get("vary", "").lower(), f"GET of an origin: {status} {headers}")
        status, headers, _ = server.call("OPTIONS", "/pipelines/x", headers={"Origin": bad, **asked})
        checks.that("access-control-allow-origin" not in {key.lower() for key in headers},
                    f"preflight of others: {headers}")
        status, headers, _ = server.call("GET", "/pipelines", headers={"Origin": bad})
        checks.that(status == 403 and "access-control-allow-origin" not in {key.lower() for key in headers},
                    f"GET of another origin: {status} {headers}")


def main():
    checks = Checks()
    program = binary()
    with Server(program) as server:
        server.start()
        deletions(server, checks)
        unbuilt(server, checks)
        left_queries(server, checks)
        half_closed(server, checks)
    rate(program, checks)
    connections(program, checks)
    readers(program, checks)
    origins(program, checks)
    checks.finish()


main()

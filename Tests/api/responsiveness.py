"""How quickly the server starts and answers: idle, with ten thousand pipelines, and with all cores busy.

Usage: responsiveness.py BINARY [PIPELINES]: how many there are; 20 previews come on top.
"""

import http.client
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import Checks, Server, binary  # noqa: E402


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def timed(server, path, count):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    millis = []
    for _ in range(count):
        begin = time.monotonic()
        connection.request("GET", "/api/v1" + path)
        answer = connection.getresponse()
        body = answer.read()
        millis.append((time.monotonic() - begin) * 1000)
        if answer.status != 200:
            raise AssertionError(f"GET {path}: {answer.status} {body[:300]}")
    return millis


def start_and_memory(checks, program):
    starts = []
    for _ in range(5):
        with Server(program) as server:
            starts.append(server.start())
    with Server(program) as server:
        server.start()
        time.sleep(1)
        memory = server.resident_mebibytes()
    start = sorted(starts)[2]
    print(f"start to first answer {start * 1000:.0f} ms (median of 5), idle {memory:.1f} MiB resident")
    checks.that(start < 0.3, f"start to first answer {start * 1000:.0f} ms, at most 300")
    checks.that(memory < 60, f"the idle server has {memory:.1f} MiB resident, at most 60")


def busy(checks, program):
    with Server(program) as server:
        server.start()
        server.json("POST", "/connection_tables", {"name": "ticks", "connector": "impulse", "config": {}})
        server.json("POST", "/connection_tables", {"name": "nothing", "connector": "blackhole", "config": {}})
        for number in range(2):
            pipeline = server.json("POST", "/pipelines", {
                "name": f"busy{number}", "parallelism": 2,
                "query": "INSERT INTO nothing SELECT counter % 1000 AS k, count(*) AS n, sum(counter) AS s FROM ticks "
                         "GROUP BY 1, tumble(interval '1 second')"})["id"]
            server.wait_for(pipeline, "Running")
        time.sleep(1)
        millis = timed(server, "/pipelines", 1000)
        p99 = percentile(millis, 0.99)
        print(f"GET /pipelines beside two pipelines on all cores: p50 {percentile(millis, 0.5):.1f} ms, p99 {p99:.1f} ms")
        checks.that(p99 < 50, f"p99 {p99:.1f} ms, at most 50")


def pages(server, parameters):
    """All pages of a list of pipelines: the items, and how many milliseconds each page took."""
    items, cursor, millis = [], None, []
    while True:
        path = "/pipelines?limit=100" + parameters + (f"&starting_after={cursor}" if cursor else "")
        begin = time.monotonic()
        status, _, text = server.call("GET", path)
        millis.append((time.monotonic() - begin) * 1000)
        if status != 200:
            raise AssertionError(f"GET {path}: {status} {text[:300]}")
        page = json.loads(text)
        items += page["data"]
        if not page["has_more"]:
            return items, millis
        cursor = page["data"][-1]["id"]


def create(server, count):
    """Makes so many pipelines that rest, and 20 previews, as many as are kept once they have ended; the seconds that each of
    ten parts took."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def post(path, body):
        connection.request("POST", "/api/v1" + path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise AssertionError(f"POST {path}: {answer.status} {text[:300]}")
        return json.loads(text)["id"]

    parts, made, previews = [], [], []
    for part in range(10):
        begin = time.monotonic()
        for number in range(count // 10):
            made.append(post("/pipelines", {
                "name": f"p{part}.{number}", "parallelism": 1, "start": False,
                "query": "INSERT INTO nothing SELECT * FROM ticks WHERE counter > 5"}))
        parts.append(time.monotonic() - begin)
        for _ in range(2):
            previews.append(post("/pipelines/preview", {"query": "SELECT counter FROM few"}))
    return parts, made, previews


def many(checks, program, count):
    with Server(program, API__REQUESTS_PER_SECOND="1000000") as server:
        server.start()
        server.json("POST", "/connection_tables", {"name": "ticks", "connector": "impulse", "config": {}})
        server.json("POST", "/connection_tables", {
            "name": "few", "connector": "impulse", "config": {"event_rate": 100, "message_count": 1}})
        server.json("POST", "/connection_tables", {"name": "nothing", "connector": "blackhole", "config": {}})
        parts, made, previews = create(server, count)
        # Whatever else the machine does, it does not do all the time.
        growth = min(parts[-3:]) / min(parts[:3])
        print(f"{count} pipelines made in {sum(parts):.1f} s, tenths of {', '.join(f'{part:.2f}' for part in parts)} s")
        checks.that(growth <= 2, f"the last tenths took {growth:.2f} times as long to make as the first, at most 2")
        for parameters, expected in [("", made), ("&include_preview=true", made + previews)]:
            items, millis = pages(server, parameters)
            p95 = percentile(millis, 0.95)
            print(f"{len(millis)} pages of 100{parameters}: p50 {percentile(millis, 0.5):.1f} ms, p95 {p95:.1f} ms, "
                  f"at most {max(millis):.1f} ms")
            checks.equal(len(items), len(expected), f"pipelines on all pages{parameters}")
            checks.that({item["id"] for item in items} == set(expected), f"every pipeline is on one page{parameters}")
            shown = sum(item["preview"] for item in items)
            checks.equal(shown, len(expected) - count, f"previews on all pages{parameters}")
            checks.that(p95 < 20, f"a page{parameters} took {p95:.1f} ms (p95), at most 20")


def main():
    checks = Checks()
    program = binary()
    start_and_memory(checks, program)
    busy(checks, program)
    many(checks, program, int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
    checks.finish()


main()

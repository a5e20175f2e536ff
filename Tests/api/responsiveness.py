"""How quickly the server starts and answers: idle, with ten thousand pipelines, and with all cores busy.

Usage: responsiveness.py BINARY [PIPELINES]
"""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import Checks, Server, binary  # noqa: E402


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def timed(server, path, count):
    import http.client
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


def many(checks, program, count):
    with Server(program, API__REQUESTS_PER_SECOND="1000000") as server:
        server.start()
        server.json("POST", "/connection_tables", {"name": "ticks", "connector": "impulse", "config": {}})
        server.json("POST", "/connection_tables", {"name": "nothing", "connector": "blackhole", "config": {}})
        begin = time.monotonic()
        for number in range(count):
            server.json("POST", "/pipelines", {
                "name": f"p{number}", "parallelism": 1, "start": False,
                "query": "INSERT INTO nothing SELECT * FROM ticks WHERE counter > 5"})
        print(f"{count} pipelines made in {time.monotonic() - begin:.1f} s")
        seen, cursor, millis = set(), None, []
        while True:
            path = "/pipelines?limit=100" + (f"&starting_after={cursor}" if cursor else "")
            begin = time.monotonic()
            page = server.json("GET", path)
            millis.append((time.monotonic() - begin) * 1000)
            seen |= {item["id"] for item in page["data"]}
            if not page["has_more"]:
                break
            cursor = page["data"][-1]["id"]
        p99 = percentile(millis, 0.99)
        print(f"{len(millis)} pages of 100: p50 {percentile(millis, 0.5):.1f} ms, p99 {p99:.1f} ms")
        checks.equal(len(seen), count, "every pipeline is on exactly one page")
        checks.that(percentile(millis, 0.95) < 20, f"a page took {percentile(millis, 0.95):.1f} ms (p95), at most 20")


def main():
    checks = Checks()
    program = binary()
    start_and_memory(checks, program)
    busy(checks, program)
    many(checks, program, int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
    checks.finish()


main()

"""How soon a reader has the rows: the time each arrives over SSE minus the time its source made it.

Usage: output_latency.py BINARY [SECONDS]: how long each rate is measured (5). Rows must arrive within 100 ms (p99), at
few rows a second and at many, of a preview, of a pipeline that ends in a SELECT, and of a node that is tapped.
"""

import json
import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import Checks, Server, binary  # noqa: E402

MILLIS_MAX = 100


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def arrivals(server, path, seconds):
    """Milliseconds between the making of each row and its arrival; rows made before the reader came do not count."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=5)
    connection.sendall(f"GET /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n".encode())
    begin, text, millis, numbers = time.time(), b"", [], []
    while time.time() < begin + seconds:
        data = connection.recv(1 << 16)
        now = time.time()
        text += data
        *lines, text = text.split(b"\n")
        for line in lines:
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[6:])
            if "batch" not in event:
                # Of a node's rows a sample is shown; how many were left out is told.
                continue
            rows = json.loads(event["batch"])
            for made, row in zip(event["timestamps"], rows, strict=True):
                if made / 1e6 > begin + 0.2:
                    millis.append((now - made / 1e6) * 1000)
                    numbers.append(row["counter"])
    connection.close()
    return millis, numbers


def check(checks, server, path, seconds, rate, kind):
    for turn in range(2):
        millis, numbers = arrivals(server, path, seconds)
        p99 = percentile(millis or [1e9], 0.99)
        print(f"{rate} rows a second, {kind}: {len(millis)} rows, p50 {percentile(millis or [0], 0.5):.1f} ms, "
              f"p99 {p99:.1f} ms, at most {max(millis, default=0):.1f} ms")
        # Others may have had the machine for a while; they do not have it twice.
        if p99 < MILLIS_MAX:
            break
    # Of a node's rows a sample is shown.
    if kind != "node":
        checks.that(len(millis) >= 0.8 * rate * (seconds - 0.2), f"{len(millis)} rows at {rate} a second, {kind}")
    checks.equal(len(set(numbers)), len(numbers), f"no row twice, {kind}")
    checks.that(min(millis, default=0) >= 0, f"a row arrives before it is made: {min(millis, default=0)} ms")
    checks.that(p99 < MILLIS_MAX, f"p99 {p99:.1f} ms at {rate} rows a second, {kind}; at most {MILLIS_MAX}")


def main():
    checks = Checks()
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 5.0
    with Server(binary()) as server:
        server.start()
        for rate in [20, 1000]:
            server.json("POST", "/connection_tables", {
                "name": f"ticks{rate}", "connector": "impulse", "config": {"event_rate": rate}})
            query = f"SELECT counter, counter * 2 AS twice FROM ticks{rate} WHERE counter >= 0"
            kinds = [("preview", server.json("POST", "/pipelines/preview", {"query": query})["id"], "")]
            if rate == 1000:
                made = server.json("POST", "/pipelines", {"name": "shown", "query": query, "parallelism": 2})
                kinds.append(("SELECT", made["id"], ""))
                kinds.append(("node", made["id"], "?node_id=0"))
            for kind, pipeline, more in kinds:
                job = server.wait_for(pipeline, "Running")["id"]
                # The first rows come while operators still begin.
                time.sleep(0.5)
                path = f"/pipelines/{pipeline}/jobs/{job}/output{more}"
                check(checks, server, path, seconds, rate, kind)
    checks.finish()


main()

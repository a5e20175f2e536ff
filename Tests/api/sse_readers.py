"""Two hundred readers of one output, fifty of which never read: what that costs the pipeline and the server.

Usage: sse_readers.py BINARY [SECONDS [RATIO]]: a turn's length, and the throughput demanded (0.95). The throughput with
readers is compared with that without, measured by turns in one run. There are more rows than any reader is given, so
that the sockets of those who do not read fill: rows are dropped for them, they are told how many, and resident memory
stays within 1 MiB a reader.
"""

import json
import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import Checks, Server, binary  # noqa: E402

READERS, SILENT = 200, 50
# One row in so many is shown: some ten thousand a second, of which a reader is given what its share of bytes allows.
EVERY = 5000
# Rows that are kept for readers; who reads misses far fewer at a time.
KEPT = 10_000


def connect(server, path, buffer=None):
    connection = socket.socket()
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.connect(("127.0.0.1", server.port))
    connection.sendall(f"GET /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n".encode())
    return connection


class Drains:
    """Reads connections in one thread, each a little at a time, and counts bytes."""

    def __init__(self, connections):
        self.counts, self.connections = [0] * len(connections), connections
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        for connection in self.connections:
            connection.setblocking(False)
        buffer = bytearray(1 << 18)
        while not self.stopped.is_set():
            for index, connection in enumerate(self.connections):
                try:
                    self.counts[index] += connection.recv_into(buffer)
                except BlockingIOError:
                    pass
            time.sleep(0.02)

    def stop(self):
        self.stopped.set()
        self.thread.join()
        return self.counts


def source_rows(server, pipeline):
    """Rows that the source of a pipeline has given so far, by the metrics of Prometheus."""
    _, _, text = server.call("GET", server.url.removesuffix("/api/v1") + "/metrics")
    total = 0
    for line in text.splitlines():
        if line.startswith("laminar_messages_sent_total{") and pipeline in line and 'node_id="0"' in line:
            total += int(float(line.rsplit(" ", 1)[1]))
    return total


def rate(server, pipeline, seconds):
    begin, first = time.monotonic(), source_rows(server, pipeline)
    time.sleep(seconds)
    return (source_rows(server, pipeline) - first) / (time.monotonic() - begin)


def events(connection, within):
    """The events of a stream as (kind, id, data), read until one tells that more rows were missed than are kept."""
    connection.settimeout(1)
    found, text, deadline = [], b"", time.monotonic() + within
    while time.monotonic() < deadline and not any(
            kind == "dropped" and data["count"] > KEPT for kind, _, data in found):
        try:
            data = connection.recv(1 << 16)
        except TimeoutError:
            continue
        if not data:
            break
        *blocks, text = (text + data).split(b"\n\n")
        for block in blocks:
            lines = [line for line in block.split(b"\n") if b": " in line and not line.startswith(b":")]
            fields = dict(line.split(b": ", 1) for line in lines)
            if b"data" in fields:
                kind, number = fields.get(b"event", b"message").decode(), int(fields.get(b"id", 0))
                found.append((kind, number, json.loads(fields[b"data"])))
    return found


def stalled(checks, connections):
    """Whoever did not read has what was sent before its socket was full, without a hole, and is told what it missed."""
    told, kept = [], []
    for connection in connections:
        place, had = None, 0
        for kind, number, data in events(connection, 15):
            if kind == "dropped":
                place = None if place is None else place + data["count"]
                told += [data["count"]] if data["count"] > KEPT else []
                continue
            rows = json.loads(data["batch"])
            if place is not None:
                checks.equal(number - place, len(rows), "rows between two ids")
            checks.that(all(row["twice"] == 2 * row["counter"] and row["counter"] % EVERY == 0 for row in rows),
                        "rows are whole")
            place, had = number, had + len(rows)
        kept.append(had)
    checks.equal(len(told), len(connections), f"silent readers that are told of more than {KEPT} dropped rows")
    print(f"the silent had {min(kept)} to {max(kept)} rows waiting, and were told of {min(told, default=0)} to "
          f"{max(told, default=0)} dropped ones behind these")


def main():
    checks = Checks()
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 4.0
    with Server(binary(), ENGINE__THREADS="1") as server:
        server.start()
        server.json("POST", "/connection_tables", {"name": "ticks", "connector": "impulse", "config": {}})
        pipeline = server.json("POST", "/pipelines/preview", {
            "query": f"SELECT counter, counter * 2 AS twice FROM ticks WHERE counter % {EVERY} = 0"})["id"]
        job = server.wait_for(pipeline, "Running")["id"]
        path = f"/pipelines/{pipeline}/jobs/{job}/output"
        before, during, peaks = [], [], []
        rate(server, pipeline, 1)
        for turn in range(3):
            before.append(rate(server, pipeline, seconds))
            memory = server.resident_mebibytes()
            silent = [connect(server, path, buffer=4096) for _ in range(SILENT)]
            reading = [connect(server, path) for _ in range(READERS - SILENT)]
            drains = Drains(reading)
            time.sleep(1)
            during.append(rate(server, pipeline, seconds))
            # The sockets of the silent are to be full for more than a second, far longer than rows are kept.
            time.sleep(2)
            peaks.append(server.resident_mebibytes() - memory)
            counts = drains.stop()
            checks.that(all(count > 1000 for count in counts), f"all {len(counts)} readers got rows")
            if turn == 2:
                stalled(checks, silent)
            for connection in silent + reading:
                connection.close()
            print(f"turn {turn}: {sum(counts) / len(counts) / 1024:.0f} KiB a reader, {peaks[-1]:.1f} MiB more")
            time.sleep(0.5)
        ratio = sorted(during)[1] / sorted(before)[1]
        print(f"rows a second without readers {[round(value) for value in before]}, with {[round(v) for v in during]}:"
              f" ratio {ratio:.3f}")
        checks.that(max(peaks) <= READERS, f"memory grew by {max(peaks):.0f} MiB, at most 1 MiB a reader")
        demanded = float(sys.argv[3]) if len(sys.argv) > 3 else 0.95
        checks.that(ratio >= demanded, f"throughput fell to {ratio:.3f}, at least {demanded} is demanded")
    checks.finish()


main()

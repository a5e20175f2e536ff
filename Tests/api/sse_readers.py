"""Two hundred readers of one output, fifty of which never read: what that costs the pipeline and the server.

Usage: sse_readers.py BINARY [SECONDS [RATIO]]: a turn's length, and the throughput demanded (0.95). The throughput with
readers is compared with that without, measured by turns in one run. There are more rows than any reader is given, so
that the sockets of those who do not read fill: rows are dropped for them, they are told how many, and resident memory
stays within 1 MiB a reader.
"""

import json
import os
import re
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
FILL_SECONDS = 8
DROPPED = re.compile(rb'event: dropped\ndata: \{"count":(\d+)\}')


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


def missed(connection, within=10):
    """What a stream gives until it tells that more rows were missed than are kept, and how many; 0: it does not."""
    connection.settimeout(1)
    text, deadline = b"", time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            data = connection.recv(1 << 16)
        except TimeoutError:
            continue
        text += data
        # An event may have come in two parts.
        for found in DROPPED.finditer(text, max(0, len(text) - len(data) - 100)):
            if int(found.group(1)) > KEPT:
                return text[:found.end()], int(found.group(1))
        if not data:
            break
    return text, 0


def check_whole(checks, text):
    """Between the ids of a stream's events there is no hole that it does not tell; gives the number of its rows."""
    place, count = None, 0
    for block in text.split(b"\n\n"):
        lines = [line for line in block.split(b"\n") if b": " in line and not line.startswith(b":")]
        fields = dict(line.split(b": ", 1) for line in lines)
        if b"data" not in fields or b"id" not in fields:
            if fields.get(b"event") == b"dropped" and place is not None:
                place += json.loads(fields[b"data"])["count"]
            continue
        rows = json.loads(json.loads(fields[b"data"])["batch"])
        if place is not None:
            checks.equal(int(fields[b"id"]) - place, len(rows), "rows between two ids")
        checks.that(all(row["twice"] == 2 * row["counter"] and row["counter"] % EVERY == 0 for row in rows),
                    "rows are whole")
        place, count = int(fields[b"id"]), count + len(rows)
    return count


def stalled(checks, connections):
    """Whoever did not read has what was sent before its socket was full, without a hole, and is told what it missed."""
    found = [missed(connection) for connection in connections]
    told = [count for _, count in found if count]
    checks.equal(len(told), len(connections), f"silent readers that are told of more than {KEPT} dropped rows")
    rows = [check_whole(checks, text) for text, _ in found[:5]]
    sizes = [len(text) / 1024 for text, _ in found]
    print(f"for the silent {min(sizes):.0f} to {max(sizes):.0f} KiB were waiting (some {rows[0]} rows), and "
          f"{min(told, default=0)} to {max(told, default=0)} rows behind these were dropped")


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
            if turn == 2:
                # Alone they are given more: their sockets are to be full, which takes megabytes.
                time.sleep(FILL_SECONDS)
            reading = [connect(server, path) for _ in range(READERS - SILENT)]
            drains = Drains(reading)
            time.sleep(1)
            during.append(rate(server, pipeline, seconds))
            peaks.append(server.resident_mebibytes() - memory)
            counts = drains.stop()
            checks.that(all(count > 1000 for count in counts), f"all {len(counts)} readers got rows")
            print(f"turn {turn}: {sum(counts) / len(counts) / 1024:.0f} KiB a reader, {peaks[-1]:.1f} MiB more")
            for connection in reading:
                connection.close()
            if turn == 2:
                stalled(checks, silent)
            for connection in silent:
                connection.close()
            time.sleep(0.5)
        ratio = sorted(during)[1] / sorted(before)[1]
        print(f"rows a second without readers {[round(value) for value in before]}, with {[round(v) for v in during]}:"
              f" ratio {ratio:.3f}")
        checks.that(max(peaks) <= READERS, f"memory grew by {max(peaks):.0f} MiB, at most 1 MiB a reader")
        demanded = float(sys.argv[3]) if len(sys.argv) > 3 else 0.95
        checks.that(ratio >= demanded, f"throughput fell to {ratio:.3f}, at least {demanded} is demanded")
    checks.finish()


main()

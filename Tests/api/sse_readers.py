"""Two hundred readers of one output, fifty of which never read: what that costs the pipeline and the server.

Usage: sse_readers.py BINARY [SECONDS [RATIO]]: a turn's length, and the throughput demanded (0.95). The throughput with readers is compared with that without, measured by turns in one
run; resident memory is read before and after.
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


def connect(server, path):
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(f"GET /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n".encode())
    return connection


def drain(connection, counts, index, stop):
    connection.settimeout(0.5)
    while not stop.is_set():
        try:
            data = connection.recv(1 << 16)
        except TimeoutError:
            continue
        except OSError:
            return
        if not data:
            return
        counts[index] += len(data)


def rows_read(server, pipeline):
    """Rows that the source of a pipeline has given so far, by the metrics of Prometheus."""
    status, _, text = server.call("GET", server.url.removesuffix("/api/v1") + "/metrics")
    total = 0
    for line in text.splitlines():
        if line.startswith("laminar_messages_sent_total{") and pipeline in line and 'node_id="0"' in line:
            total += int(float(line.rsplit(" ", 1)[1]))
    return total


def rate(server, pipeline, seconds):
    begin, first = time.monotonic(), rows_read(server, pipeline)
    time.sleep(seconds)
    return (rows_read(server, pipeline) - first) / (time.monotonic() - begin)


def main():
    checks = Checks()
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 4.0
    with Server(binary(), ENGINE__THREADS="1") as server:
        server.start()
        # Counts as fast as it can; what the readers see is one row in a hundred thousand.
        server.json("POST", "/connection_tables", {"name": "ticks", "connector": "impulse", "config": {}})
        pipeline = server.json("POST", "/pipelines/preview", {
            "query": "SELECT counter, counter * 2 AS twice FROM ticks WHERE counter % 100000 = 0"})["id"]
        job = server.wait_for(pipeline, "Running")["id"]
        path = f"/pipelines/{pipeline}/jobs/{job}/output"
        before, during = [], []
        memory = server.resident_mebibytes()
        peak = memory
        for _ in range(3):
            before.append(rate(server, pipeline, seconds))
            stop, counts = threading.Event(), [0] * READERS
            connections = [connect(server, path) for _ in range(READERS)]
            threads = [
                threading.Thread(target=drain, args=(connection, counts, index, stop), daemon=True)
                for index, connection in enumerate(connections[SILENT:])]
            # One that reads stands for all in Python's single thread; the others are read slowly.
            for thread in threads:
                thread.start()
            time.sleep(0.5)
            during.append(rate(server, pipeline, seconds))
            peak = max(peak, server.resident_mebibytes())
            stop.set()
            for connection in connections:
                connection.close()
            for thread in threads:
                thread.join()
            checks.that(sum(1 for count in counts[:READERS - SILENT] if count > 1000) == READERS - SILENT,
                        f"all {READERS - SILENT} readers got rows")
            time.sleep(0.5)
        ratio = sorted(during)[1] / sorted(before)[1]
        print(f"rows a second without readers {[round(value) for value in before]}, with {[round(v) for v in during]}:"
              f" ratio {ratio:.3f}")
        print(f"resident before {memory:.0f} MiB, with {READERS} readers at most {peak:.0f} MiB")
        checks.that(peak - memory <= READERS * 1.0, f"memory grew by {peak - memory:.0f} MiB, at most 1 MiB a reader")
        demanded = float(sys.argv[3]) if len(sys.argv) > 3 else 0.95
        checks.that(ratio >= demanded, f"throughput fell to {ratio:.3f}, at least {demanded} is demanded")
    checks.finish()


main()

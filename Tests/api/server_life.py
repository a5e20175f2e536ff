"""Servers that end, by signal and by kill, while pipelines run: nothing lost, nothing twice, and quickly.

Usage: server_life.py BINARY [ROUNDS]
"""

import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import Checks, Server, binary  # noqa: E402

ROWS, RATE = 60_000, 20_000


def prepare(server):
    folder = os.path.join(server.folder, "data", "out")
    os.makedirs(folder, exist_ok=True)
    fields = [{"field_name": "counter", "field_type": {"primitive": "UInt64"}, "nullable": False}]
    server.json("POST", "/connection_tables", {
        "name": "ticks", "connector": "impulse", "config": {"event_rate": RATE, "message_count": ROWS}})
    server.json("POST", "/connectors/single_file/tables", {
        "name": "rows", "config": {"path": os.path.join(folder, "rows.jsonl"), "table_type": "sink"},
        "schema": {"format": {"json": {}}, "fields": fields}})
    pipeline = server.json("POST", "/pipelines", {
        "name": "count", "parallelism": 1, "checkpoint_interval_micros": 200_000,
        "query": "INSERT INTO rows SELECT counter FROM ticks"})["id"]
    return pipeline, os.path.join(folder, "rows.jsonl")


def read_rows(path):
    with open(path) as file:
        return [json.loads(line)["counter"] for line in file]


def lives(checks, rounds, ends):
    """Ends the server `rounds` times by `ends(server)` while a pipeline runs; then lets it finish."""
    with Server(binary()) as server:
        server.start()
        pipeline, path = prepare(server)
        runs = []
        for _ in range(rounds):
            server.wait_for(pipeline, "Running", "Finishing", "Finished")
            time.sleep(random.uniform(0.1, 0.6))
            ends(server)
            server.start()
            runs.append(server.job(pipeline)["runId"])
        server.wait_for(pipeline, "Finished", within=60)
        rows = read_rows(path)
        checks.equal(len(rows), ROWS, "rows written")
        checks.that(sorted(rows) == list(range(ROWS)), "every row once")
        checks.equal(runs, sorted(runs), "run ids never fall")
        print(f"{rounds} ends of the server, run ids {runs}: {len(rows)} rows, {len(set(rows))} different")
        log = [line for line in server.log().splitlines() if "error" in line.lower()]
        checks.that(not log, "no error in the log: " + "\n".join(log[:5]))


def main():
    checks = Checks()
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    random.seed(rounds)
    times = []

    def terminate(server):
        status, seconds = server.stop()
        times.append(seconds)
        checks.equal(status, 0, f"exit status after SIGTERM, {seconds:.2f} s")

    lives(checks, rounds, terminate)
    print("SIGTERM to the end took at most", f"{max(times):.2f} s")
    checks.that(max(times) < 10, "the end within 10 s")
    lives(checks, rounds, lambda server: server.kill())
    checks.finish()


main()

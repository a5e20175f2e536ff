"""A pipeline whose query is changed again and again while the server is killed: every number stands in one sink, once.

Usage: query_changes.py BINARY [ROUNDS]
"""

import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import Checks, Server, binary  # noqa: E402

ROWS, RATE = 120_000, 20_000
# Where rows go, and how they are marked.
SINKS = ["single", "folder", "rolling"]


def query(folder, sink, mark):
    """Numbers into one sink. A file is written by one name only, so that it is never begun anew."""
    connector = "single_file" if sink == "single" else "filesystem"
    rolling = ", rolling_policy.file_size = '100MB'" if sink == "rolling" else ""
    path = os.path.join(folder, sink)
    return f"""
        CREATE TABLE numbers WITH (connector = 'impulse', event_rate = {RATE}, message_count = {ROWS}, type = 'source');
        CREATE TABLE {sink} (counter BIGINT, mark BIGINT) WITH (
            connector = '{connector}', path = '{path}', format = 'json', type = 'sink'{rolling});
        INSERT INTO {sink} SELECT CAST(counter AS BIGINT), {mark} FROM numbers;
    """


def rows(path):
    """All rows of a file, or of the files of a folder that readers see."""
    files = [path]
    if os.path.isdir(path):
        files = [os.path.join(at, name) for at, _, names in os.walk(path) for name in names if not name.startswith(".")]
    found = []
    for name in files:
        if os.path.exists(name):
            with open(name) as file:
                found += [json.loads(line) for line in file if line.strip()]
    return found


def changes(checks, rounds):
    with Server(binary()) as server:
        folder = os.path.join(server.folder, "data", "out")
        os.makedirs(folder, exist_ok=True)
        server.start()
        pipeline = server.json("POST", "/pipelines", {
            "name": "moving", "parallelism": 1, "checkpoint_interval_micros": 150_000,
            "query": query(folder, "folder", 0)})["id"]
        # The one file is left for good at the end: begun twice it would be emptied.
        order = ["rolling", "folder"] * rounds
        taken, killed, marks = 0, 0, {0}
        for mark in range(1, rounds + 1):
            server.wait_for(pipeline, "Running", "Restarting", "Finishing", "Finished")
            time.sleep(random.uniform(0, 0.3))
            sink = order[mark] if mark < rounds else "single"
            body = {"query": query(folder, sink, mark)}
            if mark % 2:
                body["parallelism"] = random.randint(1, 3)
            shown = server.call("PATCH", f"/pipelines/{pipeline}?dry_run=true", body)
            status, _, text = server.call("PATCH", f"/pipelines/{pipeline}", body)
            checks.that(status in (200, 409), f"PATCH: {status} {text[:500]}")
            if status == 200:
                taken += 1
                marks.add(mark)
                checks.that("evolution" in json.loads(text), "the answer says what becomes of the state")
            checks.that(shown[0] in (200, 409), f"dry run: {shown[0]} {shown[2][:500]}")
            time.sleep(random.uniform(0, 0.25))
            if random.random() < 0.8:
                killed += 1
                server.kill()
                server.start()
        job = server.wait_for(pipeline, "Finished", "Failed", within=60)
        checks.equal(job["state"], "Finished", f"the job's end: {job.get('failureMessage')}")
        found = [(sink, row) for sink in SINKS for row in rows(os.path.join(folder, sink))]
        numbers = sorted(row["counter"] for _, row in found)
        checks.equal(len(numbers), ROWS, "rows in all sinks")
        checks.that(numbers == list(range(ROWS)), "every number once")
        checks.that({row["mark"] for _, row in found} <= marks, "only queries that were taken wrote")
        last = max(found, key=lambda entry: entry[1]["counter"])
        print(f"{taken} changes, {killed} kills, run {job['runId']}: "
              + ", ".join(f"{sum(1 for name, _ in found if name == sink)} rows in {sink}" for sink in SINKS)
              + f"; the last row is in {last[0]}")


def main():
    checks = Checks()
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    seed = random.randrange(1 << 30)
    print("seed", seed)
    random.seed(seed)
    changes(checks, rounds)
    checks.finish()


main()

"""Random control actions while the server is killed again and again: afterwards the database opens, every pipeline has its job,
and what is wanted is reached or shown as failed.

Usage: control_chaos.py BINARY [ACTIONS [SEED]]
"""

import json
import os
import random
import sqlite3
import sys
import threading
import time
import urllib.error

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import Checks, Server, binary  # noqa: E402

QUERIES = [
    "INSERT INTO nothing SELECT counter FROM ticks",
    "INSERT INTO nothing SELECT count(*) AS n FROM ticks GROUP BY tumble(interval '1 second')",
    "INSERT INTO nothing SELECT counter / 0 AS x FROM ticks",
]


class Actions:
    """Makes random requests; remembers what was answered."""

    def __init__(self, server, seed):
        self.server, self.random = server, random.Random(seed)
        self.known, self.deleted, self.answered = [], set(), 0

    def call(self, method, path, body=None):
        try:
            status, _, text = self.server.call(method, path, body, timeout=10)
        except (OSError, urllib.error.URLError, ConnectionError):
            return None, None
        self.answered += 1
        if status >= 500 and status != 503:
            raise AssertionError(f"{method} {path}: {status} {text}")
        try:
            return status, json.loads(text) if text else {}
        except json.JSONDecodeError:
            return None, None

    def one(self):
        kind = self.random.choice(["create", "create", "stop", "stop", "resume", "scale", "restart", "delete", "interval"])
        if kind == "create" or not self.known:
            status, answer = self.call("POST", "/pipelines", {
                "name": f"p{self.random.random():.6f}", "query": self.random.choice(QUERIES),
                "parallelism": self.random.randint(1, 2), "checkpoint_interval_micros": 200_000})
            if status == 200:
                self.known.append(answer["id"])
            return
        target = self.random.choice(self.known)
        path = f"/pipelines/{target}"
        if kind == "stop":
            self.call("PATCH", path, {
                "stop": self.random.choice(["checkpoint", "graceful", "immediate", "force"])})
        elif kind == "resume":
            self.call("PATCH", path, {"stop": "none"})
        elif kind == "scale":
            self.call("PATCH", path, {"parallelism": self.random.randint(1, 3)})
        elif kind == "interval":
            self.call("PATCH", path, {"checkpoint_interval_micros": self.random.randint(1, 9) * 100_000})
        elif kind == "restart":
            self.call("POST", path + "/restart", {"force": self.random.random() < 0.5})
        else:
            status, _ = self.call("DELETE", path)
            # Without an answer it may have happened or not.
            if status in (200, None):
                self.known.remove(target)
            if status == 200:
                self.deleted.add(target)


def look(server, checks, actions, folder):
    """What must hold after a restart."""
    listed = server.json("GET", "/pipelines?limit=1000")["data"]
    ids = {item["id"] for item in listed}
    for known in actions.known:
        checks.that(known in ids, f"{known}, whose creation was answered, is there")
    for gone in actions.deleted:
        checks.that(gone not in ids, f"{gone}, whose deletion was answered, is gone")
    # Deletions and creations whose answers were lost may have happened or not.
    actions.known = [item["id"] for item in listed]
    path = next(
        os.path.join(root, name) for root, _, names in os.walk(os.path.join(folder, "data")) for name in names
        if name.endswith((".db", ".sqlite")))
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        checks.equal(database.execute("PRAGMA integrity_check").fetchone()[0], "ok", "the database is whole")
        orphans = database.execute(
            "SELECT count(*) FROM pipelines p LEFT JOIN jobs j ON j.pipeline_id = p.id WHERE j.id IS NULL").fetchone()[0]
        checks.equal(orphans, 0, "pipelines without a job")


def settle(server, checks):
    """What is wanted comes true, or is shown as failed."""
    deadline = time.monotonic() + 60
    while True:
        restless = []
        for item in server.json("GET", "/pipelines?limit=1000")["data"]:
            job = server.job(item["id"])
            wanted = ("Running", "Failed", "Finished") if item["stop"] == "none" else ("Stopped", "Failed", "Finished")
            if job["state"] not in wanted and not (job["state"] == "Recovering" and item["stop"] == "none"):
                restless.append((item["id"], item["stop"], job["state"]))
            if job["state"] == "Failed":
                checks.that(bool(job["failureMessage"]), f"{item['id']} says why it failed")
        if not restless or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    checks.equal(restless, [], "pipelines that are not what they should be")


def main():
    checks = Checks()
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 20261125
    chance = random.Random(seed + 1)
    with Server(binary(), API__REQUESTS_PER_SECOND="1000000") as server:
        server.start()
        server.json("POST", "/connection_tables", {
            "name": "ticks", "connector": "impulse", "config": {"event_rate": 1000}})
        server.json("POST", "/connection_tables", {"name": "nothing", "connector": "blackhole", "config": {}})
        actions, kills, done = Actions(server, seed), 0, 0
        while done < count:
            burst = chance.randint(3, 14)
            killer = threading.Timer(chance.uniform(0.02, 0.6), server.process.kill)
            killer.start()
            for _ in range(burst):
                actions.one()
            done += burst
            killer.join()
            server.process.wait()
            kills += 1
            server.start()
            look(server, checks, actions, server.folder)
        settle(server, checks)
        print(f"{done} actions, {actions.answered} answered, {kills} kills, {len(actions.known)} pipelines left")
        status, seconds = server.stop()
        checks.equal(status, 0, f"the server ends after {seconds:.1f} s")
    checks.finish()


main()

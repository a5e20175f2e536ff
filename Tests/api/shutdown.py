"""SIGTERM while a pipeline cannot take its last checkpoint: over within ten seconds, and status and log say so.

Usage: shutdown.py BINARY
"""

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker, find_program  # noqa: E402
from server import Checks, Server, binary, free_port  # noqa: E402


def prepare(server, port, mode):
    profile = server.json("POST", "/connectors/kafka/profiles", {
        "name": "local",
        "config": {"bootstrap_servers": f"127.0.0.1:{port}", "authentication": {"type": "none"}}})["id"]
    server.json("POST", "/connection_tables", {"name": "ticks", "connector": "impulse", "config": {"event_rate": 1000}})
    server.json("POST", "/connection_tables", {
        "name": "out", "connector": "kafka", "connection_profile_id": profile,
        "config": {"topic": "out", "type": {"sink_config": {"commit_mode": mode}}}, "schema": {"format": {"json": {}}}})
    server.json("POST", "/connection_tables", {"name": "nothing", "connector": "blackhole", "config": {}})
    made = [
        server.json("POST", "/pipelines", {
            "name": name, "parallelism": 1, "checkpoint_interval_micros": 300_000,
            "query": f"INSERT INTO {sink} SELECT counter FROM ticks"})
        for name, sink in [("stuck", "out"), ("fine", "nothing")]]
    deadline = time.monotonic() + 30
    for pipeline in made:
        server.wait_for(pipeline["id"], "Running")
        path = f"/pipelines/{pipeline['id']}/jobs/{pipeline['jobId']}/checkpoints"
        while not [entry for entry in server.json("GET", path)["data"] if entry["finishTime"]]:
            if time.monotonic() > deadline:
                raise AssertionError(f"no checkpoint of {pipeline['name']}")
            time.sleep(0.05)
    return made


def hangs(checks, mode):
    """The broker stands still, so that what the sink has written is never acknowledged."""
    from confluent_kafka.admin import AdminClient, NewTopic
    with Broker(free_port()) as broker, Server(binary()) as server:
        admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{broker.port}"})
        for future in admin.create_topics([NewTopic("out", 1, 1)]).values():
            future.result(20)
        server.start()
        stuck, fine = prepare(server, broker.port, mode)
        broker.process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(1)
            before = len(server.log())
            status, seconds = server.stop(within=20)
            said = server.log()[before:]
        finally:
            broker.process.send_signal(signal.SIGCONT)
        lines = "\n    ".join(said.strip().splitlines())
        print(f"{mode}: the end after {seconds:.1f} s with status {status}\n    {lines}")
        checks.that(seconds < 10.5, f"{mode}: the end after {seconds:.1f} s")
        checks.that(status not in (0, None), f"{mode}: exit status {status}, expected one that is not 0")
        checks.that("WARNING" in said or "ERROR" in said, f"{mode}: the log says why: {said}")
        # Nothing is lost by it: the next server goes on.
        server.start()
        for pipeline in [stuck, fine]:
            server.wait_for(pipeline["id"], "Running", within=60)
        status, seconds = server.stop()
        checks.equal(status, 0, f"{mode}: exit status when the broker goes on, after {seconds:.1f} s")


def main():
    checks = Checks()
    checks.that(find_program() is not None, "the broker of `make python` is installed")
    if not checks.failed:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda mode: hangs(checks, mode), ["at_least_once", "exactly_once"]))
    checks.finish()


main()

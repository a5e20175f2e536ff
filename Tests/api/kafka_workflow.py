"""The document's workflow over Kafka at scale, exactly once: orders in, filtered, out through transactions.

usage: kafka_workflow.py BINARY [ORDERS [KILLS]]    100,000 orders and one kill by default

The server is killed while orders flow, and then the broker restarted; both go on by themselves. An independent reader of committed
records then counts every order. The metrics must tell the story by their names: lag of each partition, the watermark's
lag, errors of the connection, the time commits take.
"""
import collections
import json
import os
import random
import re
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker, find_program  # noqa: E402
from server import Checks, Server, binary, free_port  # noqa: E402

COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
KILLS = int(sys.argv[3]) if len(sys.argv) > 3 else 1
PARTITIONS = 8


def tables(server, bootstrap):
    profile = server.json("POST", "/connectors/kafka/profiles", {
        "name": "local-kafka",
        "config": {"bootstrap_servers": bootstrap, "authentication": {"type": "none"}}})["id"]
    fields = [
        {"field_name": "id", "field_type": {"primitive": "Int64"}, "nullable": False},
        {"field_name": "amount", "field_type": {"primitive": "Float64"}, "nullable": False}]
    server.json("POST", "/connectors/kafka/tables", {
        "name": "orders", "connection_profile_id": profile,
        "config": {"topic": "orders", "type": {"source_config": {"offset": "earliest"}}},
        "schema": {"format": {"json": {}}, "fields": fields}})
    server.json("POST", "/connectors/kafka/tables", {
        "name": "large-orders", "connection_profile_id": profile,
        "config": {"topic": "large-orders", "type": {"sink_config": {"commit_mode": "exactly_once"}}},
        "schema": {"format": {"json": {}}}})


def produce(confluent_kafka, bootstrap, numbers):
    producer = confluent_kafka.Producer({
        "bootstrap.servers": bootstrap, "linger.ms": 20, "enable.idempotence": True,
        "queue.buffering.max.messages": 1_000_000})
    for number in numbers:
        producer.produce(
            "orders", b'{"id": %d, "amount": %d}' % (number, number % 250), partition=number % PARTITIONS)
        if number % 1000 == 0:
            producer.poll(0)
    assert producer.flush(120) == 0


def committed(confluent_kafka, bootstrap):
    """How often a fresh reader of committed records sees each order, from the beginning of the topic to its end."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": bootstrap, "group.id": f"check-{time.monotonic_ns()}", "isolation.level": "read_committed",
        "enable.auto.commit": False, "enable.partition.eof": True})
    consumer.assign([
        confluent_kafka.TopicPartition("large-orders", partition, confluent_kafka.OFFSET_BEGINNING)
        for partition in range(4)])
    seen, ends, deadline = collections.Counter(), set(), time.monotonic() + 120
    while len(ends) < 4 and time.monotonic() < deadline:
        for message in consumer.consume(10_000, 0.5):
            if message.error():
                ends.add(message.partition())
            else:
                seen[json.loads(message.value())["id"]] += 1
    consumer.close()
    return seen


def metrics(server):
    return server.call("GET", server.url.removesuffix("/api/v1") + "/metrics")[2]


def check_metrics(server, checks, pipeline, lags):
    text = metrics(server)
    found = dict(re.findall(r'^laminar_kafka_consumer_lag\{.*topic="orders",partition="(\d+)"\} (\d+)$', text, re.M))
    checks.equal(sorted(found), [str(number) for number in range(PARTITIONS)], "partitions with a lag")
    checks.that(all(int(lag) == 0 for lag in found.values()), f"lag in the end: {found}")
    checks.that(max(lags, default=0) > 0, "a lag while orders waited")
    commits = re.findall(r"^laminar_commit_duration_seconds\{.*\} ([0-9.]+)$", text, re.M)
    # Those of less than a millisecond are told as 0.
    checks.that(
        any(float(seconds) > 0 for seconds in commits) and all(float(seconds) < 60 for seconds in commits),
        f"commit durations: {commits}")
    errors = re.findall(r"^laminar_external_errors_total\{.*\} (\d+)$", text, re.M)
    checks.that(sum(map(int, errors)) > 0, "errors of a broker that went away are counted")
    job = server.job(pipeline)["id"]
    groups = server.json("GET", f"/pipelines/{pipeline}/jobs/{job}/operator_metric_groups")["data"]
    names = {group["name"] for node in groups for group in node["metricGroups"]}
    for name in ["consumer_lag", "external_errors", "commit_seconds", "messages_recv", "errors"]:
        checks.that(name in names, f"metric group {name}: there are {sorted(names)}")


def main():
    import confluent_kafka
    from confluent_kafka.admin import AdminClient, NewTopic
    checks, chance = Checks(), random.Random(7)
    with Broker(free_port()) as broker, Server(binary()) as server:
        bootstrap = f"127.0.0.1:{broker.port}"
        admin = AdminClient({"bootstrap.servers": bootstrap})
        topics = [NewTopic("orders", PARTITIONS, 1), NewTopic("large-orders", 4, 1)]
        for future in admin.create_topics(topics).values():
            future.result(20)
        server.start()
        tables(server, bootstrap)
        # What is there already shows as a lag; the rest comes while the pipeline runs.
        produce(confluent_kafka, bootstrap, range(COUNT // 2))
        begin = time.monotonic()
        pipeline = server.json("POST", "/pipelines", {
            "name": "filter-large-orders", "parallelism": 2, "checkpoint_interval_micros": 1_000_000,
            "query": "INSERT INTO `large-orders` SELECT * FROM orders WHERE amount > 100"})["id"]
        writer = threading.Thread(target=produce, args=(confluent_kafka, bootstrap, range(COUNT // 2, COUNT)))
        writer.start()
        server.wait_for(pipeline, "Running")
        lags = []

        def watch(seconds):
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                lags.extend(int(lag) for lag in re.findall(
                    r"^laminar_kafka_consumer_lag\{.*\} (\d+)$", metrics(server), re.M))
                time.sleep(0.1)

        for _ in range(KILLS):
            watch(0.5 + 2 * chance.random())
            server.kill()
            server.start()
            server.wait_for(pipeline, "Running", within=60)
        writer.join()
        expected = [number for number in range(COUNT + 1000) if number % 250 > 100]

        def read_until(count):
            deadline = time.monotonic() + 180
            while True:
                seen = committed(confluent_kafka, bootstrap)
                if len(seen) >= count or time.monotonic() > deadline:
                    return seen
                time.sleep(0.5)

        # All but those that come last. The broker at hand forgets open transactions when it restarts, as others do not.
        read_until(sum(number < COUNT for number in expected))
        elapsed = time.monotonic() - begin
        time.sleep(3)
        broker.restart()
        produce(confluent_kafka, bootstrap, range(COUNT, COUNT + 1000))
        read_until(len(expected))
        # Whatever comes twice would come by now.
        time.sleep(4)
        seen = committed(confluent_kafka, bootstrap)
        checks.equal(server.job(pipeline)["state"], "Running", "the job after all that")
        checks.equal(sum(seen.values()), len(expected), "orders seen by a reader of committed records")
        checks.that(sorted(seen) == expected, "every large order, and no other, exactly once")
        check_metrics(server, checks, pipeline, lags)
        if checks.failed:
            print(server.log()[-4000:])
            print(server.json("GET", f"/pipelines/{pipeline}/jobs"))
            print(metrics(server))
        print(f"{COUNT + 1000:,} orders in, {sum(seen.values()):,} out, {len(expected):,} expected, "
              f"{KILLS} kills, {elapsed:.1f} s")
        server.json("PATCH", f"/pipelines/{pipeline}", {"stop": "checkpoint"})
        server.wait_for(pipeline, "Stopped")
    checks.finish()


if find_program() is None:
    sys.exit("FAILED: the broker that `make python` installs is missing")
main()

"""Kills a pipeline from topic to topic at random moments and starts it again; an independent reader then counts.

usage: kafka_kill.py BINARY BOOTSTRAP MODE KILLS SEED    MODE: exactly_once or at_least_once
Prints one JSON object: what the reader of committed records saw, and how many runs were killed.
"""
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

# Whoever started this may have blocked signals, which the pipeline would inherit.
signal.pthread_sigmask(signal.SIG_SETMASK, [])
binary, bootstrap, mode, kills, seed = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
chance = random.Random(seed)
run = uuid.uuid4().hex[:8]
source, sink = f"in-{run}", f"out-{run}"
admin = AdminClient({"bootstrap.servers": bootstrap})
for future in admin.create_topics([NewTopic(source, 8, 1), NewTopic(sink, 4, 1)]).values():
    future.result(20)

sql = f"""
CREATE TABLE numbers (id BIGINT, text TEXT) WITH (connector = 'kafka', bootstrap_servers = '{bootstrap}',
    topic = '{source}', type = 'source', source.offset = 'earliest', format = 'json');
CREATE TABLE result (id BIGINT, text TEXT) WITH (connector = 'kafka', bootstrap_servers = '{bootstrap}',
    topic = '{sink}', type = 'sink', sink.commit_mode = '{mode}', sink.key_field = 'id', format = 'json');
INSERT INTO result SELECT id, text FROM numbers WHERE id % 2 = 0;
"""
done = threading.Event()
written = [0]


def write():
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "enable.idempotence": True})
    while not done.is_set():
        for _ in range(200):
            number = written[0]
            producer.produce(source, json.dumps({"id": number, "text": f"n{number}"}), partition=number % 8)
            written[0] += 1
        producer.poll(0)
        time.sleep(0.02)
    assert producer.flush(60) == 0


def read():
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": f"check-{run}", "isolation.level": "read_committed",
        "enable.auto.commit": False, "enable.partition.eof": True})
    consumer.assign([TopicPartition(sink, partition, OFFSET_BEGINNING) for partition in range(4)])
    ends, seen = set(), collections.Counter()
    limit = time.time() + 60
    while len(ends) < 4 and time.time() < limit:
        for message in consumer.consume(10000, 0.5):
            if message.error():
                ends.add(message.partition())
            else:
                seen[json.loads(message.value())["id"]] += 1
    consumer.close()
    return seen


folder = tempfile.mkdtemp(prefix="laminar-kafka-")
writer = threading.Thread(target=write)
writer.start()
killed, failures = 0, []


def start():
    return subprocess.Popen(
        [binary, "run", "-e", sql, "--state-dir", f"{folder}/state", "--checkpoint-interval",
         str(chance.choice([50, 150, 400])), "-p", str(chance.choice([1, 2, 4]))],
        stdout=subprocess.DEVNULL, stderr=open(f"{folder}/errors", "ab"))


try:
    seen_before = 0
    for _ in range(kills):
        process = start()
        try:
            process.wait(0.3 + chance.random() * 1.5)
            failures.append(process.returncode)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
    done.set()
    writer.join()
    wanted = (written[0] + 1) // 2
    process = start()
    limit = time.time() + 90
    while time.time() < limit and process.poll() is None:
        seen = read()
        if len(seen) >= wanted:
            break
        time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    seen = read()
    print(json.dumps({
        "killed": killed, "written": written[0], "wanted": wanted, "seen": sum(seen.values()), "distinct": len(seen),
        "strange": sum(1 for number in seen if number % 2 or number >= written[0]), "failures": failures,
        "status": process.returncode, "errors": open(f"{folder}/errors").read()[-600:]}))
finally:
    done.set()
    shutil.rmtree(folder, ignore_errors=True)

"""Rates of the Kafka connector beside the library with nothing around it, in one run over one broker.

usage: kafka.py LAMINAR [COUNT [ROUNDS]]    needs cc, librdkafka and the Python packages of scripts/install-python.sh

Client and pipeline have the first core, the broker the others; they take turns, and medians count. Prints messages per
second and, which says more on a machine that others use too, processor time per message; the shares are of the bare
client. Programs are measured from their start to their end. COUNT is a multiple of a thousand.
"""
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import noida_db
from confluent_kafka.admin import AdminClient, NewTopic

laminar, count = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 4_000_000
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
here = os.path.dirname(os.path.abspath(__file__))
folder = tempfile.mkdtemp(prefix="laminar-kafka-bench-")
cores = sorted(os.sched_getaffinity(0))
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
servers = f"127.0.0.1:{port}"
topics = 0


def start(words, first, **more):
    """A program on the first core, or on all others."""
    own = cores[:1] if first else cores[1:] or cores
    return subprocess.Popen(words, preexec_fn=lambda: os.sched_setaffinity(0, own), **more)


def topic():
    global topics
    topics += 1
    # The client must live until the answer has come.
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(f"t{topics}", 4, 1)])[f"t{topics}"].result(20)
    return f"t{topics}"


def whole(words):
    """Messages per second, and processor seconds per message, of a program from its start to its end."""
    begin = time.monotonic()
    process = start(words, True, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begin
    if status != 0:
        raise SystemExit(f"{words[0]} ended with {status}")
    return count / seconds, (usage.ru_utime + usage.ru_stime) / count


def bare(mode, name):
    return whole([f"{folder}/bare", mode, servers, name, "4", str(count)])


def pipeline(sql, *more):
    return whole([laminar, "run", "-e", sql, *more])


def table(name, topic, kind, more=""):
    return (
        f"CREATE TABLE {name} (id BIGINT, amount BIGINT, name TEXT) WITH (connector = 'kafka', format = 'json', "
        f"bootstrap_servers = '{servers}', topic = '{topic}', type = '{kind}'{more});")


def source(name):
    return pipeline(
        table("numbers", name, "source", ", source.offset = 'earliest', client_configs.receive.message.max.bytes = '1000000000'")
        + "CREATE TABLE nothing (id BIGINT, name TEXT) WITH (connector = 'blackhole', type = 'sink');"
        # Half of them: the last one ends the pipeline.
        f"INSERT INTO nothing SELECT id, name FROM numbers WHERE amount >= 500 LIMIT {count // 2};")


def sink(number, exactly):
    more = ", sink.commit_mode = 'exactly_once'" if exactly else ""
    words = ["--state-dir", f"{folder}/state{number}", "--checkpoint-interval", "1000"] if exactly else []
    return pipeline(
        f"CREATE TABLE impulse WITH (connector = 'impulse', type = 'source', message_count = {count});"
        + table("result", topic(), "sink", more)
        + "INSERT INTO result SELECT CAST(counter AS BIGINT), CAST(counter AS BIGINT) % 1000, 'order' FROM impulse;",
        *words)


subprocess.run(["cc", "-O2", "-o", f"{folder}/bare", f"{here}/kafka_bare.c", "-lrdkafka"], check=True)
broker = start(
    [os.path.join(os.path.dirname(noida_db.__file__), "noida-db"), "start", "--data-dir", f"{folder}/data", "--host",
     "127.0.0.1", "--only", "kafka", "--kafka-port", str(port)], False, stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL)
try:
    time.sleep(1)
    filled = topic()
    bare("produce", filled)
    found = {}
    for number in range(rounds):
        for name, measure in [
            ("bare consumer", lambda: bare("consume", filled)),
            ("source, filter", lambda: source(filled)),
            ("bare producer", lambda: bare("produce", topic())),
            ("sink, at least once", lambda: sink(number, False)),
            ("sink, exactly once", lambda: sink(number, True)),
        ]:
            found.setdefault(name, []).append(measure())
    print(f"{count:,} JSON messages of about 50 bytes, 4 partitions, medians of {rounds} rounds")
    print("| | messages/s | processor µs a message | rate over the bare client's | work over the bare client's |")
    print("|---|---|---|---|---|")
    base = None
    for name, values in found.items():
        rate, cost = (statistics.median(column) for column in zip(*values))
        if name.startswith("bare"):
            base = (rate, cost)
        print(f"| {name} | {rate:,.0f} | {cost * 1e6:.2f} | {rate / base[0]:.2f} | {cost / base[1]:.2f} |", flush=True)
finally:
    broker.terminate()
    try:
        broker.wait(20)
    except subprocess.TimeoutExpired:
        broker.kill()
        broker.wait()
    subprocess.run(["rm", "-rf", folder])

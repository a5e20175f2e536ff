"""Rates of the Kafka connector beside the library with nothing around it, in one run over one broker.

usage: kafka.py LAMINAR [COUNT]    needs cc, librdkafka and the Python packages of scripts/install-python.sh
Prints a table: messages per second, and the share of the bare client's rate.
"""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

import noida_db
from confluent_kafka.admin import AdminClient, NewTopic

laminar, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2_000_000
here = os.path.dirname(os.path.abspath(__file__))
folder = tempfile.mkdtemp(prefix="laminar-kafka-bench-")
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
servers = f"127.0.0.1:{port}"
subprocess.run(
    ["cc", "-O2", "-o", f"{folder}/bare", f"{here}/kafka_bare.c", "-lrdkafka"], check=True)
broker = subprocess.Popen(
    [os.path.join(os.path.dirname(noida_db.__file__), "noida-db"), "start", "--data-dir", f"{folder}/data", "--host",
     "127.0.0.1", "--only", "kafka", "--kafka-port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def bare(mode, topic):
    words = [f"{folder}/bare", mode, servers, topic, "4", str(count)]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def running(sql, done, *more):
    """Seconds from the first row to the moment `done` says so of the metrics."""
    metrics = f"{folder}/metrics.prom"
    if os.path.exists(metrics):
        os.remove(metrics)
    process = subprocess.Popen(
        [laminar, "run", "-e", sql, "--metrics-file", metrics, *more], stdout=subprocess.DEVNULL)
    first, rows = None, 0
    try:
        while process.poll() is None:
            time.sleep(0.01)
            text = open(metrics).read() if os.path.exists(metrics) else ""
            # Of two moments while rows flow: starting up and the file's second do not count.
            found = done(text)
            if found and found > rows:
                moment = os.stat(metrics).st_mtime
                if first is None:
                    first = (moment, found)
                last, rows = (moment, found), found
            if rows >= count:
                break
        if last[0] == first[0]:
            raise SystemExit("too few messages to measure: give a greater COUNT")
        return (last[1] - first[1]) / (last[0] - first[0])
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def figure(name, operator):
    pattern = re.compile(rf"^{name}{{.*operator=\"{operator}.*}} (\d+)$", re.M)
    return lambda text: max([int(number) for number in pattern.findall(text)], default=0)


def table(name, topic, kind, more=""):
    return (
        f"CREATE TABLE {name} (id BIGINT, amount BIGINT, name TEXT) WITH (connector = 'kafka', format = 'json', "
        f"bootstrap_servers = '{servers}', topic = '{topic}', type = '{kind}'{more});")


try:
    time.sleep(1)
    admin = AdminClient({"bootstrap.servers": servers})
    for future in admin.create_topics([NewTopic(name, 4, 1) for name in ["in", "bare", "out", "exact"]]).values():
        future.result(20)
    bare("produce", "in")
    print(f"{count} JSON messages of about 50 bytes, 4 partitions, messages per second:")
    consumed = count / bare("consume", "in")
    source = table("numbers", "in", "source", ", source.offset = 'earliest'")
    black = "CREATE TABLE nothing (id BIGINT, name TEXT) WITH (connector = 'blackhole', type = 'sink');"
    rate = running(
        source + black + "INSERT INTO nothing SELECT id, name FROM numbers WHERE amount >= 500;",
        figure("laminar_messages_sent_total", "Source"))
    print(f"  bare consumer {consumed:12,.0f}\n  source, filter {rate:11,.0f}   {rate / consumed:.2f}x")
    produced = count / bare("produce", "bare")
    generated = (
        "CREATE TABLE impulse WITH (connector = 'impulse', type = 'source', message_count = {count});"
        "{sink} INSERT INTO result SELECT CAST(counter AS BIGINT), CAST(counter AS BIGINT) % 1000, 'order' FROM impulse;")
    print(f"  bare producer {produced:12,.0f}")
    for name, topic, more, state in [
        ("sink, at least once", "out", "", []),
        ("sink, exactly once", "exact", ", sink.commit_mode = 'exactly_once'",
         ["--state-dir", f"{folder}/state", "--checkpoint-interval", "1000"]),
    ]:
        sink = table("result", topic, "sink", more)
        start = time.time()
        subprocess.run(
            [laminar, "run", "-e", generated.format(count=count, sink=sink), *state], check=True,
            stdout=subprocess.DEVNULL)
        rate = count / (time.time() - start)
        print(f"  {name:20s}{rate:6,.0f}   {rate / produced:.2f}x")
finally:
    broker.terminate()
    broker.wait(20)
    subprocess.run(["rm", "-rf", folder])

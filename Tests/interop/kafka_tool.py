"""An independent producer and consumer for the tests of the Kafka connector. usage: kafka_tool.py BOOTSTRAP COMMAND ARGS"""
import json
import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

bootstrap, command, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]


def consumer(group="tool", isolation="read_committed"):
    return Consumer({
        "bootstrap.servers": bootstrap, "group.id": group, "isolation.level": isolation,
        "enable.auto.commit": False, "enable.partition.eof": True})


def create(topic, partitions):
    # The client must live until the answer has come.
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, int(partitions), 1)])[topic].result(20)


def grow(topic, partitions):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_partitions([NewPartitions(topic, int(partitions))])[topic].result(20)


def produce(topic, first, count, partitions):
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
    now = int(time.time() * 1000)
    for number in range(int(first), int(first) + int(count)):
        producer.produce(
            topic, json.dumps({"id": number}), key=str(number), headers=[("h", f"v{number}")], timestamp=now,
            partition=number % int(partitions))
    assert producer.flush(30) == 0


def lines(topic, partition="0"):
    """One value a line of standard input, as JSON: text, or null for a tombstone."""
    producer = Producer({"bootstrap.servers": bootstrap})
    for line in sys.stdin:
        value = json.loads(line)
        producer.produce(topic, value if value is None else value.encode("latin-1"), key=b"k", partition=int(partition))
    assert producer.flush(30) == 0


def dump(topic, isolation="read_committed"):
    """Prints a JSON line for each record, by partition and offset."""
    reader = consumer(isolation=isolation)
    partitions = list(reader.list_topics(topic, timeout=10).topics[topic].partitions)
    reader.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    ends, found, limit = set(), [], time.time() + 30
    while len(ends) < len(partitions) and time.time() < limit:
        for message in reader.consume(5000, 0.5):
            if message.error():
                ends.add(message.partition())
                continue
            text = [None if part is None else part.decode() for part in (message.key(), message.value())]
            headers = [[name, value if value is None else value.decode()] for name, value in message.headers() or []]
            found.append((message.partition(), message.offset(), text[0], text[1], message.timestamp()[1], headers))
    reader.close()
    for partition, offset, key, value, millis, headers in sorted(found, key=lambda record: record[:2]):
        print(json.dumps({
            "partition": partition, "offset": offset, "key": key, "value": value, "millis": millis,
            "headers": headers}))


def group(name, topic, partitions):
    found = consumer(name).committed([TopicPartition(topic, number) for number in range(int(partitions))], timeout=10)
    print(json.dumps([entry.offset for entry in found]))


{"create": create, "grow": grow, "produce": produce, "lines": lines, "dump": dump, "group": group}[command](*arguments)

"""Records of a schema registry by other implementations: fastavro, Google's protobuf, Python's json; over confluent-kafka.

kafka_formats.py BOOTSTRAP REGISTRY write-avro|write-protobuf|write-json TOPIC   fills the topic, see each
kafka_formats.py BOOTSTRAP REGISTRY dump TOPIC                                   a JSON line for each record
kafka_formats.py BOOTSTRAP REGISTRY register SUBJECT TYPE                        a schema on standard input; prints its id
kafka_formats.py BOOTSTRAP REGISTRY compile FILE                                 files by their names, as JSON on standard input; prints
                                                                                 the set of the file and its imports in base64
kafka_formats.py BOOTSTRAP REGISTRY subjects -                                   the names of all, as JSON
kafka_formats.py BOOTSTRAP REGISTRY subject SUBJECT                              the newest schema, as JSON

A user's name and password may stand in the registry's address.
"""
import base64
import io
import json
import os
import struct
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

bootstrap, registry, command, name = sys.argv[1:5]
parts = urllib.parse.urlsplit(registry)
address = f"{parts.scheme}://{parts.hostname}:{parts.port}"


def ask(method, path, body=None):
    request = urllib.request.Request(address + path, body and json.dumps(body).encode(), method=method)
    request.add_header("Content-Type", "application/vnd.schemaregistry.v1+json")
    if parts.username:
        login = f"{parts.username}:{parts.password}".encode()
        request.add_header("Authorization", "Basic " + base64.b64encode(login).decode())
    return json.load(urllib.request.urlopen(request))


def register(subject, kind, text):
    path = f"/subjects/{urllib.parse.quote(subject, safe='')}/versions"
    return ask("POST", path, {"schemaType": kind, "schema": text})["id"]


def prefix(number):
    return struct.pack(">bI", 0, number)


def produce(values):
    producer = Producer({"bootstrap.servers": bootstrap})
    for value in values:
        producer.produce(name, value, partition=0)
    assert producer.flush(30) == 0


def write_avro():
    """Two writers' schemas in turn, ids 0 to 99; every tenth record is followed by one that nobody can read."""
    import fastavro

    first = {"type": "record", "name": "Order", "namespace": "shop", "fields": [
        {"name": "id", "type": "int"}, {"name": "name", "type": "string"}]}
    second = {"type": "record", "name": "Order", "namespace": "shop", "fields": [
        {"name": "name", "type": ["null", "string"], "default": None}, {"name": "id", "type": "long"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}, "default": 0},
        {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []},
        {"name": "note", "type": "string", "default": "none"}]}
    schemas = [first, second]
    ids = [register(name + "-value", "AVRO", json.dumps(schema)) for schema in schemas]
    parsed = [fastavro.parse_schema(schema) for schema in schemas]
    values = []
    for number in range(100):
        which = number % 2
        row = {"id": number, "name": f"n{number}", "at": 1000 * number, "tags": ["a", str(number)], "note": f"x{number}"}
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed[which], {field["name"]: row[field["name"]] for field in schemas[which]["fields"]})
        values.append(prefix(ids[which]) + out.getvalue())
        if number % 10 == 0:
            values.append([values[-1][:-1], b"", prefix(999_999) + b"x", b"{}", None][number // 10 % 5])
    produce(values)


PROTO = """
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
message Other { string a = 1; }
message Outer {
  message Order {
    int64 id = 1; string name = 2; repeated int32 counts = 3; map<string, double> rates = 4;
    google.protobuf.Timestamp at = 5; oneof kind { string left = 6; int32 right = 7; }
    enum State { NEW = 0; DONE = 1; } State state = 8;
  }
}
"""


def compile_files(texts, main):
    """A FileDescriptorSet of files by their names, `main` last, with the well-known ones it needs."""
    import grpc_tools
    from google.protobuf import descriptor_pb2
    from grpc_tools import protoc

    with tempfile.TemporaryDirectory() as folder:
        for path, text in texts.items():
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            with open(os.path.join(folder, path), "w") as file:
                file.write(text)
        include = os.path.join(os.path.dirname(grpc_tools.__file__), "_proto")
        if protoc.main(["protoc", "-I" + folder, "-I" + include, "--include_imports",
                        f"--descriptor_set_out={folder}/schema.bin", os.path.join(folder, main)]) != 0:
            sys.exit(f"protoc failed: {texts}")
        files = descriptor_pb2.FileDescriptorSet()
        with open(folder + "/schema.bin", "rb") as source:
            files.ParseFromString(source.read())
    return files


def parsed_files(texts):
    """The same of files that are compiled already, in base64, those needed first; the well-known ones are added."""
    from google.protobuf import descriptor_pb2, duration_pb2, timestamp_pb2, wrappers_pb2

    files = descriptor_pb2.FileDescriptorSet()
    for module in (timestamp_pb2, duration_pb2, wrappers_pb2):
        module.DESCRIPTOR.CopyToProto(files.file.add())
    for text in texts:
        files.file.add().ParseFromString(base64.b64decode(text))
    return files


def compiled(text, message=None, indexes=None, parts=()):
    """The class of a message by its name, or by its place in the file; `parts`: names and texts of what it imports."""
    from google.protobuf import descriptor_pool, message_factory

    if "message" in text:
        files = compile_files({**dict(parts), "schema.proto": text}, "schema.proto")
    else:
        files = parsed_files([one for _, one in parts] + [text])
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    if indexes is not None:
        scope, path = files.file[-1].message_type, [files.file[-1].package] if files.file[-1].package else []
        for index in indexes:
            path.append(scope[index].name)
            scope = scope[index].nested_type
        message = ".".join(path)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(message))


def references(schema):
    """Names and texts of what a registered schema refers to, those needed first."""
    found = {}
    for one in schema.get("references", []):
        other = ask("GET", f"/subjects/{urllib.parse.quote(one['subject'], safe='')}/versions/{one['version']}")
        found.update(references(other))
        found[one["name"]] = other["schema"]
    return found


def zigzags(numbers):
    out = b""
    for number in numbers:
        rest = number << 1
        while rest > 0x7F:
            out += bytes([rest & 0x7F | 0x80])
            rest >>= 7
        out += bytes([rest])
    return out


def write_protobuf():
    """Messages of a type inside another one, ids 0 to 49; every tenth is followed by one that nobody can read."""
    kind = compiled(PROTO, "shop.Outer.Order")
    number = register(name + "-value", "PROTOBUF", PROTO)
    head = prefix(number) + zigzags([2, 1, 0])
    values = []
    for index in range(50):
        order = kind(id=index, name=f"n{index}", counts=[index, -index], rates={"r": index / 2})
        order.at.FromMilliseconds(1000 * index)
        if index % 3 == 0:
            order.left = f"l{index}"
        elif index % 3 == 1:
            order.right = index
        order.state = index % 2
        values.append(head + order.SerializeToString())
        if index % 10 == 0:
            bad = [values[-1][:-1], prefix(number), prefix(999_999) + b"\0x", b"{}", prefix(number) + zigzags([1, 9])]
            values.append(bad[index // 10 % 5])
    produce(values)


def write_json():
    """Objects, ids 0 to 29, under a registered JSON Schema."""
    schema = {"type": "object", "properties": {
        "id": {"type": "integer"}, "name": {"type": "string"}, "score": {"type": ["number", "null"]}}, "required": ["id"]}
    number = register(name + "-value", "JSON", json.dumps(schema))
    values = []
    for index in range(30):
        values.append(prefix(number) + json.dumps({"id": index, "name": f"n\n{index}", "score": index / 2}, indent=1).encode())
        if index % 10 == 0:
            values.append([b'{"id":1}', prefix(number), prefix(number) + b"{"][index // 10])
    produce(values)


def records(topic):
    reader = Consumer({"bootstrap.servers": bootstrap, "group.id": "tool", "isolation.level": "read_committed",
                       "enable.auto.commit": False, "enable.partition.eof": True})
    partitions = list(reader.list_topics(topic, timeout=10).topics[topic].partitions)
    reader.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    ends = set()
    while len(ends) < len(partitions):
        for message in reader.consume(5000, 0.5):
            if message.error():
                ends.add(message.partition())
            else:
                yield message.value()
    reader.close()


def read_zigzags(data):
    numbers, position = [], 0

    def one():
        nonlocal position
        value = shift = 0
        while True:
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value >> 1 ^ -(value & 1)

    for _ in range(one()):
        numbers.append(one())
    return numbers or [0], data[position:]


def dump():
    import fastavro

    known = {}
    for value in records(name):
        if value is None:
            print("null")
            continue
        assert value[0] == 0, value
        number = struct.unpack(">I", value[1:5])[0]
        if number not in known:
            known[number] = ask("GET", f"/schemas/ids/{number}")
        schema, kind = known[number]["schema"], known[number].get("schemaType", "AVRO")
        if kind == "AVRO":
            source = io.BytesIO(value[5:])
            named = {}
            for text in references(known[number]).values():
                fastavro.parse_schema(json.loads(text), named_schemas=named)
            row = fastavro.schemaless_reader(source, fastavro.parse_schema(json.loads(schema), named_schemas=named), None)
            assert not source.read()
        elif kind == "PROTOBUF":
            from google.protobuf import json_format

            indexes, body = read_zigzags(value[5:])
            key = (number, tuple(indexes))
            if key not in known:
                known[key] = compiled(schema, indexes=indexes, parts=references(known[number]).items())
            row = json_format.MessageToDict(known[key].FromString(body), preserving_proto_field_name=True)
        else:
            import jsonschema

            row = json.loads(value[5:])
            jsonschema.validate(row, json.loads(schema))
        print(json.dumps({"schema": number, "row": row}, default=str, sort_keys=True))


if command == "register":
    print(register(name, sys.argv[5], sys.stdin.read()))
elif command == "compile":
    print(base64.b64encode(compile_files(json.load(sys.stdin), name).SerializeToString()).decode())
elif command == "subjects":
    print(json.dumps(ask("GET", "/subjects")))
elif command == "subject":
    print(json.dumps(ask("GET", f"/subjects/{urllib.parse.quote(name, safe='')}/versions/latest")))
else:
    {"write-avro": write_avro, "write-protobuf": write_protobuf, "write-json": write_json, "dump": dump}[command]()

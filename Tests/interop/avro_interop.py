"""Writes and reads Avro with fastavro for AvroInteropTests.

avro_interop.py write SEED FOLDER   writes random records of a random schema: `file.avro` (a container), `messages` (each
                                    after its length in four bytes, big-endian), `schema.json`; prints them
avro_interop.py read FILE           prints the records of a container
avro_interop.py fingerprint FILE    prints the fingerprint of a schema

Printed is canonical text: a line for each record, values separated by "|"; see `text`.
"""

import datetime
import decimal
import io
import json
import random
import struct
import sys
import uuid

import fastavro
import fastavro.schema

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
SAMPLES = ["", "a", "twelve bytes", "thirteen byte", "ünï©ode ☃ 😀", "x" * 300]


def nanos(delta):
    return ((delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1000


def text(value, schema, names):
    """The canonical text of a value that fastavro would give for a schema."""
    if isinstance(schema, str) and schema in names:
        schema = names[schema]
    if isinstance(schema, list):
        if value is None:
            return "null"
        return text(value, [branch for branch in schema if branch != "null"][0], names)
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind not in ("record", "enum", "fixed") and not isinstance(kind, str):
        return text(value, kind, names)
    if kind in names and kind not in ("record", "enum", "fixed"):
        return text(value, names[kind], names)
    if kind == "null" or value is None:
        return "null"
    if kind == "boolean":
        return "true" if value else "false"
    if isinstance(value, decimal.Decimal):
        return str(int(value.scaleb(schema.get("scale", 0), decimal.Context(prec=60))))
    if isinstance(value, datetime.datetime):
        zone = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return str(nanos(zone - EPOCH))
    if isinstance(value, datetime.date):
        return str((value - EPOCH.date()).days)
    if isinstance(value, datetime.time):
        return str(((value.hour * 60 + value.minute) * 60 + value.second) * 10**9 + value.microsecond * 1000)
    if isinstance(value, uuid.UUID):
        return "x" + str(value).encode().hex()
    if kind in ("int", "long"):
        return str(value)
    if kind in ("float", "double"):
        return "nan" if value != value else struct.pack(">d", value).hex()
    if kind in ("string", "enum"):
        return "x" + value.encode().hex()
    if kind in ("bytes", "fixed"):
        if schema.get("logicalType") == "duration" if isinstance(schema, dict) else False:
            months, days, millis = struct.unpack("<III", value)
            return f"{months}/{days}/{millis * 1000000}"
        return "x" + value.hex()
    if kind == "array":
        return "[" + ",".join(text(item, schema["items"], names) for item in value) + "]"
    if kind == "map":
        entries = ("{x" + key.encode().hex() + "," + text(item, schema["values"], names) + "}" for key, item in value.items())
        return "[" + ",".join(sorted(entries)) + "]"
    if kind == "record":
        return "{" + ",".join(text(value[f["name"]], f["type"], names) for f in schema["fields"]) + "}"
    raise TypeError(f"no text for {schema}")


def collect(schema, names):
    if isinstance(schema, list):
        for branch in schema:
            collect(branch, names)
    elif isinstance(schema, dict):
        if schema.get("name"):
            names[schema["name"]] = schema
        for field in schema.get("fields", []):
            collect(field["type"], names)
        for key in ("items", "values"):
            if key in schema:
                collect(schema[key], names)
        if not isinstance(schema.get("type"), str):
            collect(schema.get("type"), names)


def lines(records, schema):
    names = {}
    collect(schema, names)
    for record in records:
        print("|".join(text(record[f["name"]], f["type"], names) for f in schema["fields"]))


class Maker:
    """Random schemas and values of them."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.count = 0

    def name(self):
        self.count += 1
        return f"t{self.count}"

    def type(self, depth):
        r = self.random
        if r.random() < 0.4:
            inner = self.type(depth)
            if not isinstance(inner, list) and inner != "null":
                return ["null", inner] if r.random() < 0.7 else [inner, "null"]
            return inner
        nested = ["array", "map", "record"] if depth < 3 else []
        kind = r.choice(
            ["boolean", "int", "long", "float", "double", "bytes", "string", "enum", "fixed", "decimal", "fixed decimal",
             "uuid", "date", "time-millis", "time-micros", "timestamp-millis", "timestamp-micros",
             "local-timestamp-millis", "local-timestamp-micros", "duration"] + nested * 2)
        if kind == "enum":
            return {"type": "enum", "name": self.name(), "symbols": ["RED", "GREEN", "BLUE_AS_THE_SKY"]}
        if kind == "fixed":
            return {"type": "fixed", "name": self.name(), "size": r.choice([0, 1, 12, 40])}
        if kind == "duration":
            return {"type": "fixed", "name": self.name(), "size": 12, "logicalType": "duration"}
        if kind == "decimal":
            return {"type": "bytes", "logicalType": "decimal", "precision": r.choice([3, 18, 38]), "scale": 2}
        if kind == "fixed decimal":
            return {"type": "fixed", "name": self.name(), "size": 16, "logicalType": "decimal", "precision": 30, "scale": 7}
        if kind == "uuid":
            return {"type": "string", "logicalType": "uuid"}
        if kind in ("date", "time-millis"):
            return {"type": "int", "logicalType": kind}
        if "time" in kind:
            return {"type": "long", "logicalType": kind}
        if kind == "array":
            return {"type": "array", "items": self.type(depth + 1)}
        if kind == "map":
            return {"type": "map", "values": self.type(depth + 1)}
        if kind == "record":
            return self.record(depth + 1)
        return kind

    def record(self, depth):
        name = self.name()
        count = self.random.randint(1, 8 if depth == 0 else 4)
        return {"type": "record", "name": name,
                "fields": [{"name": f"f{index}", "type": self.type(depth)} for index in range(count)]}

    def value(self, schema):
        r = self.random
        if isinstance(schema, list):
            branch = r.choice(schema)
            return None if branch == "null" else self.value(branch)
        kind = schema["type"] if isinstance(schema, dict) else schema
        logical = schema.get("logicalType") if isinstance(schema, dict) else None
        if logical == "decimal":
            limit = 10 ** schema["precision"] - 1
            number = r.choice([0, 1, -1, limit, -limit, r.randint(-limit, limit)])
            return decimal.Decimal(number).scaleb(-schema["scale"], decimal.Context(prec=60))
        if logical == "uuid":
            return uuid.UUID(int=r.getrandbits(128))
        if logical == "date":
            return EPOCH.date() + datetime.timedelta(days=r.randint(-100000, 100000))
        if logical == "time-millis":
            return datetime.time(r.randint(0, 23), r.randint(0, 59), 59, r.randint(0, 999) * 1000)
        if logical == "time-micros":
            return datetime.time(r.randint(0, 23), r.randint(0, 59), 0, r.randint(0, 999999))
        if logical and "timestamp" in logical:
            unit = 1000 if "millis" in logical else 1
            moment = EPOCH + datetime.timedelta(microseconds=r.randint(-(10**12), 5 * 10**12) * unit)
            return moment.replace(tzinfo=None) if "local" in logical else moment
        if logical == "duration":
            return struct.pack("<III", r.randint(0, 99), r.randint(0, 999), r.randint(0, 10**9))
        if kind == "boolean":
            return r.random() < 0.5
        if kind == "int":
            return r.choice([0, -1, 2**31 - 1, -(2**31), r.randint(-1000, 1000)])
        if kind == "long":
            return r.choice([0, -1, 2**63 - 1, -(2**63), r.randint(-(10**12), 10**12)])
        if kind == "float":
            return struct.unpack("f", struct.pack("f", r.choice([0.0, -0.0, float("inf"), r.uniform(-1e6, 1e6)])))[0]
        if kind == "double":
            return r.choice([0.0, float("-inf"), float("nan"), r.uniform(-1e300, 1e300)])
        if kind == "string":
            return r.choice(SAMPLES)
        if kind == "bytes":
            return r.randbytes(r.choice([0, 5, 12, 13, 200]))
        if kind == "enum":
            return r.choice(schema["symbols"])
        if kind == "fixed":
            return r.randbytes(schema["size"])
        if kind == "array":
            return [self.value(schema["items"]) for _ in range(r.choice([0, 1, 5]))]
        if kind == "map":
            return {f"k{index}" * r.choice([1, 9]): self.value(schema["values"]) for index in range(r.choice([0, 1, 4]))}
        return {f["name"]: self.value(f["type"]) for f in schema["fields"]}


def main():
    command = sys.argv[1]
    if command == "write":
        maker = Maker(int(sys.argv[2]))
        schema = maker.record(0)
        parsed = fastavro.parse_schema(json.loads(json.dumps(schema)))
        records = [maker.value(schema) for _ in range(200)]
        folder = sys.argv[3]
        with open(folder + "/schema.json", "w") as out:
            json.dump(schema, out)
        codec = maker.random.choice(["null", "deflate"])
        with open(folder + "/file.avro", "wb") as out:
            fastavro.writer(out, parsed, records, codec=codec, sync_interval=1000)
        with open(folder + "/messages", "wb") as out:
            for record in records:
                buffer = io.BytesIO()
                fastavro.schemaless_writer(buffer, parsed, record)
                out.write(struct.pack(">I", len(buffer.getvalue())) + buffer.getvalue())
        # What was written, as fastavro itself reads it.
        with open(folder + "/file.avro", "rb") as source:
            lines(list(fastavro.reader(source)), schema)
    elif command == "read":
        with open(sys.argv[2], "rb") as source:
            reader = fastavro.reader(source)
            records = list(reader)
            schema = json.loads(reader.metadata["avro.schema"])
        lines(records, schema)
    elif command == "fingerprint":
        with open(sys.argv[2]) as source:
            schema = json.load(source)
        print(fastavro.schema.fingerprint(fastavro.schema.to_parsing_canonical_form(schema), "CRC-64-AVRO"))


main()

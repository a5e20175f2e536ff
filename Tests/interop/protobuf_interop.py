"""Writes and reads Protocol Buffers with Google's own library for ProtobufInteropTests.

protobuf_interop.py write SEED FOLDER    writes random messages of a random schema: `messages` (each after its length in
                                         four bytes, big-endian), `schema.proto`, `schema.bin` (compiled); prints them
protobuf_interop.py read FOLDER MESSAGE  prints what is in `file`, messages after their lengths, by `schema.proto`

Printed is canonical text: a line for each message, values separated by "|"; see `text`.
"""

import os
import random
import struct
import sys

import grpc_tools
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor as F
from grpc_tools import protoc

WRAPPERS = {"DoubleValue", "FloatValue", "Int64Value", "UInt64Value", "Int32Value", "UInt32Value", "BoolValue", "StringValue", "BytesValue"}
SCALARS = ["double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32",
           "sfixed64", "bool", "string", "bytes"]


def compile(folder, name):
    include = os.path.join(os.path.dirname(grpc_tools.__file__), "_proto")
    arguments = ["protoc", "-I" + folder, "-I" + include, "--include_imports",
                 "--descriptor_set_out=" + folder + "/schema.bin", folder + "/schema.proto"]
    if protoc.main(arguments) != 0:
        sys.exit("protoc failed")
    files = descriptor_pb2.FileDescriptorSet()
    with open(folder + "/schema.bin", "rb") as source:
        files.ParseFromString(source.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def scalar(field, value):
    if field.type == F.TYPE_BOOL:
        return "true" if value else "false"
    if field.type in (F.TYPE_FLOAT, F.TYPE_DOUBLE):
        return "nan" if value != value else struct.pack(">d", value).hex()
    if field.type == F.TYPE_STRING:
        return "x" + value.encode().hex()
    if field.type == F.TYPE_BYTES:
        return "x" + value.hex()
    if field.type == F.TYPE_ENUM:
        known = field.enum_type.values_by_number.get(value)
        return "x" + (known.name if known else str(value)).encode().hex()
    return str(value)


def single(field, value):
    if field.type != F.TYPE_MESSAGE:
        return scalar(field, value)
    kind = field.message_type
    if kind.full_name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
        nanos = value.seconds * 10**9 + value.nanos
        return str(nanos) if kind.name == "Timestamp" else f"0/0/{nanos}"
    if kind.full_name.startswith("google.protobuf.") and kind.name in WRAPPERS:
        return scalar(kind.fields[0], value.value)
    return "{" + ",".join(text(inner, value) for inner in kind.fields) + "}"


def text(field, message):
    if field.message_type and field.message_type.GetOptions().map_entry:
        key, value = field.message_type.fields
        entries = getattr(message, field.name).items()
        return "[" + ",".join(sorted("{" + scalar(key, k) + "," + single(value, v) + "}" for k, v in entries)) + "]"
    if field.is_repeated:
        return "[" + ",".join(single(field, value) for value in getattr(message, field.name)) + "]"
    if field.has_presence and not message.HasField(field.name):
        return "null"
    return single(field, getattr(message, field.name))


def show(message):
    print("|".join(text(field, message) for field in message.DESCRIPTOR.fields))


class Maker:
    """Random schemas and messages of them."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def schema(self):
        self.syntax = self.random.choice(["proto2", "proto3"])
        head = [f'syntax = "{self.syntax}";', "// A comment; with { signs }", "package some.where;",
                'import "google/protobuf/timestamp.proto";', 'import "google/protobuf/duration.proto";',
                'import "google/protobuf/wrappers.proto";',
                'enum Color { option allow_alias = true; NONE = 0; RED = 1; ROUGE = 1; FAR = 300 [deprecated = true]; }']
        return "\n".join(head) + "\n" + self.message("Order", 0)

    def message(self, name, depth):
        r = self.random
        lines, number = [], 0
        reserved = "  reserved 19, 5000 to 6000;\n" if r.random() < 0.5 else ""
        for index in range(r.randint(1, 9)):
            number += r.choice([1, 1, 1, 2, 20, 5000]) if number < 30000 else 1
            number = 6001 if 5000 <= number <= 6000 else number + 1 if number == 19 else number
            type = r.choice(SCALARS + ["Color"] * 3 + ["google.protobuf.Timestamp", ".google.protobuf.Duration",
                            "google.protobuf.Int64Value", "google.protobuf.StringValue"] + ["message"] * (6 if depth < 2 else 0))
            if type == "message":
                type = f"Inner{index}"
                lines.append(self.message(type, depth + 1))
            shape = r.choice(["single", "single", "optional", "repeated", "map", "oneof"])
            if shape == "map":
                key = r.choice([s for s in SCALARS if s not in ("double", "float", "bytes")])
                lines.append(f"  map<{key}, {type}> field_{index} = {number};")
            elif shape == "oneof":
                lines.append(f"  oneof choice{index} {{ {type} field_{index} = {number}; string other_{index} = {number + 10000}; }}")
            elif shape == "repeated":
                scalar = type in SCALARS and type not in ("string", "bytes")
                packed = r.choice([" [packed = true]", " [packed=false, deprecated = true]", ""]) if scalar else ""
                lines.append(f"  repeated {type} field_{index} = {number}{packed};")
            elif shape == "optional" or self.syntax == "proto2":
                lines.append(f"  {r.choice(['optional', 'required']) if self.syntax == 'proto2' and depth == 0 else 'optional'} {type} field_{index} = {number};")
            else:
                lines.append(f"  {type} field_{index} = {number};")
        return f"message {name} {{\n{reserved}" + "\n".join(lines) + "\n}"

    def scalar(self, field):
        r, t = self.random, field.type
        if t in (F.TYPE_INT32, F.TYPE_SINT32, F.TYPE_SFIXED32):
            return r.choice([0, 1, -1, 2**31 - 1, -(2**31)])
        if t in (F.TYPE_INT64, F.TYPE_SINT64, F.TYPE_SFIXED64):
            return r.choice([0, 1, -1, 2**63 - 1, -(2**63), r.randint(0, 10**9)])
        if t in (F.TYPE_UINT32, F.TYPE_FIXED32):
            return r.choice([0, 1, 2**32 - 1])
        if t in (F.TYPE_UINT64, F.TYPE_FIXED64):
            return r.choice([0, 1, 2**64 - 1])
        if t == F.TYPE_BOOL:
            return r.random() < 0.5
        if t in (F.TYPE_FLOAT, F.TYPE_DOUBLE):
            return r.choice([0.0, 1.5, -0.0, float("inf"), float("nan")])
        if t == F.TYPE_STRING:
            return r.choice(["", "a", "twelve bytes", "thirteen byte", "ünï©ode ☃ 😀", "x" * 300])
        if t == F.TYPE_BYTES:
            return r.randbytes(r.choice([0, 3, 12, 13, 200]))
        return r.choice([0, 1, 300] + ([7] if self.syntax == "proto3" else []))

    def fill(self, message):
        r = self.random
        for field in message.DESCRIPTOR.fields:
            optional = not field.is_required if hasattr(field, "is_required") else field.label != F.LABEL_REQUIRED
            if optional and r.random() < 0.3:
                continue
            if field.message_type and field.message_type.GetOptions().map_entry:
                key, value = field.message_type.fields
                target = getattr(message, field.name)
                for _ in range(r.choice([0, 1, 4])):
                    if value.type == F.TYPE_MESSAGE:
                        self.fill_message(target[self.scalar(key)])
                    else:
                        target[self.scalar(key)] = self.scalar(value)
            elif field.is_repeated:
                for _ in range(r.choice([0, 1, 5])):
                    if field.type == F.TYPE_MESSAGE:
                        self.fill_message(getattr(message, field.name).add())
                    else:
                        getattr(message, field.name).append(self.scalar(field))
            elif field.type == F.TYPE_MESSAGE:
                self.fill_message(getattr(message, field.name))
                getattr(message, field.name).SetInParent()
            else:
                setattr(message, field.name, self.scalar(field))

    def fill_message(self, message):
        if message.DESCRIPTOR.name in ("Timestamp", "Duration"):
            message.seconds = self.random.choice([0, 1_700_000_000, 1_000_000_000])
            message.nanos = self.random.choice([0, 1, 999_999_999])
        else:
            self.fill(message)


def main():
    folder = sys.argv[2] if sys.argv[1] == "read" else sys.argv[3]
    if sys.argv[1] == "write":
        maker = Maker(int(sys.argv[2]))
        with open(folder + "/schema.proto", "w") as out:
            out.write(maker.schema())
        kind = compile(folder, "some.where.Order")
        with open(folder + "/messages", "wb") as out:
            for _ in range(100):
                message = kind()
                maker.fill(message)
                data = message.SerializeToString()
                out.write(struct.pack(">I", len(data)) + data)
                again = kind()
                again.ParseFromString(data)
                show(again)
    else:
        kind = compile(folder, sys.argv[3])
        with open(folder + "/file", "rb") as source:
            data = source.read()
        position = 0
        while position < len(data):
            length = shift = 0
            while True:
                byte = data[position]
                position += 1
                length |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            message = kind()
            message.ParseFromString(data[position:position + length])
            position += length
            show(message)


main()

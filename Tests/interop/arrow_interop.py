"""Reads and writes Arrow IPC streams with pyarrow for ArrowInteropTests.

arrow_interop.py read IN.arrows          prints the values of a stream in canonical text
arrow_interop.py write OUT.arrows SEED   writes a stream of random data and prints its values in canonical text

Canonical text: one line per row, values separated by "|"; see `text`.
"""

import datetime
import decimal
import random
import struct
import sys

import pyarrow as pa

UNIT = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def text(scalar):
    kind = scalar.type
    if not scalar.is_valid:
        return "null"
    if isinstance(kind, pa.BaseExtensionType):
        return text(scalar.value)
    if pa.types.is_dictionary(kind):
        return text(scalar.dictionary[scalar.index.as_py()])
    if pa.types.is_boolean(kind):
        return "true" if scalar.as_py() else "false"
    if pa.types.is_integer(kind):
        return str(scalar.as_py())
    if pa.types.is_floating(kind):
        value = float(scalar.as_py())
        return "nan" if value != value else struct.pack(">d", value).hex()
    if pa.types.is_decimal(kind):
        return str(int(scalar.as_py().scaleb(kind.scale, decimal.Context(prec=60))))
    if isinstance(scalar, (pa.StringScalar, pa.LargeStringScalar, pa.StringViewScalar)):
        return "x" + scalar.as_py().encode().hex()
    if isinstance(
        scalar, (pa.BinaryScalar, pa.LargeBinaryScalar, pa.BinaryViewScalar, pa.FixedSizeBinaryScalar)
    ):
        return "x" + scalar.as_py().hex()
    if pa.types.is_date32(kind):
        return str(scalar.value)
    if pa.types.is_date64(kind):
        return str(scalar.value // 86_400_000)
    if pa.types.is_time(kind) or pa.types.is_timestamp(kind):
        return str(scalar.value * UNIT[kind.unit])
    if pa.types.is_interval(kind):
        value = scalar.as_py()
        return f"{value.months}/{value.days}/{value.nanoseconds}"
    if pa.types.is_map(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return "[" + ",".join(text(item) for item in scalar.values) + "]"
    if pa.types.is_struct(kind):
        members = [scalar[index] for index in range(kind.num_fields)]
        return "{" + ",".join(text(member) for member in members) + "}"
    if pa.types.is_null(kind):
        return "null"
    raise TypeError(f"no text for {kind}")


def show(batches):
    lines = []
    for batch in batches:
        for row in range(batch.num_rows):
            lines.append("|".join(text(column[row]) for column in batch.columns))
    sys.stdout.write("\n".join(lines) + "\n")


def read(path):
    with pa.OSFile(path) as file, pa.ipc.open_stream(file) as reader:
        print(reader.schema.to_string(show_field_metadata=False, show_schema_metadata=True).replace("\n", ";"))
        batches = list(reader)
    for batch in batches:
        batch.validate(full=True)
    show(batches)


def words(rng):
    alphabet = ["a", "b", "\u00e9", "\u65e5", "\U0001f600", " ", "0"]
    return "".join(rng.choice(alphabet) for _ in range(rng.choice([0, 1, 3, 4, 11, 12, 13, 30])))


def raw(rng):
    return bytes(rng.randrange(256) for _ in range(rng.choice([0, 1, 12, 13, 40])))


def number(rng, bits, signed):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return rng.choice([low, high, 0, 1, rng.randint(low, high)])


def columns(rng):
    """Type and maker of a value for every column."""
    made = [(pa.null(), lambda: None), (pa.bool_(), lambda: rng.random() < 0.5)]
    for bits in (8, 16, 32, 64):
        made.append((getattr(pa, f"int{bits}")(), lambda bits=bits: number(rng, bits, True)))
        made.append((getattr(pa, f"uint{bits}")(), lambda bits=bits: number(rng, bits, False)))
    floats = [0.0, -0.0, float("nan"), float("inf"), -1.5, 65504.0, 2.0**-24]
    for kind in (pa.float16(), pa.float32(), pa.float64()):
        made.append((kind, lambda: rng.choice(floats)))
    for kind in (pa.decimal32(7, 2), pa.decimal64(15, 3), pa.decimal128(38, 10), pa.decimal128(5, 0)):
        made.append(
            (
                kind,
                lambda kind=kind: decimal.Decimal(rng.randint(-(10**kind.precision) + 1, 10**kind.precision - 1)).scaleb(
                    -kind.scale, decimal.Context(prec=60)
                ),
            )
        )
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        made.append((kind, lambda: words(rng)))
    for kind in (pa.binary(), pa.large_binary(), pa.binary_view()):
        made.append((kind, lambda: raw(rng)))
    made.append((pa.binary(3), lambda: bytes(rng.randrange(256) for _ in range(3))))
    made.append((pa.binary(17), lambda: bytes(rng.randrange(256) for _ in range(17))))
    made.append((pa.date32(), lambda: rng.randint(-30000, 30000)))
    made.append((pa.date64(), lambda: datetime.date(1970, 1, 1) + datetime.timedelta(days=rng.randint(-9999, 9999))))
    for unit in ("s", "ms"):
        made.append((pa.time32(unit), lambda unit=unit: rng.randrange(86400 * 10**9 // UNIT[unit])))
    for unit in ("us", "ns"):
        made.append((pa.time64(unit), lambda unit=unit: rng.randrange(86400 * 10**9 // UNIT[unit])))
    for unit in UNIT:
        for zone in (None, "Europe/Berlin"):
            made.append(
                (pa.timestamp(unit, zone), lambda unit=unit: rng.randint(-(2**62), 2**62) // UNIT[unit])
            )
    made.append(
        (
            pa.month_day_nano_interval(),
            lambda: pa.MonthDayNano([rng.randint(-99, 99), rng.randint(-99, 99), rng.randint(-(10**15), 10**15)]),
        )
    )
    made.append((pa.list_(pa.int32()), lambda: [rng.choice([None, 1, 2]) for _ in range(rng.randrange(4))]))
    made.append((pa.large_list(pa.string()), lambda: [words(rng) for _ in range(rng.randrange(4))]))
    made.append((pa.list_(pa.int16(), 3), lambda: [rng.choice([None, 7, -7]) for _ in range(3)]))
    pair = pa.struct([("a", pa.int64()), ("b", pa.list_(pa.struct([("c", pa.string_view())])))])
    made.append(
        (pair, lambda: {"a": rng.choice([None, 5]), "b": [{"c": words(rng)} for _ in range(rng.randrange(3))]})
    )
    made.append(
        (pa.map_(pa.string(), pa.float64()), lambda: [(words(rng), rng.choice([None, 0.5])) for _ in range(rng.randrange(3))])
    )
    return made


def dictionary(rng, count, nulls):
    values = [words(rng) for _ in range(5)]
    picks = [None if rng.random() < nulls else rng.choice(values) for _ in range(count)]
    return pa.array(picks, pa.string()).dictionary_encode()


def write(path, seed):
    rng = random.Random(seed)
    batches = []
    for count, nulls in ((9, 0.0), (70, 0.3), (0, 0.0), (33, 1.0)):
        arrays = []
        for kind, make in columns(rng):
            cells = [None if rng.random() < nulls else make() for _ in range(count + 5)]
            # A slice, so that the writer has to cut.
            arrays.append(pa.array(cells, kind).slice(3, count))
        arrays.append(dictionary(rng, count + 2, nulls).slice(2))
        batches.append(pa.record_batch(arrays, names=[f"c{index}" for index in range(len(arrays))]))
    # A new dictionary replaces the one before it.
    with pa.OSFile(path, "wb") as file, pa.ipc.new_stream(file, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    show(batches)


if __name__ == "__main__":
    if sys.argv[1] == "read":
        read(sys.argv[2])
    else:
        write(sys.argv[2], int(sys.argv[3]))

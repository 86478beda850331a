"""Random tables with columns of every type, as pyarrow, polars and DuckDB write them."""

import decimal
import string

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "+05:30", "Asia/Kathmandu"]
#: The largest time of day in nanoseconds.
DAY = 86_400 * 10**9


def text(random):
    letters = string.ascii_letters + " \"',\n\\äß日\u2028😀"
    return "".join(random.choice(letters) for _ in range(random.randrange(8)))


def leaves(random):
    """Returns the type and a maker of values for each kind of leaf."""
    units = ["s", "ms", "us", "ns"]
    unit, zone = random.choice(units), random.choice(ZONES)
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
    digits = random.randrange(1, 39)
    wide = random.randrange(39, 77)
    scale = random.randrange(0, digits + 1)
    # Whole seconds within the years that Python's dates have, with a random part of a second.
    moment = lambda unit: random.randrange(-6 * 10**9, 9 * 10**9) * per_second[unit] + random.randrange(per_second[unit])
    number = lambda digits, scale: decimal.Decimal(random.randrange(-(10**digits) + 1, 10**digits)).scaleb(-scale, decimal.Context(prec=100))
    binary = lambda: random.randbytes(random.randrange(5))
    result = [(pa.null(), lambda: None), (pa.bool_(), lambda: random.random() < 0.5)]
    for bits in (8, 16, 32, 64):
        signed, unsigned = getattr(pa, f"int{bits}")(), getattr(pa, f"uint{bits}")()
        result.append((signed, lambda bits=bits: random.randrange(-(2 ** (bits - 1)), 2 ** (bits - 1))))
        result.append((unsigned, lambda bits=bits: random.randrange(2**bits)))
    result += [
        (pa.float16(), lambda: __import__("numpy").float16(random.randrange(-100, 100) / 8)),
        (pa.float32(), lambda: random.choice([random.random(), -0.0, 1e30])),
        (pa.float64(), lambda: random.choice([random.random(), 1e300, float("nan"), float("inf"), -0.0])),
        (pa.decimal128(digits, scale), lambda: number(digits, scale)),
        (pa.decimal256(wide, scale), lambda: number(wide, scale)),
        (pa.date32(), lambda: random.randrange(-700_000, 2_900_000)),
        (pa.time32("s"), lambda: random.randrange(86_400)),
        (pa.time32("ms"), lambda: random.randrange(86_400_000)),
        (pa.time64("us"), lambda: random.randrange(86_400_000_000)),
        (pa.time64("ns"), lambda: random.randrange(DAY)),
        (pa.timestamp(unit), lambda: moment(unit)),
        (pa.timestamp(unit, zone), lambda: moment(unit)),
        (pa.duration(unit), lambda: random.randrange(-10**15, 10**15)),
        (pa.month_day_nano_interval(), lambda: (random.randrange(99), random.randrange(99), random.randrange(10**6) * 10**6)),
        (pa.string(), lambda: text(random)),
        (pa.large_string(), lambda: text(random)),
        (pa.string_view(), lambda: text(random)),
        (pa.binary(), binary),
        (pa.large_binary(), binary),
        (pa.binary_view(), binary),
        (pa.binary(3), lambda: random.randbytes(3)),
        (pa.dictionary(pa.int8(), pa.string()), lambda: random.choice(["a", "b", "c"])),
        (pa.dictionary(pa.int32(), pa.int64()), lambda: random.choice([1, 2, 3])),
    ]
    return result


def column_type(random, depth=0):
    """Returns a type, and a maker of values."""
    kind = random.random()
    if depth < 3 and kind < 0.3:
        element, make = column_type(random, depth + 1)
        if pa.types.is_dictionary(element):
            element = element.value_type
        maybe = lambda: None if random.random() < 0.2 else make()
        shape = random.randrange(5)
        if shape < 2:
            made = pa.list_(element) if shape == 0 else pa.large_list(element)
            return made, lambda: [maybe() for _ in range(random.randrange(4))]
        if shape == 2:
            return pa.list_(element, 2), lambda: [maybe(), maybe()]
        if shape == 3:
            fields = [pa.field("a", element), pa.field("b c", pa.string())]
            return pa.struct(fields), lambda: {"a": maybe(), "b c": text(random)}
        if random.random() < 0.5:
            return pa.map_(pa.string(), element), lambda: [(str(key), maybe()) for key in range(random.randrange(3))]
        return pa.map_(pa.int32(), element), lambda: [(key, maybe()) for key in range(random.randrange(3))]
    return random.choice(leaves(random))


def stored(value, kind):
    """Returns a value as pyarrow takes it: times as their integer."""
    if value is None:
        return None
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        return pa.scalar(value, pa.int32() if kind.bit_width == 32 else pa.int64()).cast(kind)
    if pa.types.is_map(kind):
        return [(stored(key, kind.key_type), stored(item, kind.item_type)) for key, item in value]
    if pa.types.is_struct(kind):
        return {field.name: stored(value[field.name], field.type) for field in kind}
    if isinstance(value, list):
        return [stored(element, kind.value_type) for element in value]
    return value


def arrow_table(random):
    """Returns a table with up to six columns, as pyarrow makes it."""
    rows = random.randrange(0, 30)
    columns = {"id": pa.array(range(rows), pa.int64())}
    for index in range(random.randrange(1, 7)):
        kind, make = column_type(random)
        values = [None if random.random() < 0.15 else stored(make(), kind) for _ in range(rows)]
        if pa.types.is_dictionary(kind):
            array = pa.array(values, kind.value_type).dictionary_encode().cast(kind)
        else:
            array = pa.array(values, kind)
        columns[f"c{index}"] = array
    return pa.table(columns)


def write_arrow(table, path, ending):
    """Writes a table with pyarrow, and returns whether it can."""
    try:
        if ending == "parquet":
            pq.write_table(table, path, row_group_size=max(1, table.num_rows // 2), write_page_checksum=True)
        else:
            with pa.ipc.new_file(path, table.schema) as writer:
                writer.write_table(table, max_chunksize=7)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return False
    return True




def write_polars(random, path, ending):
    """Writes a table with polars."""
    import polars as pl
    from datetime import date, datetime, time, timedelta

    columns = {
        "i": pl.Series([1, None, -3], dtype=random.choice([pl.Int8, pl.Int32, pl.Int64])),
        "u": pl.Series([1, None, 2**31], dtype=random.choice([pl.UInt32, pl.UInt64])),
        "f": pl.Series([0.5, None, float("nan")], dtype=random.choice([pl.Float32, pl.Float64])),
        "d": pl.Series([date(2024, 1, 1), None, date(1, 1, 1)]),
        "t": pl.Series([time(1, 2, 3, 4), None, time(23, 59, 59)]),
        "m": pl.Series([datetime(2024, 1, 1, 1, 2, 3, 4), None, datetime(1900, 1, 1)], dtype=pl.Datetime(random.choice(["ms", "us", "ns"]), random.choice([None, "UTC", "Europe/Berlin"]))),
        "l": pl.Series([timedelta(days=2), None, timedelta(microseconds=-1)]),
        "s": pl.Series(["ü", None, ""]),
        "b": pl.Series([b"\xff", None, b""]),
        "c": pl.Series(["x", None, "y"], dtype=pl.Categorical),
        "e": pl.Series(["x", None, "y"], dtype=pl.Enum(["x", "y"])),
        "n": pl.Series([[1, None], None, []], dtype=pl.List(pl.Int16)),
        "a": pl.Series([[1, 2], None, [3, 4]], dtype=pl.Array(pl.Int64, 2)),
        "o": pl.Series([{"x": 1, "y": "z"}, None, {"x": None, "y": None}]),
        "x": pl.Series(["1.50", None, "-2.25"]).cast(pl.Decimal(20, 2)),
        "z": pl.Series([None, None, None], dtype=pl.Null),
    }
    chosen = random.sample(sorted(columns), random.randrange(1, 8))
    frame = pl.DataFrame({"id": [0, 1, 2]} | {name: columns[name] for name in chosen})
    if ending == "parquet":
        frame.write_parquet(path, compression=random.choice(["zstd", "snappy", "gzip", "lz4", "brotli", "uncompressed"]))
    else:
        frame.write_ipc(path, compression=random.choice(["zstd", "lz4", "uncompressed"]))


def write_duckdb(random, path):
    """Writes a Parquet file with DuckDB."""
    import duckdb

    columns = {
        "i": "(-(2::BIGINT ** 40))::BIGINT",
        "h": "170141183460469231731687303715884105727::HUGEINT",
        "u": "18446744073709551615::UBIGINT",
        "x": "1234567890123456789.12::DECIMAL(38, 2)",
        "d": "DATE '9999-12-31'",
        "t": "TIME '01:02:03.000004'",
        "m": "TIMESTAMP '0001-01-01 00:00:00.000001'",
        "n": "TIMESTAMP_NS '2024-01-01 00:00:00.000000001'",
        "s": "TIMESTAMP_S '2024-01-01 00:00:00'",
        "z": "TIMESTAMPTZ '2024-07-01 12:00:00+02'",
        "v": "INTERVAL '14 months 3 days 01:02:03'",
        "g": "'00112233-4455-6677-8899-aabbccddeeff'::UUID",
        "b": "'\\xAA\\x00'::BLOB",
        "e": "'a'::ENUM ('a', 'b')",
        "l": "[1, NULL, 3]",
        "o": "{'x': 1, 'y': [{'z': 'w'}]}",
        "p": "MAP {'k': 1}",
        "q": "MAP {7: 'v'}",
        "j": "'{\"a\": [1.50]}'::JSON",
        "f": "0.1::FLOAT",
    }
    chosen = random.sample(sorted(columns), random.randrange(1, 8))
    values = ", ".join(f"CASE WHEN id = 1 THEN NULL ELSE {columns[name]} END AS {name}" for name in chosen)
    codec = random.choice(["zstd", "snappy", "gzip", "brotli", "lz4_raw", "uncompressed"])
    with duckdb.connect() as connection:
        query = f"COPY (SELECT id::BIGINT AS id, {values} FROM range(3) t(id)) TO '{path}' (FORMAT parquet, COMPRESSION {codec})"
        connection.execute(query)


def write_text(random, path, ending):
    """Writes JSON Lines or CSV. Returns the types and the values of its columns."""
    import csv
    import json

    rows = random.randrange(1, 30)
    makers = {
        "n": (pa.int64(), lambda: random.randrange(-(2**63), 2**63)),
        "f": (pa.float64(), lambda: random.choice([0.1, -0.0, 1e300, 5e-324, random.random()])),
        "b": (pa.bool_(), lambda: random.random() < 0.5),
        "t": (pa.string(), lambda: "x" + text(random).replace("\r", "")),
    }
    if ending == "jsonl":
        makers["j"] = (pa.json_(), lambda: random.choice([[1, None], {"k": ["v", 1.5]}, []]))
    chosen = random.sample(sorted(makers), random.randrange(1, len(makers) + 1))
    # The first row has a value in each column, which decides its type.
    maybe = lambda make, row: make() if row == 0 or random.random() < 0.8 else None
    columns = {"id": (pa.int64(), list(range(rows)))}
    for name in chosen:
        kind, make = makers[name]
        columns[name] = (kind, [maybe(make, row) for row in range(rows)])
    records = [{name: values[row] for name, (_, values) in columns.items()} for row in range(rows)]
    if ending == "jsonl":
        path.write_text("".join(json.dumps(record, ensure_ascii=random.random() < 0.5) + "\n" for record in records))
        return columns
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        spelled = lambda value: "" if value is None else str(value).lower() if isinstance(value, bool) else value
        writer.writerows([spelled(value) for value in record.values()] for record in records)
    return columns

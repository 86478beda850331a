"""Values of Arrow columns in a form that is the same for every way to store them."""

import base64
import decimal
import json
import math
import re
import uuid

import pyarrow as pa

NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def plain(scalar):
    """Returns the exact value of a scalar: times as nanoseconds, maps as pairs, floats with NaN equal to itself."""
    if not scalar.is_valid:
        return None
    kind = scalar.type
    if isinstance(kind, pa.BaseExtensionType):
        storage = scalar.value
        return plain_storage(storage, kind)
    if pa.types.is_dictionary(kind):
        return plain(scalar.value)
    if pa.types.is_run_end_encoded(kind):
        return plain(pa.scalar(scalar.as_py(), kind.value_type))
    if pa.types.is_struct(kind):
        return {field.name: plain(scalar[field.name]) for field in kind}
    if pa.types.is_map(kind):
        return [(plain(entry["key"]), plain(entry["value"])) for entry in renamed(scalar.values)]
    if is_list(kind):
        return [plain(element) for element in scalar.values]
    return plain_leaf(scalar, kind)


def plain_storage(storage, kind):
    value = storage.as_py()
    if kind.extension_name == "arrow.json":
        return json.loads(value)
    return value


def renamed(entries):
    """Returns the entries of a map with standard names."""
    return pa.StructArray.from_arrays([entries.field(0), entries.field(1)], ["key", "value"])


def is_list(kind):
    checks = [pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list]
    checks += [getattr(pa.types, name) for name in ("is_list_view", "is_large_list_view") if hasattr(pa.types, name)]
    return any(check(kind) for check in checks)


def plain_leaf(scalar, kind):
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind) or pa.types.is_time(kind):
        return scalar.value * NANOSECONDS[kind.unit]
    if pa.types.is_date32(kind):
        return scalar.value * 86_400 * 10**9
    if pa.types.is_date64(kind):
        return scalar.value * 10**6
    if pa.types.is_interval(kind):
        months, days, nanoseconds = scalar.as_py()
        return (months, days, nanoseconds)
    value = scalar.as_py()
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value
    if isinstance(value, decimal.Decimal):
        return value.normalize(decimal.Context(prec=100))
    return value


def from_text(value, kind):
    """Returns the value that a JSON value or a field of CSV stands for in a column of a type."""
    if value is None:
        return None
    if isinstance(kind, pa.BaseExtensionType):
        return uuid.UUID(value).bytes if kind.extension_name == "arrow.uuid" else value
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return from_text(value, kind.value_type)
    if pa.types.is_struct(kind):
        return {field.name: from_text(value[field.name], field.type) for field in kind}
    if pa.types.is_map(kind):
        pairs = value.items() if isinstance(value, dict) else [(entry["key"], entry["value"]) for entry in value]
        return [(from_text(key, kind.key_type), from_text(item, kind.item_type)) for key, item in pairs]
    if is_list(kind):
        return [from_text(element, kind.value_type) for element in value]
    return leaf_from_text(value, kind)


def leaf_from_text(value, kind):
    if pa.types.is_timestamp(kind):
        return moment(value)
    if pa.types.is_date(kind):
        return moment(value + "T00:00:00")
    if pa.types.is_time(kind):
        return moment("1970-01-01T" + value)
    if pa.types.is_duration(kind) or pa.types.is_interval(kind):
        months, days, nanoseconds = length(value)
        return (months, days, nanoseconds) if pa.types.is_interval(kind) else nanoseconds
    if pa.types.is_decimal(kind):
        return decimal.Decimal(value).normalize(decimal.Context(prec=100))
    if pa.types.is_floating(kind):
        value = {"NaN": "nan", "inf": math.inf, "-inf": -math.inf}.get(value, value)
        if value == "nan":
            return value
        number = pa.scalar(float(value), kind).as_py()
        return float(number)
    if pa.types.is_integer(kind):
        return int(value)
    if pa.types.is_boolean(kind):
        return value if isinstance(value, bool) else {"true": True, "false": False}[value]
    if isinstance(value, str) and (pa.types.is_binary(kind) or "binary" in str(kind)):
        return base64.b64decode(value)
    return value


def moment(text):
    """Returns the nanoseconds since 1970 of an ISO 8601 text."""
    found = re.fullmatch(r"([+-]?\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?", text)
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    fraction = int((found[7] or "").ljust(9, "0")[:9] or 0)
    offset = found[8] or "Z"
    shift = 0 if offset == "Z" else int(offset[0] + "1") * (int(offset[1:3]) * 60 + int(offset[4:6]))
    days = days_from_civil(year, month, day)
    seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - shift * 60
    return seconds * 10**9 + fraction


def days_from_civil(year, month, day):
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def length(text):
    """Returns the months, days and nanoseconds of an ISO 8601 duration."""
    found = re.fullmatch(r"(-?)P(?:(-?\d+)M)?(?:(-?\d+)D)?(?:T(-?\d+)(?:\.(\d+))?S)?", text)
    seconds = found[4] or "0"
    nanoseconds = abs(int(seconds)) * 10**9 + int((found[5] or "").ljust(9, "0")[:9] or 0)
    if seconds.startswith("-") or found[1]:
        nanoseconds = -nanoseconds
    return int(found[2] or 0), int(found[3] or 0), nanoseconds

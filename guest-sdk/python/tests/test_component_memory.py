"""The counts of objects in the memory of a component."""

import struct

import pytest

from stillbox_sdk.component_memory import make_immortal

_IMMORTAL = 5 << 28


def _leb(number: int) -> bytes:
    parts = bytearray()
    while True:
        part, number = number & 0x7F, number >> 7
        # The sign of the last byte has to be positive.
        if number == 0 and part < 0x40:
            return bytes([*parts, part])
        parts.append(part | 0x80)


def _section(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + _leb(len(content)) + content


def _segment(address: int, data: bytes) -> bytes:
    return b"\0\x41" + _leb(address) + b"\x0b" + _leb(len(data)) + data


def _component(segments: bytes, count: int) -> bytearray:
    module = b"\0asm\1\0\0\0" + _section(1, b"\0") + _section(11, _leb(count) + segments)
    return bytearray(b"\0asm\x0d\0\1\0" + _section(0, b"\1aabc") + _section(1, module) + _section(0, b"\1b"))


def _addresses(*addresses: int) -> bytes:
    return struct.pack(f"<{len(addresses)}I", *addresses)


def test_counts_at_addresses_are_changed_and_nothing_else():
    counts = struct.pack("<5i", 1, 2, 0, 1 << 30, -1)
    before = _component(_segment(200_000, counts) + _segment(1000, b"\1\0\0\0\1\0"), 2)
    component = bytearray(before)
    # The last ones are before, between and after the data.
    given = _addresses(200_000, *(200_000 + 4 * number for number in range(5)), 1000, 1004, 4, 5000, 200_020, 1 << 31)
    assert make_immortal(component, given) == 3
    after = struct.pack("<5i", _IMMORTAL, _IMMORTAL, 0, 1 << 30, -1)
    assert component == _component(_segment(200_000, after) + _segment(1000, struct.pack("<i", _IMMORTAL) + b"\1\0"), 2)
    assert make_immortal(component, b"") == 0
    with pytest.raises(ValueError, match="an address is truncated"):
        make_immortal(component, b"\1\0\0")


@pytest.mark.parametrize(
    ("component", "problem"),
    [
        (_component(_segment(8, b"\1\0\0\0"), 1)[:-12], "truncated"),
        (_component(_segment(8, b"\1\0\0\0"), 9), "segment of another kind|truncated"),
        (_component(b"\1\4abcd", 1), "segment of another kind"),
        (_component(b"\0\x23\0\x0b\4abcd", 1), "segment of another kind"),
        (_component(b"\0\x41\x08\x41\x08\x6a\x0b\4abcd", 1), "computed address"),
        (_component(b"\0\x41\x08\x0b\x7fabcd", 1), "truncated"),
    ],
)
def test_components_of_another_form_are_errors(component: bytearray, problem: str):
    with pytest.raises(ValueError, match=problem):
        make_immortal(component, _addresses(8))

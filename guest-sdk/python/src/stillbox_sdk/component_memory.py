"""Changes the memory with which the instances of a component start: objects become immortal, whose addresses `immortal` has written."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter

# In CPython 3.14 with addresses of 32 bits an object starts with its count. Those from `_LEAST` on are immortal.
_LEAST = 1 << 30
_COUNT = 5 << 28

# Ids of sections in WebAssembly, and of instructions.
_CORE_MODULE = 1
_DATA = 11
_I32_CONST = 0x41
_END = 0x0B


def make_immortal(component: bytearray, addresses: bytes) -> int:
    """Makes the objects at these addresses immortal, and returns their number.

    Raises `ValueError` if the component is malformed, or its memory is not at constant addresses.
    """
    if len(addresses) % 4:
        raise ValueError("an address is truncated")
    try:
        segments = sorted(_segments(component))
    except IndexError:
        raise ValueError("the component is truncated") from None
    starts = list(map(itemgetter(0), segments))
    changed = 0
    for (address,) in struct.iter_unpack("<I", addresses):
        position = bisect_right(starts, address) - 1
        if position < 0:
            continue
        start, offset, length = segments[position]
        place = offset + address - start
        # An object whose count is divided between two segments stays as it is.
        if place + 4 <= offset + length and 0 < struct.unpack_from("<i", component, place)[0] < _LEAST:
            struct.pack_into("<i", component, place, _COUNT)
            changed += 1
    return changed


def _segments(component: bytearray) -> Iterator[tuple[int, int, int]]:
    """Returns the address of each data segment, its offset in the component, and its length."""
    for kind, start, end in _sections(component, 8, len(component)):
        if kind == _CORE_MODULE:
            for kind, start, _ in _sections(component, start + 8, end):
                if kind == _DATA:
                    yield from _segments_of(component, start)


def _sections(component: bytearray, place: int, end: int) -> Iterator[tuple[int, int, int]]:
    while place < end:
        size, start = _number(component, place + 1)
        yield component[place], start, start + size
        place = start + size


def _segments_of(component: bytearray, place: int) -> Iterator[tuple[int, int, int]]:
    count, place = _number(component, place)
    for _ in range(count):
        # Active, in the first memory, at a constant address.
        if component[place] != 0 or component[place + 1] != _I32_CONST:
            raise ValueError("the component has a segment of another kind")
        address, place = _number(component, place + 2)
        if component[place] != _END:
            raise ValueError("the component has a computed address")
        length, place = _number(component, place + 1)
        if place + length > len(component):
            raise ValueError("the component is truncated")
        yield address, place, length
        place += length


def _number(component: bytearray, place: int) -> tuple[int, int]:
    """Returns a number in LEB128, and the place after it. It has no sign, like addresses in the lower half of the memory."""
    number = shift = 0
    while True:
        byte = component[place]
        place += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, place

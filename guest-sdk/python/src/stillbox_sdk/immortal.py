"""Finds the objects of a component that can be immortal, when it is built.

The interpreter counts the references to an object, so it writes to each object that it uses. The system copies a page of memory that is
written to for the first time, which was a third of the time that an instance took. If the count of an object is above a limit, the object
is immortal, and the interpreter does not change its count (PEP 683). Code in Python cannot set a count: this writes the addresses of the
objects, and `component_memory` sets the counts in the memory with which instances start.
"""

from __future__ import annotations

import gc
import os
import sys
import types
from array import array
from collections.abc import Iterator
from typing import Any

# The name of the file.
ADDRESSES = "addresses"
# The version of Python whose counts are known, if its addresses have 32 bits.
_VERSION = (3, 14)
# Objects that end before an instance does.
_ENDING = (types.FrameType, types.TracebackType, types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)

# Keeps the objects until the end of the build, when their addresses are used.
_objects: list[Any] = []


def write_addresses(folder: str) -> None:
    """Writes the addresses of the objects that exist, as numbers of 32 bits."""
    if sys.version_info[:2] == _VERSION and sys.maxsize == (1 << 31) - 1:
        # Deletes unreachable objects first.
        gc.collect()
        _objects.extend(_existing())
        with open(os.path.join(folder, ADDRESSES), "wb") as file:
            array("I", map(id, _objects)).tofile(file)


def _existing() -> Iterator[Any]:
    """Returns the objects that can be immortal. Those with `__del__` cannot: they have to end when the last reference does. No code of
    the author runs."""
    left = gc.get_objects()
    seen = {id(left), id(_objects)}
    while left:
        found = left.pop()
        kind = type(found)
        if id(found) in seen or issubclass(kind, _ENDING):
            continue
        seen.add(id(found))
        if not _has_finalizer(kind):
            yield found
        left += gc.get_referents(found)
        # These also refer to strings, which the garbage collector does not visit.
        if issubclass(kind, dict):
            left += dict.keys(found)
        elif kind is types.CodeType:
            left += found.co_consts, found.co_names, found.co_name, found.co_qualname, found.co_filename


def _has_finalizer(kind: type) -> bool:
    """Returns whether objects have `__del__`. It does not look the name up, because a metaclass can have code for that."""
    return any("__del__" in _attribute(base, "__dict__") for base in _attribute(kind, "__mro__"))


def _attribute(kind: type, name: str) -> Any:
    return type.__dict__[name].__get__(kind)

"""Closes the gaps in the heap of a component, when it is built.

The modules that were imported leave gaps of free memory between their objects, on nearly every page. An instance that allocates there
writes to all of these pages, and the system copies each one first. Without gaps, it allocates from new memory, page after page.
"""

from __future__ import annotations

import gc

# New memory at the end of the heap, so that most instances need not grow it. Pages without data cost nothing.
_NEW_MEMORY = 4 << 20
# Larger gaps are not filled: they are as good as new memory.
_LARGEST = 1 << 20
# Sizes from which gaps are closed in steps of an eighth instead of 8 bytes.
_FINE = 512

# Objects that fill the gaps.
_fillers: list[bytes] = []


def close_gaps() -> None:
    """Fills the gaps, from the largest to the smallest. Call it last: objects that are deleted later leave gaps again."""
    # Also empties the interpreter's lists of free objects.
    gc.collect()
    # The address of an object is its identity. An object behind this one is in no gap.
    end = bytes(_NEW_MEMORY)
    # Deleted at the end.
    large: list[bytes] = []
    size = _LARGEST
    while size > 0:
        filler = bytes(size)
        if id(filler) < id(end):
            (large if size == _LARGEST else _fillers).append(filler)
        else:
            size -= 8 if size <= _FINE else size // 8

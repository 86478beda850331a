"""The step of the poison matrix in Python. `benches/steps/misbehave` is the same step in Rust."""

import ctypes
import os
import sys
from collections.abc import Callable


def change(text: str, fault: str) -> str:
    """Converts a text to upper case, or misbehaves at the bad row. The message of the error does not identify the row."""
    if "poison" in text:
        if fault == "raise":
            raise ValueError("the field x is missing")
        if fault == "exit":
            os._exit(3)
        if fault == "segfault":
            ctypes.string_at(0)
        if fault == "loop":
            while True:
                pass
        if fault == "allocate":
            blocks = []
            while True:
                blocks.append(b"\x01" * (16 << 20))
    return text.upper()


def main(text: Callable[[str, str, str], None], poison: Callable[[str, str, str, str], None]) -> None:
    """Runs a program: `PROGRAM text INPUT OUTPUT VARIANT` or `PROGRAM poison INPUT OUTPUT VARIANT FAULT`.

    INPUT is a file of JSON Lines, and the folder `INPUT.parts` has the same lines in two files. OUTPUT is a file or a folder.
    """
    match sys.argv[1:]:
        case ["text", source, target, variant]:
            text(source, target, variant)
        case ["poison", source, target, variant, fault]:
            poison(source, target, variant, fault)
        case _:
            sys.exit(f"unknown arguments: {sys.argv[1:]}")

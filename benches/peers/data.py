"""The inputs, and the rows of an output."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SEED = 0x9E37_79B9_7F4A_7C15
INPUT_10K = "d083e14315afcdd250aa92e913bb3156e9d683f33f5b63da80097b668da51d7a"
"""The SHA-256 of the first 10,000 lines, as in tests/e2e/text_benchmark.rs."""
WORDS = """
the of and to in is that for it as was with be by on not he his but at are this have from or had an they which one you were
all her she there would their we him been has when who will no more if out so up said what its about than into them can only
other time new some could these two may first then do any like my now over such our man me even most made after also did many
off before must well back through years much where your way down should because long each just state those people too mr how
little good world make very year still see work life being system pipeline batch worker sandbox module error message signal
thread process memory token schema record column café naïve über señor façade 数据 管道 東京 данные поток
""".split()
SEPARATORS = [" "] * 12 + ["  ", "\t", "   ", " \n", ", ", ". "]
POISON_ROWS = 10_000
BAD_ROW = 7_777
"""The number of the bad row, from 0. Its text contains this number, and the word at which the step misbehaves."""


class Generator:
    """Marsaglia's xorshift with the shifts 13, 7 and 17."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def below(self, bound: int) -> int:
        """Returns the next number below `bound`."""
        self.state ^= self.state << 13 & 0xFFFF_FFFF_FFFF_FFFF
        self.state ^= self.state >> 7
        self.state ^= self.state << 17 & 0xFFFF_FFFF_FFFF_FFFF
        return (self.state >> 11) % bound

    def text(self) -> str:
        """Returns a text, as tests/e2e/text_benchmark/input.rs does."""
        share = self.below(100)
        length = 2 + self.below(5) if share < 10 else 70 + self.below(30) if share < 15 else 25 + self.below(25)
        text = "  " if self.below(4) == 0 else ""
        for index in range(length):
            word = WORDS[self.below(len(WORDS))]
            form = self.below(12)
            if word.isascii() and form == 0:
                word = word.upper()
            elif word.isascii() and form < 3:
                word = word[0].upper() + word[1:]
            text += word
            if index + 1 < length:
                text += SEPARATORS[self.below(len(SEPARATORS))]
        return text + (" \n" if self.below(5) == 0 else "")


def write_text(path: Path, rows: int) -> None:
    """Writes the input of the text benchmark."""
    generator, digest = Generator(SEED), hashlib.sha256()
    lines = []
    for number in range(rows):
        lines.append(json.dumps({"id": number, "text": generator.text()}, ensure_ascii=False) + "\n")
        if number < 10_000:
            digest.update(lines[-1].encode())
    if rows >= 10_000 and digest.hexdigest() != INPUT_10K:
        raise AssertionError("the generator is not the benchmark's")
    write(path, lines)


def write_poison(path: Path) -> None:
    """Writes the input with one bad row."""
    write(path, [json.dumps({"id": number, "text": poison_text(number)}) + "\n" for number in range(POISON_ROWS)])


def poison_text(number: object) -> str:
    """Returns the text of a row with this `id`."""
    return f"text of row {number}" + (", poison" if number == BAD_ROW else "")


def write(path: Path, lines: list[str]) -> None:
    """Writes lines into a file, and their halves into two files in a folder, for the engine that shares work by files."""
    path.write_text("".join(lines))
    parts = Path(f"{path}.parts")
    parts.mkdir(exist_ok=True)
    half = len(lines) // 2
    for number, part in enumerate((lines[:half], lines[half:])):
        (parts / f"{number}.jsonl").write_text("".join(part))


def files(target: Path) -> list[Path]:
    """Returns the files of an output, which is a file, a folder or missing."""
    return [target] if target.is_file() else sorted(path for path in target.rglob("*") if path.is_file())


def rows(target: Path) -> Iterator[dict[str, Any]]:
    """Returns the rows of an output that are complete."""
    for path in files(target):
        for line in path.read_text(errors="replace").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                yield row

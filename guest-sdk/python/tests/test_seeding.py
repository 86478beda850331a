"""The generator of `random` in an instance."""

import subprocess
import sys

import pytest

PRELUDE = """
import os, random
from stillbox_sdk import seeding
calls = []
os.urandom = lambda count: calls.append(count) or b"x" * count
expected = random.Random(b"x" * 32)
seeding.before_import()
from random import random as early, randint as early_randint, seed as early_seed, shuffle
at_build = random.random()
assert at_build == random.Random(0).random()
seeding.after_import()
"""


def run(code: str) -> None:
    """Runs code in an interpreter of its own, whose `random` is prepared."""
    subprocess.run([sys.executable, "-c", PRELUDE + code], check=True)


@pytest.mark.parametrize(
    "code",
    [
        "assert random.random() == expected.random()",
        "assert early() == expected.random() and early() == expected.random()",
        "assert [random.randint(1, 99) for _ in range(50)] == [expected.randint(1, 99) for _ in range(50)]",
        "assert [early_randint(1, 99) for _ in range(50)] == [expected.randint(1, 99) for _ in range(50)]",
        "assert random.gauss(0, 1) == expected.gauss(0, 1) and random.gauss(0, 1) == expected.gauss(0, 1)",
        "assert random.choices(range(99), k=9) == expected.choices(range(99), k=9)",
        "a, b = list(range(50)), list(range(50)); shuffle(a); expected.shuffle(b); assert a == b",
        "assert random.randbytes(9) == expected.randbytes(9)",
        "assert random.getstate() == expected.getstate()",
        "random.seed(); early_seed(); assert calls == [] and random.random() == expected.random()",
    ],
)
def test_the_first_use_seeds_the_generator(code: str) -> None:
    run(f"assert calls == []\n{code}\nassert calls == [32]\nassert type(random._inst) is random.Random")


@pytest.mark.parametrize("code", ["random.seed(7)", "early_seed(7)", "random.setstate(random.Random(7).getstate())"])
def test_a_seed_of_the_author_stays(code: str) -> None:
    run(f"{code}\nassert (random.random(), early()) == (lambda r: (r.random(), r.random()))(random.Random(7))\nassert calls == []")


def test_functions_are_as_fast_as_before_after_the_first_use() -> None:
    run("random.random()\nassert random.random.__qualname__ == random.Random().random.__qualname__")

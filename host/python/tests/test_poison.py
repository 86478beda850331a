"""One bad row: it ends the call or the run at once and is named, or it alone is lost. `test_ray.py` has the same for a cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import POISON, poisoned_pipeline

import stillbox

Guests = dict[str, Path]
poison = pytest.mark.parametrize(("guest", "kind", "limits"), POISON)


@poison
def test_poison_in_a_step(guests: Guests, table: pa.Table, guest: str, kind: str, limits: dict[str, Any]) -> None:
    with pytest.raises(stillbox.Failure) as caught:
        stillbox.Step(guests[guest], limits=limits)(table)
    assert caught.value.kind == kind
    assert caught.value.row is not None
    assert caught.value.row.row == 4
    step = stillbox.Step(guests[guest], limits=limits, on_failure="reject")
    out = step(table)
    assert out["id"].to_pylist() == [0, 1, 2, 4, 5]
    assert [(reject.row, reject.columns, reject.failure.kind) for reject in step.rejects] == [
        (3, {"id": 3, "text": "text 3"}, kind)
    ]


@poison
def test_poison_in_a_run(
    guests: Guests, table: pa.Table, tmp_path: Path, guest: str, kind: str, limits: dict[str, str]
) -> None:
    pipeline = stillbox.Pipeline(poisoned_pipeline(tmp_path, guests[guest], limits, reject=False))
    for call in [pipeline.run, lambda rows: list(pipeline.stream(rows))]:
        with pytest.raises(stillbox.Failure) as caught:
            call(table)
        assert (caught.value.kind, caught.value.step, len(caught.value.failures)) == (kind, "poison", 1)
        assert caught.value.row == stillbox.RowPlace(3, "source", None, 4)
    assert [path.name for path in tmp_path.iterdir()] == ["pipeline.toml"]
    report = stillbox.run(poisoned_pipeline(tmp_path, guests[guest], limits, reject=True), table)
    assert (report.rejected, report.sinks[0].rows) == (1, 5)
    rejects = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(reject["row"], reject["failure"]["kind"]) for reject in rejects] == [({"id": 3, "text": "text 3"}, kind)]


PROGRAM = """
import sys
import pyarrow
import stillbox

table = pyarrow.table({"id": pyarrow.array(range(6), pyarrow.int64()), "text": ["a"] * 6})
surface, argument = sys.argv[1:]
if surface == "step":
    stillbox.Step(argument, limits={"time": "300ms"})(table)
else:
    stillbox.run(argument, table)
"""


@pytest.mark.parametrize("surface", ["step", "run"])
@pytest.mark.parametrize("guest", ["bad_error", "bad_exit_3", "bad_unreachable", "bad_loop", "bad_allocate"])
def test_poison_ends_a_program_and_leaves_no_process(guests: Guests, tmp_path: Path, guest: str, surface: str) -> None:
    pipeline = poisoned_pipeline(tmp_path, guests[guest], {"time": "300ms"}, reject=False)
    argument = guests[guest] if surface == "step" else pipeline
    command = [sys.executable, "-c", PROGRAM, surface, str(argument)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    # The row is named, and only it.
    assert ", row 4" in err
    # The children of the process would be in its session.
    wait_for_end(process.pid)


def wait_for_end(group: int) -> None:
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)
    pytest.fail("a process is left")


def test_a_failure_has_the_same_attributes_after_pickling(guests: Guests, table: pa.Table) -> None:
    import copy
    import pickle

    attributes = [name for name, value in vars(stillbox.Failure).items() if isinstance(value, property)]
    assert len(attributes) > 15
    for guest, _, limits in POISON:
        with pytest.raises(stillbox.Failure) as caught:
            stillbox.Step(guests[guest], limits=limits)(table)
        for again in [pickle.loads(pickle.dumps(caught.value)), copy.deepcopy(caught.value)]:
            assert type(again) is stillbox.Failure
            assert str(again) == str(caught.value)
            assert again.record == caught.value.record
            for name in attributes:
                assert getattr(again, name) == getattr(caught.value, name), name
            assert [failure.record for failure in again.failures] == [failure.record for failure in caught.value.failures]

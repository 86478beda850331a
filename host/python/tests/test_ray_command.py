"""The command on a Ray cluster, and Ctrl-C."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from clusters import session_of, wait_for_end
from conftest import poisoned_pipeline
from ray_pipeline import outputs, write_pipeline

import stillbox

pytest.importorskip("ray")

Guests = dict[str, Path]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "stillbox", *arguments]


def test_the_command_runs_on_a_cluster(cluster: Any, guests: Guests, tmp_path: Path) -> None:
    pipeline = write_pipeline(tmp_path, guests, 2000)
    stillbox.run(pipeline)
    expected = outputs(pipeline)
    on = f"ray:{cluster.address}"
    done = subprocess.run(command("run", str(pipeline), "--on", on), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "3,001 rows in" in done.stderr
    assert outputs(pipeline) == expected


def test_the_command_starts_a_cluster_of_its_own(guests: Guests, tmp_path: Path) -> None:
    path = poisoned_pipeline(tmp_path, guests["bad_error"], {}, reject=True)
    path.with_name("unused.jsonl").write_text('{"id":1}\n{"id":3}\n', encoding="utf-8")
    process = subprocess.Popen(
        command("run", str(path), "--on", "ray:local"), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert path.with_name("output.jsonl").read_text(encoding="utf-8") == '{"id":1}\n'
    until = time.monotonic() + 30
    while (left := session_of(process.pid)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not left


def test_a_cluster_that_does_not_answer_is_an_error(guests: Guests, tmp_path: Path) -> None:
    path = poisoned_pipeline(tmp_path, guests["bad_error"], {}, reject=True)
    path.with_name("unused.jsonl").write_text('{"id":1}\n', encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    done = subprocess.run(
        command("run", str(path), "--on", f"ray:{address}"), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert f"no Ray cluster answers at {address}" in done.stderr


def test_ctrl_c_ends_the_job(cluster: Any, guests: Guests, tmp_path: Path) -> None:
    path = tmp_path / "pipeline.toml"
    path.write_text(
        f"""
pipeline = {{ name = "loop" }}
source = [{{ path = "input.jsonl" }}]
step = [{{ name = "loop", component = "{guests["bad_loop"]}", limits = {{ time = "10m" }} }}]
sink = [{{ path = "output.jsonl" }}]
""",
        encoding="utf-8",
    )
    path.with_name("input.jsonl").write_text('{"id":3}\n', encoding="utf-8")
    program = f"""
import sys, stillbox.ray
workers = stillbox.ray.connect({cluster.address!r})
result = workers.result
def watched(task):
    answer = result(task)
    if task.actor is not None:
        print("runs", flush=True)
    return answer
workers.result = watched
try:
    stillbox.Pipeline(sys.argv[1])._native.run([], workers)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    script = tmp_path / "program.py"
    script.write_text(program, encoding="utf-8")
    process = subprocess.Popen([sys.executable, str(script), str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "runs\n"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert out.splitlines()[-1] == "interrupted"
    assert process.returncode == 0
    # The actor ends with the run, although its guest would compute for ten minutes.
    wait_for_end("ray::_Worker")

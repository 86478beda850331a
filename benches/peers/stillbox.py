"""Writes the pipelines of Stillbox."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from peers.engines import BENCHES, TARGET

ROOT = BENCHES.parent
Parameters = Mapping[str, str | int]
TEXT_STEPS: dict[str, Parameters] = {
    "normalize-text": {"column": "text"},
    "filter-text": {"column": "text", "min-words": 5, "max-words": 60, "min-bytes": 40, "max-bytes": 400},
    "text-features": {"column": "text"},
}


def component(command: str, folder: Path) -> Path:
    """Builds a step if its component is missing, and returns the component."""
    path = TARGET / "components" / f"{folder.name.replace('-', '_')}.wasm"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        print(f"building {folder}", file=sys.stderr)
        build = [command, "build", "--quiet", str(folder), "--out", str(path)]
        subprocess.run(build, cwd=ROOT, check=True, stdout=sys.stderr)
    return path


def python_step() -> Path:
    """Returns the folder of the step in Python, with the functions that the other engines call."""
    folder = TARGET / "clean_text"
    shutil.copytree(BENCHES / "peers" / "clean_text", folder, dirs_exist_ok=True)
    shutil.copy(BENCHES / "text" / "semantics.py", folder)
    return folder


def run(command: str, folder: Path, source: Path, target: Path, steps: str) -> list[str]:
    """Writes a pipeline into `folder` and returns the command that runs it."""
    pipeline = folder / "pipeline.toml"
    pipeline.write_text(f"""
[pipeline]
name = "peers"
batch-rows = 1000

[[source]]
path = {json.dumps(str(source))}
{steps}
[[sink]]
path = {json.dumps(str(target))}
""")
    return [command, "run", str(pipeline), "--threads", "2", "--progress", "none"]


def text(command: str, folder: Path, source: Path, target: Path, variant: str) -> list[str]:
    """Returns the command that runs the text benchmark."""
    if variant == "python":
        return run(command, folder, source, target, step("clean-text", component(command, python_step()), {}))
    folders = {name: ROOT / "steps" / name for name in TEXT_STEPS}
    steps = [step(name, component(command, folders[name]), parameters) for name, parameters in TEXT_STEPS.items()]
    return run(command, folder, source, target, "".join(steps))


def poison(command: str, folder: Path, source: Path, target: Path, variant: str, fault: str) -> list[str]:
    """Returns the command that runs the step with a bad row."""
    steps = step("misbehave", component(command, BENCHES / "steps" / "misbehave"), {"fault": fault})
    if variant != "stop":
        steps += 'on-failure = "reject"\n'
    if variant == "reject-1s":
        steps += 'limits = { time = "1s" }\n'
    if variant != "stop":
        steps += f"\n[rejects]\npath = {json.dumps(str(folder / 'rejects.jsonl'))}\n"
    return run(command, folder, source, target, steps)


def step(name: str, wasm: Path, parameters: Parameters) -> str:
    """Returns the section of a step."""
    values = ", ".join(f"{key} = {json.dumps(value)}" for key, value in parameters.items())
    return f"\n[[step]]\nname = {json.dumps(name)}\ncomponent = {json.dumps(str(wasm))}\nparameters = {{ {values} }}\n"

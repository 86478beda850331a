"""The contract's types in Python equal the bindings that componentize-py generates from `step.wit`."""

from __future__ import annotations

import ast
import dataclasses
import enum
import subprocess
import sys

import pytest

from stillbox_sdk import contract
from stillbox_sdk.worlds import contract_folder

pytest.importorskip("componentize_py")


def bindings(folder) -> ast.Module:
    code = "import sys; from componentize_py import script; sys.exit(script())"
    command = [sys.executable, "-c", code, "-d", str(contract_folder()), "-w", "step", "bindings", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return ast.parse((folder / "wit_world" / "imports" / "types.py").read_text())


def test_every_type_has_the_fields_of_the_generated_bindings(tmp_path):
    compared = 0
    for made in bindings(tmp_path).body:
        if not isinstance(made, ast.ClassDef):
            continue
        own = getattr(contract, made.name)
        if issubclass(own, enum.Enum):
            wanted = {node.targets[0].id: node.value.value for node in made.body if isinstance(node, ast.Assign)}
            assert {member.name: member.value for member in own} == wanted, made.name
        else:
            wanted = [node.target.id for node in made.body if isinstance(node, ast.AnnAssign)]
            assert [field.name for field in dataclasses.fields(own)] == wanted, made.name
        compared += 1
    assert compared > 15

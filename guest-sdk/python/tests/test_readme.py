"""Runs the examples in the README as one module, including their assertions."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from stillbox_sdk.project import read_project
from stillbox_sdk.testing import bind, manifest, values

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_every_python_example_of_the_readme_runs(tmp_path, monkeypatch):
    (tmp_path / "readme_steps.py").write_text("\n".join(blocks("python")), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("readme_steps")
    output = bind(module.above_mean).process({"score": [1.0, 2.0, 6.0]})
    assert values(output, "above_mean") == [False, False, True]
    numbers = bind(module.Numbers, {"count": 1500})
    assert [output.rows for output in iter(numbers.finish, None)] == [1000, 500]
    total = bind(module.Total)
    total.process({"number": [1, 2, 3]})
    assert values(total.finish(), "number") == [6] and total.finish() is None
    assert manifest(module.answer).summary == "Answers questions."
    described = manifest(module.count_words).parameters
    assert '"description":"Shorter words are not counted."' in described


def test_the_project_example_of_the_readme_is_valid(tmp_path):
    (tmp_path / "pyproject.toml").write_text(blocks("toml")[0], encoding="utf-8")
    (tmp_path / "count_words.py").write_text(blocks("python")[0], encoding="utf-8")
    project = read_project(tmp_path)
    assert (project.name, project.module, project.has_dependencies) == ("count-words", "count_words", False)

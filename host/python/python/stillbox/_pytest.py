"""The pytest plugin: collects the cases of steps.

A folder with ``cases`` and a ``Cargo.toml`` or ``pyproject.toml`` next to it is a step. Its cases run with ``pytest --stillbox``,
or with ``stillbox = true`` in the configuration of pytest. Each case is one test, next to the tests in the Python files of the
folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("stillbox").addoption("--stillbox", action="store_true", help="run the cases of Stillbox steps")
    parser.addini("stillbox", "run the cases of Stillbox steps", type="bool", default=False)


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if not (parent.config.getoption("--stillbox") or parent.config.getini("stillbox")):
        return None
    is_step = (path.parent / "Cargo.toml").exists() or (path.parent / "pyproject.toml").exists()
    if path.name != "cases" or not is_step:
        return None
    return StepCases.from_parent(parent, path=path)


class StepCases(pytest.Directory):
    """The folder `cases` of a step."""

    #: Options of `stillbox test`.
    options: tuple[str, ...] = ()
    results: dict[str, dict[str, Any]] | None = None
    output = ""

    def collect(self) -> Iterable[pytest.Item]:
        for case in sorted(self.path.iterdir()):
            if case.is_dir():
                # The id is the path, by which pytest can select it.
                yield StepCase.from_parent(self, name=case.name, path=case, nodeid=f"{self.nodeid}/{case.name}")

    def result(self, case: str) -> dict[str, Any]:
        """Returns the result of a case. The first call runs all of them."""
        if self.results is None:
            self.results = {}
            self._run()
        return self.results.get(case, {"status": "failed", "message": self.output or "the case did not run"})

    def _run(self) -> None:
        from ._command import run_command

        done = run_command(["test", "--message-format", "json", *self.options, str(self.path.parent)])
        self.output = done.stderr.strip()
        assert self.results is not None
        for line in done.stdout.splitlines():
            event = json.loads(line)
            if event.get("event") == "case":
                self.results[event["case"]] = event


class StepCase(pytest.Item):
    """One case of a step."""

    parent: StepCases

    def runtest(self) -> None:
        result = self.parent.result(self.name)
        if result["status"] != "passed":
            raise CaseFailed(result)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        if isinstance(excinfo.value, CaseFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, f"{self.path.parent.parent.name}: {self.name}"


class CaseFailed(Exception):
    """A case that has failed."""

    def __init__(self, result: dict[str, Any]) -> None:
        problems = [str(problem["message"]) for problem in result.get("problems", [])]
        super().__init__("\n".join(problems) or str(result.get("message", "")))

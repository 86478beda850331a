"""The plugin of pytest, and `stillbox.test`."""

from __future__ import annotations

from pathlib import Path

import pytest

import stillbox
from stillbox._pytest import StepCases

Guests = dict[str, Path]


@pytest.fixture
def step(guests: Guests, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a step with one case. Its component is there already, since a build takes long."""
    monkeypatch.setattr(StepCases, "options", ("--component", str(guests["normalize_text"])))
    folder = pytester.path / "steps" / "my-step"
    case = folder / "cases" / "white space"
    case.mkdir(parents=True)
    (folder / "Cargo.toml").write_text('[package]\nname = "my-step"\n', encoding="utf-8")
    (case / "parameters.toml").write_text('column = "text"\n', encoding="utf-8")
    (case / "input.jsonl").write_text('{"text":"a  b"}\n', encoding="utf-8")
    (case / "expected.jsonl").write_text('{"text":"a b"}\n', encoding="utf-8")
    return folder


def test_each_case_of_a_step_is_a_test(step: Path, pytester: pytest.Pytester) -> None:
    (step / "test_more.py").write_text("def test_more(): pass\n", encoding="utf-8")
    # Neither is a step.
    (step.parent / "cases").mkdir()
    (step.parent / "other" / "cases" / "first").mkdir(parents=True)
    done = pytester.runpytest("-p", "stillbox._pytest", "--stillbox", "-v")
    done.assert_outcomes(passed=2)
    done.stdout.fnmatch_lines_random(["*my-step/cases/white space PASSED*", "*test_more.py::test_more PASSED*"])
    one = pytester.runpytest("-p", "stillbox._pytest", "--stillbox", "steps/my-step/cases/white space")
    one.assert_outcomes(passed=1)


def test_without_the_option_no_case_is_collected(step: Path, pytester: pytest.Pytester) -> None:
    assert pytester.runpytest("-p", "stillbox._pytest").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    pytester.makeini("[pytest]\nstillbox = true\n")
    pytester.runpytest("-p", "stillbox._pytest").assert_outcomes(passed=1)


def test_a_case_that_fails_shows_the_difference(step: Path, pytester: pytest.Pytester) -> None:
    (step / "cases" / "white space" / "expected.jsonl").write_text('{"text":"c"}\n', encoding="utf-8")
    broken = step / "cases" / "broken"
    broken.mkdir()
    (broken / "parameters.toml").write_text('column = "text"\n', encoding="utf-8")
    (broken / "input.jsonl").write_text("{\n", encoding="utf-8")
    done = pytester.runpytest("-p", "stillbox._pytest", "--stillbox")
    done.assert_outcomes(failed=2)
    done.stdout.fnmatch_lines_random(["*expected.jsonl:1*", "*a b*", "*broken/input.jsonl:1:1: this is not valid JSON*"])
    done.stdout.no_fnmatch_line("*Traceback*")


def test_a_step_that_cannot_be_built_fails_with_the_reason(
    step: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StepCases, "options", ())
    (step / "Cargo.toml").write_text("[package\n", encoding="utf-8")
    done = pytester.runpytest("-p", "stillbox._pytest", "--stillbox")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*cannot be tested: cannot build the step*"])
    with pytest.raises(AssertionError, match="cannot be tested: cannot build the step"):
        stillbox.test(step)
    with pytest.raises(RuntimeError, match="cannot build the step"):
        stillbox.build(step)
    with pytest.raises(RuntimeError, match="cannot build the step"):
        stillbox.Step(step)

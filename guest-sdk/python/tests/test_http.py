"""Requests and responses, and steps that are `async` functions. The end-to-end tests send requests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from stillbox_sdk import DefinitionError, InputError, InternalError, TransientError, http, step
from stillbox_sdk.project import read_project
from stillbox_sdk.testing import bind, values


def test_a_response_of_success_has_a_body_as_text_or_json():
    response = http.Response(200, (("Content-Type", "application/json"),), b'{"a": 1}')
    assert response.is_success
    assert (response.text(), response.json()) == ('{"a": 1}', {"a": 1})
    assert (response.header("content-type"), response.header("x-other")) == ("application/json", None)
    with pytest.raises(InputError, match="did not return JSON: <html>"):
        http.Response(200, (), b"<html>").json()
    with pytest.raises(InputError, match="not UTF-8"):
        http.Response(200, (), b"\xff").text()


def test_a_status_of_failure_is_an_error_where_the_body_is_used():
    assert http.Response(404, (), b"none").body == b"none"
    with pytest.raises(InputError, match="^GET https://a.example/ returned the status 404: no such page$"):
        http.Response(404, (), b"no\n such page", "GET https://a.example/").text()
    with pytest.raises(TransientError, match="^the request returned the status 503$") as raised:
        http.Response(503, (("retry-after", "7"),)).content()
    assert raised.value.retry_after == 7
    for delay in ("soon", "-1", "9" * 400):
        with pytest.raises(TransientError) as raised:
            http.Response(429, (("retry-after", delay),)).content()
        assert raised.value.retry_after is None


def test_a_request_outside_of_a_component_is_an_error_without_its_query():
    with pytest.raises(InternalError, match="cannot send GET https://a.example/b: requests work in a component only") as raised:
        http.get("https://a.example/b?key=0123456789")
    assert "stillbox test" in (raised.value.hint or "")
    with pytest.raises(TypeError):
        http.post("https://a.example/", body="a", json=1)


def test_the_extra_of_the_sdk_is_found(tmp_path):
    (tmp_path / "a.py").write_text("")
    for dependency, has_http in [("stillbox-sdk", False), ("Stillbox_SDK [HTTP] >= 0.1", True), ("other[http]", False)]:
        (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "a"\ndependencies = ["{dependency}"]\n')
        assert read_project(tmp_path).has_http is has_http


@dataclass
class Row:
    n: int


@dataclass
class Doubled:
    doubled: int


def test_rows_of_an_async_step_run_at_the_same_time_and_keep_their_order():
    running: list[int] = []
    most = 0

    @step(concurrency=3)
    async def double(row: Row) -> Doubled | None:
        nonlocal most
        running.append(row.n)
        most = max(most, len(running))
        await asyncio.sleep(0.01 * (5 - row.n))
        running.remove(row.n)
        if row.n == 2:
            raise ValueError("no rule for 2")
        return None if row.n == 3 else Doubled(row.n * 2)

    output = bind(double).process({"n": list(range(5))})
    assert values(output, "doubled") == [0, 2, 8]
    assert most == 3
    assert [rejection.row for rejection in output.rejections] == [2]


def test_concurrency_is_for_async_functions_of_a_row():
    with pytest.raises(DefinitionError, match="`concurrency` is for an `async` function"):

        @step(concurrency=3)
        def double(row: Row) -> Doubled:
            return Doubled(row.n)

    with pytest.raises(DefinitionError, match="at least 1"):

        @step(concurrency=0)
        async def none(row: Row) -> Doubled:
            return Doubled(row.n)

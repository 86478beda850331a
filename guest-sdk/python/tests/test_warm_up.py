"""The step that runs when a component is built."""

from typing import Any

from stillbox_sdk import contract
from stillbox_sdk.step import Instance, Step
from stillbox_sdk.warm_up import warm_up


class Exports:
    """The calls of the component's exports."""

    step: Step
    _instance: Instance | None = None
    outputs: list[contract.Output] = []

    def bind(self, parameters: str) -> None:
        _, Exports._instance = self.step.bind(parameters)

    def process(self, batch: contract.Batch) -> None:
        assert self._instance is not None
        self.outputs.append(self._instance.process(batch))


def test_it_binds_and_calls_a_step_and_leaves_no_state() -> None:
    warm_up(Exports)
    assert Exports._instance is None
    assert len(Exports.outputs) > 1
    columns: Any = {column.name: column.values for column in Exports.outputs[0].columns}
    assert columns["count"].value == [4, 4]
    assert columns["text"].value.bytes == b"onetwo"
    assert Exports.outputs[0].origins is None and not Exports.outputs[0].rejections

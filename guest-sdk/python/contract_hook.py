"""Puts the contract into what is built: from the repository, or from the source distribution that was made there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ContractHook(BuildHookInterface[Any]):
    """Adds `step.wit`, which the package needs to compile steps, to wheels and source distributions."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Names the file and where it goes."""
        root = Path(self.root)
        places = [root / "wit" / "step.wit", root.parent / "wit" / "step.wit"]
        contract = next((place for place in places if place.is_file()), None)
        if contract is None:
            raise FileNotFoundError(f"the contract is missing: there is no {places[1]}; build from a clone of Stillbox")
        target = "wit/step.wit" if self.target_name == "sdist" else "stillbox_sdk/wit/step.wit"
        build_data["force_include"][str(contract)] = target

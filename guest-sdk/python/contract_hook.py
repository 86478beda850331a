"""Adds the contract to wheels and source distributions: from the repository, or from an unpacked source distribution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ContractHook(BuildHookInterface[Any]):
    """Adds the files of the contract, which the package needs to compile steps, to wheels and source distributions."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the files to the build data, with their target paths."""
        root = Path(self.root)
        places = [root / "wit", root.parent / "wit"]
        contract = next((place for place in places if (place / "step.wit").is_file()), None)
        if contract is None:
            raise FileNotFoundError(f"the contract {places[1]} is missing; build from a clone of Stillbox")
        target = "wit" if self.target_name == "sdist" else "stillbox_sdk/wit"
        for file in sorted(contract.glob("*.wit")):
            build_data["force_include"][str(file)] = f"{target}/{file.name}"

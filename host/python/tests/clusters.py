"""Clusters of Ray on this machine, and their processes."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any


def start_cluster() -> Any:
    """Starts a cluster of three nodes. The first has no CPU, so the workers are on the others, which can be killed."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    return cluster


def wait_for_end(name: str) -> None:
    until = time.monotonic() + 30
    while workers_alive(name) and time.monotonic() < until:
        time.sleep(0.1)
    assert not workers_alive(name)


def session_of(leader: int) -> list[str]:
    """Returns the processes of a session."""
    listed = subprocess.run(["ps", "-o", "pid=,args=", "-s", str(leader)], capture_output=True, text=True, check=False)
    return listed.stdout.splitlines()


def workers_alive(name: str) -> list[str]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if line.startswith(name):
                found.append(line)
    return found

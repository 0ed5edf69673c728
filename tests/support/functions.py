"""Deployed functions under a microscope: other variables for a while, and a process that is killed at work."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.project import TestProject

PATIENCE = 10.0


@contextlib.contextmanager
def another_version(project: TestProject, function: str, **variables: str) -> Iterator[None]:
    """Let the alias serve a version with other variables for a while."""
    client = project.client("lambda")
    before = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    serving = client.get_alias(FunctionName=function, Name="live")["FunctionVersion"]
    client.update_function_configuration(FunctionName=function, Environment={"Variables": {**before, **variables}})
    version = client.publish_version(FunctionName=function)["Version"]
    client.update_alias(FunctionName=function, Name="live", FunctionVersion=version)
    try:
        yield
    finally:
        client.update_alias(FunctionName=function, Name="live", FunctionVersion=serving)
        client.update_function_configuration(FunctionName=function, Environment={"Variables": before})
        with contextlib.suppress(client.exceptions.ResourceNotFoundException):
            client.delete_function(FunctionName=function, Qualifier=version)


def kill_workers(variable: str) -> int:
    """End the processes of functions that have a variable, as Lambda's host would by losing power.

    Args:
        variable: `NAME=value`, which nothing but those processes has in its environment.

    Returns:
        How many there were; they are gone.
    """
    found = [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _has(folder, variable.encode())]
    for process in found:
        os.kill(process, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while any(_has(Path(f"/proc/{process}"), variable.encode()) for process in found):
        assert time.monotonic() < deadline, "a killed process goes on"
        time.sleep(0.01)
    return len(found)


def _has(folder: Path, variable: bytes) -> bool:
    try:
        return variable in (folder / "environ").read_bytes().split(b"\0")
    except OSError:  # it ended meanwhile, or is somebody else's
        return False

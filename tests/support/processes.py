"""What a program and everything that it starts look like from outside while it runs."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

PROVIDER = "terraform-provider-aws"
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Process:
    """One process at one moment."""

    pid: int
    parent: int
    kibibytes: int
    command: str

    @property
    def program(self) -> str:
        """Name of the program, without a version behind it."""
        return PurePath(self.command.partition(" ")[0]).name.partition("_v")[0]


@dataclass(frozen=True)
class Sample:
    """A program and all its descendants at one moment."""

    processes: tuple[Process, ...]

    @property
    def mebibytes(self) -> float:
        """Resident memory of all of them."""
        return sum(process.kibibytes for process in self.processes) / 1024

    def count(self, program: str) -> int:
        """How many of them run a program."""
        return sum(process.program == program for process in self.processes)

    def by_program(self) -> dict[str, float]:
        """Resident mebibytes by program."""
        found: Counter[str] = Counter()
        for process in self.processes:
            found[process.program] += process.kibibytes
        return {name: kibibytes / 1024 for name, kibibytes in found.items()}


def look(root: int) -> Sample:
    """Return a process and all its descendants as they are now."""
    shown = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,rss=,args="], check=True, capture_output=True, text=True
    ).stdout
    everything = [_read(line) for line in shown.splitlines()]
    return Sample(tuple(_descend(root, everything)))


def watch(process: subprocess.Popen[bytes]) -> list[Sample]:
    """Look at a process and its descendants again and again until it ends."""
    samples = []
    while process.poll() is None:
        samples.append(look(process.pid))
        time.sleep(_PAUSE_SECONDS)
    return samples


def _read(line: str) -> Process:
    pid, parent, kibibytes, command = line.split(maxsplit=3)
    return Process(int(pid), int(parent), int(kibibytes), command)


def _descend(root: int, everything: list[Process]) -> Iterator[Process]:
    for process in everything:
        if process.pid == root:
            yield process
        elif process.parent == root:
            yield from _descend(process.pid, everything)

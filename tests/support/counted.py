"""A project whose resources can be counted, applied as one, and struck at some moment of that."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.faulty import MODULES, WAIT_SECONDS, Faulty, make_faulty
from tests.support.proxy import Proxy
from tfgen import leases, state

# Each item that is made leaves a line, and takes long enough to be struck in between.
ITEMS = """\
resource "terraform_data" "first" {{
  input = {reads}
}}

resource "terraform_data" "item" {{
  for_each = toset([for number in range(var.size) : tostring(number)])

  input = [terraform_data.first.id, each.key]

  provisioner "local-exec" {{
    command = "sleep 0.1; echo {name} ${{each.key}} >> {gates}/made"
  }}
}}

resource "terraform_data" "last" {{
  input = length(terraform_data.item)
}}
"""
SIZE = 'variable "size" {\n  description = "How many items"\n  type        = number\n  default     = 0\n}\n'
TFGEN, TERRAFORM, BOTH, DISK, EMULATOR = "tfgen", "terraform", "both", "disk", "emulator"
PHASES = ("begin", "locked", "planned", "applying", "applied", "split", "released")
NOWHERE = "http://127.0.0.1:9"

Key = tuple[str, str]
"""Module and address."""


@dataclass(frozen=True)
class Point:
    """When something is struck, and what.

    Attributes:
        kind: What: tfgen, terraform, both, the disk or the emulator.
        phase: The journal's entry that is waited for.
        delay: Seconds after it.
    """

    kind: str
    phase: str
    delay: float = 0.0


def random_point(chance: random.Random, kinds: tuple[str, ...]) -> Point:
    """Choose a point; terraform is there to be struck while it applies only."""
    kind = chance.choice(kinds)
    phase = "applying" if kind in (TERRAFORM, BOTH) else chance.choice(PHASES)
    longest = {"begin": 1.5, "applying": 1.0}.get(phase, 0.05)
    return Point(kind, phase, chance.uniform(0, longest))


@dataclass
class Counted:
    """The project, and what is known of its items.

    Attributes:
        faulty: The project.
        endpoint: Of the emulator behind its proxy.
        small_disk: The small file system below its `.tfgen`; None if there is none.
        size: Items in each module.
        settled: Module and address → id, when everything was whole the last time.
        known: The same, as the composed state of the struck run had it.
        made: How often each item was made by then.
    """

    faulty: Faulty
    endpoint: str
    small_disk: Path | None = None
    size: int = 0
    settled: dict[Key, str] = field(default_factory=dict)
    known: dict[Key, str] = field(default_factory=dict)
    made: Counter[Key] = field(default_factory=Counter)

    def resize(self, size: int) -> None:
        """Want another number of items in each module."""
        self.size = size
        for module in MODULES:
            (self.faulty.root / "terraform" / module / "size.auto.tfvars").write_text(f"size = {size}\n")

    def strike(self, point: Point, *words: str) -> int:
        """Apply as one, and strike when the moment has come; returns tfgen's exit status."""
        before = set(self._folders())
        process = self.faulty.start("apply", "--auto-approve", *(words or ("--composed",)))
        folder = self._await(process, before, point.phase)
        time.sleep(point.delay)
        if folder is not None and process.poll() is None:
            getattr(self, f"_strike_{point.kind}")(process, folder)
        out, err = process.communicate(timeout=300)
        assert "Traceback" not in err, err
        self._restore()
        # Shown where the test fails: which of many points it was.
        print(point, process.returncode, err)
        expected = (0, -signal.SIGKILL) if point.kind in (TFGEN, BOTH) else (0, 1)
        assert process.returncode in expected, (point, process.returncode, out, err)
        return process.returncode

    def remember(self) -> None:
        """Note what the composed state of the struck run knows: none of it may be lost."""
        self.known = {}
        for path in self.faulty.root.glob(".tfgen/runs/*/composed.tfstate"):
            assert path.stat().st_mode & 0o077 == 0, path
            with suppress(ValueError):
                self.known |= dict(_ids(json.loads(path.read_bytes())["resources"]))

    def go_on(self, status: int) -> None:
        """Get to the end by one command."""
        if status:
            done = self.faulty.tfgen("apply", "--resume", "--auto-approve", code=None)
            # What was struck between its last entry and its end is over.
            over = "is done: there is nothing to go on with" in done.stderr
            assert over or done.returncode == 0, (done.stdout, done.stderr)

    def assert_whole(self, kind: str = "") -> None:
        """Everything is there once, with the id it had; nothing is locked, left behind, or left to do.

        Args:
            kind: What was struck.
        """
        found = self._ids()
        assert len(set(found.values())) == len(found)
        before = self.settled | self.known
        assert {key: found[key] for key in found if before.get(key, found[key]) != found[key]} == {}
        self._assert_made_once(found, died=kind in (TERRAFORM, BOTH))
        self.settled, self.known = found, {}
        faulty = self.faulty
        assert faulty.locks() == ()
        # A lease that could not be given back ends by itself.
        assert [item for item in faulty.lock_items() if not item.startswith(leases.KEY)] == []
        listed = faulty.clients().client("s3").list_objects_v2(Bucket=faulty.bucket, Prefix="composed/")
        assert listed.get("Contents", []) == []
        left = ("*.tfplan", "*.out", "*.out.err", "*.tfstate", ".terraform.tfstate.lock.info", "*.reserve")
        found_files = [path for pattern in left for path in faulty.root.rglob(pattern)]
        # Terraform's data folders hold a file of that name, too: it says where the state is.
        there = sorted(str(path.relative_to(faulty.root)) for path in found_files if path.parent.name != "data")
        assert not there, there
        plan = faulty.tfgen("plan", "--per-module", "--detailed-exitcode", code=None)
        assert plan.returncode == 0, (plan.stdout, plan.stderr)

    def _ids(self) -> dict[Key, str]:
        """Read the modules' states; each must have all that is wanted, once."""
        wanted = ["terraform_data.first", "terraform_data.last"]
        wanted += [f'terraform_data.item["{number}"]' for number in range(self.size)]
        found: dict[Key, str] = {}
        for module in MODULES:
            own = state.read_state(self.faulty.clients(), self.faulty.bucket, f"{module}/terraform.tfstate")
            assert own is not None, module
            pairs = [(address, identity) for (_, address), identity in _ids(own.resources)]
            assert sorted(address for address, _ in pairs) == sorted(wanted), module
            found |= {(module, address): identity for address, identity in pairs}
        return found

    def _assert_made_once(self, found: Mapping[Key, str], *, died: bool) -> None:
        """What a state knew is never made again; what was under way when terraform died may have been begun twice."""
        path = self.faulty.gates / "made"
        lines = path.read_text().splitlines() if path.exists() else []
        made = Counter((module, f'terraform_data.item["{number}"]') for module, number in map(str.split, lines))
        new, self.made = made - self.made, made
        for key in (key for key in found if ".item[" in key[1]):
            if key in self.settled:
                assert new[key] == 0, key
            else:
                most = 2 if died and key not in self.known else 1
                assert 1 <= new[key] <= most, (key, new[key])

    def _await(self, process: subprocess.Popen[str], before: set[Path], phase: str) -> Path | None:
        """Wait for an entry of the new run's journal; None if the run ended without it."""
        deadline = time.monotonic() + WAIT_SECONDS
        while process.poll() is None:
            assert time.monotonic() < deadline, f"it never came to {phase}"
            for folder in set(self._folders()) - before:
                if any(phase in (entry.get("phase"), entry["event"]) for entry in _entries(folder)):
                    return folder
            time.sleep(0.005)
        return None

    def _folders(self) -> list[Path]:
        return self.faulty.runs() if (self.faulty.root / ".tfgen" / "runs").exists() else []

    def _strike_tfgen(self, process: subprocess.Popen[str], _run: Path) -> None:
        process.kill()

    def _strike_terraform(self, _process: subprocess.Popen[str], run: Path) -> None:
        pids = [entry["pid"] for entry in _entries(run) if entry["event"] == "process"]
        for pid in pids[-1:]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _strike_both(self, process: subprocess.Popen[str], run: Path) -> None:
        process.kill()
        self._strike_terraform(process, run)

    def _strike_disk(self, _process: subprocess.Popen[str], _run: Path) -> None:
        assert self.small_disk is not None
        with (self.small_disk / "filler").open("wb", buffering=0) as stream, suppress(OSError):
            while True:
                stream.write(b"x" * 4096)

    def _strike_emulator(self, _process: subprocess.Popen[str], _run: Path) -> None:
        self.faulty.proxy.move(NOWHERE)

    def _restore(self) -> None:
        self.faulty.proxy.move(self.endpoint)
        if self.small_disk is not None:
            (self.small_disk / "filler").unlink(missing_ok=True)


def make_counted(root: Path, proxy: Proxy, endpoint: str, bucket: str) -> Counted:
    """Write and render the project.

    Args:
        root: Its folder.
        proxy: Between it and the emulator.
        endpoint: The emulator's own address.
        bucket: Its state bucket.
    """
    return Counted(make_faulty(root, proxy, bucket, main=ITEMS, variables=SIZE), endpoint)


def _entries(folder: Path) -> list[Mapping[str, Any]]:
    """What a journal says; its last line may be under way."""
    lines = (folder / "journal.jsonl").read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _ids(resources: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Key, str]]:
    """Return module and address → id; the module is empty in a module's own state."""
    names = {name.partition("-")[2]: name for name in MODULES}
    for entry in resources:
        if entry["mode"] != "managed":
            continue
        module = names.get(str(entry.get("module", "")).removeprefix("module."), "")
        for instance in entry["instances"]:
            index = f'["{instance["index_key"]}"]' if "index_key" in instance else ""
            yield (module, f"{entry['type']}.{entry['name']}{index}"), instance["attributes"]["id"]

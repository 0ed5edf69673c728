"""What the parts of the benchmark share: a folder, projects made in it, and an emulator that ends with them."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cached_property
from pathlib import Path

from tests.support.project import TestProject, make_test_project

BIN = Path(sys.executable).parent
TFGEN = str(BIN / "tfgen")


class Stage:
    """Made when the first part asks, and shared by all: the reference project, rendered, and one that is deployed."""

    def __init__(self, folder: Path) -> None:
        """Use a folder of the benchmark's own."""
        self.folder = folder
        self._emulators: list[TestProject] = []
        (folder / "home").mkdir()

    @property
    def env(self) -> dict[str, str]:
        """The environment of the programs that are measured."""
        settings = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        return {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            "LC_ALL": "C.UTF-8",
            **settings,
        }

    @cached_property
    def project(self) -> Path:
        """The reference project, rendered; nothing of it is deployed."""
        root = self.folder / "project"
        self.tfgen("init", str(root), cwd=self.folder)
        self.tfgen("render", cwd=root)
        return root

    @cached_property
    def deployed(self) -> TestProject:
        """The reference project, applied to an emulator of its own."""
        print("\ndeploying the reference project on an emulator of its own …", flush=True)
        project = make_test_project(self.folder / "deployed")
        self._emulators.append(project)
        project.tfgen("render")
        project.tfgen("apply", "--env", "local", "--auto-approve")
        return project

    def untouched(self, name: str) -> TestProject:
        """The reference project, rendered and checked, beside an emulator of its own in which there is nothing."""
        project = make_test_project(self.folder / name)
        self._emulators.append(project)
        project.tfgen("render")
        # Writes the configuration that lets typed commands find the provider, too.
        project.tfgen("check")
        project.tfgen("local", "up")
        return project

    def tfgen(self, *words: str, cwd: Path) -> None:
        """Run tfgen, unmeasured."""
        subprocess.run([TFGEN, *words], cwd=cwd, env=self.env, check=True, capture_output=True)

    def close(self) -> None:
        """Take down what was started."""
        for project in self._emulators:
            project.tfgen("local", "down")

"""Two emulators for the whole session: one with the mends, one without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.emulator import RunningEmulator, start_emulator


@pytest.fixture(scope="session")
def mended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    with start_emulator(tmp_path_factory.mktemp("mended")) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    with start_emulator(tmp_path_factory.mktemp("bare"), options=["--no-mends"]) as emulator:
        yield emulator

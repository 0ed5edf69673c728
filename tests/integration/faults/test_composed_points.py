"""A composed apply that is struck at any moment: one command goes on, nothing is lost, and nothing is made twice."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.counted import BOTH, DISK, EMULATOR, TERRAFORM, TFGEN, Counted, Point, random_point

POINTS = 20


@pytest.mark.parametrize(
    "point",
    [
        Point(TFGEN, "applying", 0.2),
        Point(BOTH, "applying", 0.3),
        pytest.param(Point(TERRAFORM, "applying", 0.4), marks=pytest.mark.slow),
    ],
    ids=lambda point: point.kind,
)
def test_a_struck_apply_goes_on(counted: Counted, point: Point) -> None:
    counted.resize(6)
    status = counted.strike(point)
    assert status, "it was over before it was struck"
    counted.remember()
    counted.go_on(status)
    counted.assert_whole(point.kind)


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["begin", "locked", "applying"])
def test_a_full_disk_stops_before_the_first_change_or_loses_nothing(counted: Counted, phase: str) -> None:
    with small_disk(counted):
        if counted.small_disk is None:
            pytest.skip("only root may make a small disk")
        counted.resize(6)
        status = counted.strike(Point(DISK, phase))
        counted.remember()
        counted.go_on(status)
        counted.assert_whole(DISK)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_at_random_points_one_after_the_other(counted: Counted, seed: int) -> None:
    chance = random.Random(seed)
    struck = 0
    with small_disk(counted):
        kinds = (TFGEN, TERRAFORM, BOTH, EMULATOR, *((DISK,) if counted.small_disk else ()))
        while struck < POINTS:
            counted.resize(chance.choice([size for size in range(2, 13) if size != counted.size]))
            point = random_point(chance, kinds)
            status = counted.strike(point)
            counted.remember()
            counted.go_on(status)
            counted.assert_whole(point.kind)
            struck += bool(status)


@contextmanager
def small_disk(counted: Counted) -> Iterator[None]:
    """Put a file system of 80 MB below the project's `.tfgen`, if this user may."""
    work = counted.faulty.root / ".tfgen"
    work.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", str(work)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield
        return
    counted.small_disk = work
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(work)], check=True)

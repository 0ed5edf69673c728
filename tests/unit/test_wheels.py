"""Pinned wheels: read, fetched once, checked, unpacked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.workshop import Workshop, sha256, snapshot, wheel_bytes
from tfgen.artifacts import FunctionSource, build_artifacts
from tfgen.errors import TfgenError
from tfgen.wheels import WheelCache, pip_environment, read_pins


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.fixture
def empty(tmp_path: Path) -> Workshop:
    """Without the wheel in the cache."""
    workshop = Workshop(tmp_path)
    for path in workshop.wheels_dir.iterdir():
        path.unlink()
    return workshop


def test_a_missing_wheel_is_fetched_once(empty: Workshop, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "tiny-1.0-py3-none-any.whl").write_bytes(wheel_bytes())
    options = ("--no-index", "--find-links", str(shelf))
    before = snapshot(empty.root)
    told = empty.build(check=True, options=options)
    assert snapshot(empty.root) == before
    assert empty.build(options=options).sha256 == told.sha256
    assert [path.name for path in empty.wheels_dir.iterdir()] == [f"{sha256(wheel_bytes())}.whl"]
    (shelf / "tiny-1.0-py3-none-any.whl").unlink()
    empty.write("greet/handler.py", "CHANGED = 1\n")
    assert empty.build(options=options).status == "changed"
    assert empty.events.count("fetching tiny==1.0") == 2


def test_a_wheel_with_another_hash_is_refused(empty: Workshop, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "tiny-1.0-py3-none-any.whl").write_bytes(wheel_bytes(**{"tiny/data.txt": "evil\n"}))
    with pytest.raises(TfgenError, match="does not have the pinned hash") as caught:
        empty.build(options=("--no-index", "--find-links", str(shelf)))
    assert "pip hash" in caught.value.hint
    assert list(empty.wheels_dir.iterdir()) == []
    assert not empty.modules.exists()


def test_a_damaged_wheel_in_the_cache_is_not_used(workshop: Workshop) -> None:
    (path,) = workshop.wheels_dir.iterdir()
    path.write_bytes(wheel_bytes(**{"tiny/data.txt": "evil\n"}))
    with pytest.raises(TfgenError, match="cannot be fetched"):
        workshop.build()


def test_without_an_index_the_next_step_is_named(empty: Workshop) -> None:
    with pytest.raises(TfgenError, match="cannot be fetched") as caught:
        empty.build()
    assert "tfgen package" in caught.value.hint
    assert caught.value.where.endswith("requirements.txt")


def test_without_pip_the_next_step_is_named(empty: Workshop, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho '{sys.executable}: No module named pip' >&2\nexit 1\n")
    python.chmod(0o755)
    wheels = WheelCache(empty.lambdas / "requirements.txt", empty.wheels_dir, python=str(python))
    with pytest.raises(TfgenError, match="pip is missing") as caught:
        build_artifacts(
            [FunctionSource("greet", empty.modules)], lambdas=empty.lambdas, wheels=wheels, cache=empty.cache
        )
    assert "ensurepip" in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tiny-1.0.dist-info/WHEEL": "Root-Is-Purelib: false\n"}, "not pure Python"),
        ({"tiny-1.0.dist-info/WHEEL": None}, "not pure Python"),
        ({"../evil.py": ""}, "path outside itself"),
        ({"/evil.py": ""}, "path outside itself"),
        ({"tiny-1.0.data/purelib/../../evil.py": ""}, "path outside itself"),
        ({"handler.py": ""}, "a file that a wheel brings too: handler.py"),
        ({"common/words.py": ""}, "a file that a wheel brings too: common/words.py"),
    ],
)
def test_a_wheel_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, str | None], message: str) -> None:
    with pytest.raises(TfgenError, match=message):
        Workshop(tmp_path, wheel_bytes(**changes)).build()


def test_a_file_that_is_no_wheel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TfgenError, match="cannot be read"):
        Workshop(tmp_path, b"nonsense").build()


@pytest.mark.parametrize(
    "line",
    [
        "tiny",
        "tiny==1.0",
        f"tiny>=1.0 --hash=sha256:{'0' * 64}",
        "tiny==1.0 --hash=md5:0",
        "-r other.txt",
        f"tiny @ file:///tiny.whl --hash=sha256:{'0' * 64}",
    ],
)
def test_everything_is_pinned_by_version_and_hash(tmp_path: Path, line: str) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(f"# first\n\nok==1.0 \\\n  --hash=sha256:{'1' * 64}\n{line}\n")
    with pytest.raises(TfgenError, match="not pinned") as caught:
        read_pins(path)
    assert caught.value.where == f"{path}:5"


def test_a_pin_may_have_several_hashes_but_not_two_lines(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    one, two = "1" * 64, "2" * 64
    path.write_text(f"Tiny_X==1.0 --hash=sha256:{two} --hash=sha256:{one}  # why\n")
    (pin,) = read_pins(path)
    assert (str(pin), pin.sha256) == ("Tiny_X==1.0", (one, two))
    path.write_text(f"tiny-x==1.0 --hash=sha256:{one}\ntiny.x==1.1 --hash=sha256:{two}\n")
    with pytest.raises(TfgenError, match="pinned twice"):
        read_pins(path)


def test_pip_sees_its_own_settings_only() -> None:
    caller = {"PIP_INDEX_URL": "i", "HOME": "h", "AWS_SECRET_ACCESS_KEY": "s", "PYTHONPATH": "p", "HTTPS_PROXY": "x"}
    assert pip_environment(caller) == {"PIP_INDEX_URL": "i", "HOME": "h", "HTTPS_PROXY": "x"}


def test_the_shipped_functions_are_pinned() -> None:
    requirements = Path(__file__).parents[2] / "lambdas" / "requirements.txt"
    assert [pin.name for pin in read_pins(requirements)] == [
        "aws-lambda-powertools",
        "jmespath",
        "typing_extensions",
        "tzdata",
    ]

"""Lambda zips: same bytes anywhere, built when inputs changed, refused with a reason."""

from __future__ import annotations

import json
import os
import stat
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workshop import Workshop, sha256, snapshot
from tfgen.errors import TfgenError


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def test_the_layout_of_a_zip(workshop: Workshop) -> None:
    result = workshop.build()
    assert result.path == workshop.modules / "00-x" / "artifacts" / "greet.zip"
    assert names(result.path) == [
        "common/__init__.py",
        "common/words.py",
        "handler.py",
        "nested/deep.py",
        "tiny-1.0.dist-info/METADATA",
        "tiny-1.0.dist-info/WHEEL",
        "tiny-1.0.dist-info/licenses/LICENSE",
        "tiny/__init__.py",
        "tiny/data.txt",
        "tiny_extra.py",
    ]
    with zipfile.ZipFile(result.path) as archive:
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert info.external_attr >> 16 == stat.S_IFREG | 0o644
    data = result.path.read_bytes()
    assert (result.status, result.sha256, result.size) == ("created", sha256(data), len(data))
    assert stat.S_IMODE(result.path.stat().st_mode) == 0o644


def test_the_bytes_are_known(workshop: Workshop) -> None:
    """Guards against a Python whose zipfile writes other bytes: the same on 3.11 and later, on every system."""
    assert workshop.build().sha256 == "f42ae62633422ea26f6307f17569e5231d0b5398276e473443dbcec763d2e474"


@pytest.fixture
def _another_machine() -> Iterator[None]:
    umask, zone = os.umask(0o077), os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Kathmandu"
    time.tzset()
    yield
    os.umask(umask)
    os.environ.pop("TZ")
    if zone is not None:
        os.environ["TZ"] = zone
    time.tzset()


@pytest.mark.usefixtures("_another_machine")
def test_two_machines_make_the_same_bytes(tmp_path: Path) -> None:
    first, second = Workshop(tmp_path / "one"), Workshop(tmp_path / "a" / "longer" / "path")
    for path in second.lambdas.rglob("*.py"):
        os.utime(path, (86_400, 86_400))
        path.chmod(0o700)
    assert first.build().path.read_bytes() == second.build().path.read_bytes()


def test_what_is_unchanged_is_neither_built_nor_written(workshop: Workshop) -> None:
    workshop.build()
    before = snapshot(workshop.modules)
    workshop.events.clear()
    assert workshop.build().status == "unchanged"
    assert snapshot(workshop.modules) == before
    assert workshop.events == []


def test_content_decides_not_time(workshop: Workshop) -> None:
    workshop.build()
    workshop.write("greet/handler.py", "from common import words\n")
    assert workshop.build().status == "unchanged"


@pytest.mark.parametrize("path", ["greet/handler.py", "greet/more.py", "common/words.py"])
def test_a_changed_source_changes_the_zip(workshop: Workshop, path: str) -> None:
    first = workshop.build()
    workshop.write(path, "CHANGED = 1\n")
    second = workshop.build()
    assert second.status == "changed"
    assert second.sha256 != first.sha256
    assert sha256(second.path.read_bytes()) == second.sha256


@pytest.mark.parametrize(
    "path", ["greet/tests/test_more.py", "greet/__pycache__/x.pyc", "greet/.DS_Store", "greet/x.pyc"]
)
def test_what_is_not_shipped_changes_nothing(workshop: Workshop, path: str) -> None:
    workshop.build()
    workshop.write(path, "x")
    assert workshop.build().status == "unchanged"


def test_a_lost_or_damaged_zip_comes_from_the_cache(workshop: Workshop) -> None:
    first = workshop.build()
    workshop.events.clear()
    first.path.unlink()
    assert workshop.build().status == "created"
    first.path.write_bytes(b"damaged")
    assert workshop.build().status == "changed"
    assert sha256(first.path.read_bytes()) == first.sha256
    assert workshop.events == []


def test_a_damaged_cache_is_rebuilt(workshop: Workshop) -> None:
    first = workshop.build()
    first.path.unlink()
    for path in (workshop.cache / "artifacts").iterdir():
        path.write_bytes(b"damaged")
    assert workshop.build().sha256 == first.sha256
    assert workshop.build().status == "unchanged"


def test_the_cache_does_not_grow_for_ever(workshop: Workshop) -> None:
    for number in range(30):
        workshop.write("greet/handler.py", f"N = {number}\n")
        workshop.build()
    assert len(list((workshop.cache / "artifacts").glob("*.zip"))) == 24
    assert len(list((workshop.cache / "artifacts").iterdir())) == 48


@pytest.mark.parametrize("warm", [False, True])
def test_check_tells_and_writes_nothing(workshop: Workshop, warm: bool) -> None:
    if warm:
        workshop.build()
        workshop.write("common/words.py", "HELLO = 'ahoy'\n")
    before = snapshot(workshop.root)
    told = workshop.build(check=True)
    assert told.status == ("changed" if warm else "created")
    assert snapshot(workshop.root) == before
    done = workshop.build()
    assert (done.status, done.sha256, done.size) == (told.status, told.sha256, told.size)
    assert workshop.build(check=True).status == "unchanged"


def test_builds_at_the_same_time_agree(workshop: Workshop) -> None:
    hashes: list[str] = []
    threads = [threading.Thread(target=lambda: hashes.append(workshop.build().sha256)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hashes) == 8
    assert len(set(hashes)) == 1
    folder = workshop.modules / "00-x" / "artifacts"
    assert [path.name for path in folder.iterdir()] == ["greet.zip"]


def test_nothing_pinned_bundles_nothing(workshop: Workshop) -> None:
    (workshop.lambdas / "requirements.txt").unlink()
    assert names(workshop.build().path) == ["common/__init__.py", "common/words.py", "handler.py", "nested/deep.py"]


def test_a_missing_folder_is_named(workshop: Workshop) -> None:
    with pytest.raises(TfgenError, match="folder of Lambda function nobody is missing") as caught:
        workshop.build("nobody")
    assert caught.value.where == str(workshop.lambdas / "nobody")
    assert caught.value.hint


def test_a_missing_handler_is_named(workshop: Workshop) -> None:
    (workshop.lambdas / "greet" / "handler.py").unlink()
    with pytest.raises(TfgenError, match=r"no handler\.py"):
        workshop.build()


def test_two_functions_of_one_name_are_refused(workshop: Workshop) -> None:
    with pytest.raises(TfgenError, match="00-x and 01-x"):
        workshop.build("greet", "greet")
    assert not workshop.modules.exists()


@pytest.mark.parametrize("name", ["", "..", "a/b", "Greet", "common", "1st", "a-b"])
def test_names_that_are_no_names_are_refused(workshop: Workshop, name: str) -> None:
    with pytest.raises(TfgenError, match="cannot be the name"):
        workshop.build(name)


@pytest.mark.parametrize("link", ["greet/link.py", "greet/nested/link.py", "common/link.py", "greet/folder"])
def test_links_are_refused(workshop: Workshop, tmp_path: Path, link: str) -> None:
    target = tmp_path / "outside"
    target.mkdir()
    (target / "secret.py").write_text("SECRET = 1\n")
    (workshop.lambdas / link).symlink_to(target if link.endswith("folder") else target / "secret.py")
    with pytest.raises(TfgenError, match="symbolic link") as caught:
        workshop.build()
    assert caught.value.where == str(workshop.lambdas / link)


@pytest.mark.parametrize("folder", ["greet", "common"])
def test_a_linked_folder_is_refused(workshop: Workshop, folder: str) -> None:
    (workshop.lambdas / folder).rename(workshop.root / "elsewhere")
    (workshop.lambdas / folder).symlink_to(workshop.root / "elsewhere")
    with pytest.raises(TfgenError, match="symbolic link"):
        workshop.build()


def test_other_kinds_of_files_are_refused(workshop: Workshop) -> None:
    os.mkfifo(workshop.lambdas / "greet" / "pipe")
    with pytest.raises(TfgenError, match="files and folders only"):
        workshop.build()


def test_names_that_file_systems_store_differently_are_refused(workshop: Workshop) -> None:
    workshop.write("greet/gr\u00fcn.py", "")
    with pytest.raises(TfgenError, match="ASCII"):
        workshop.build()


def test_a_folder_named_common_is_refused(workshop: Workshop) -> None:
    workshop.write("greet/common/words.py", "")
    with pytest.raises(TfgenError, match="of its own"):
        workshop.build()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_named(workshop: Workshop) -> None:
    path = workshop.lambdas / "greet" / "handler.py"
    path.chmod(0)
    with pytest.raises(TfgenError, match="cannot read") as caught:
        workshop.build()
    assert caught.value.where == str(path)


def test_a_target_that_cannot_be_written_is_named(workshop: Workshop) -> None:
    (workshop.modules / "00-x").mkdir(parents=True)
    (workshop.modules / "00-x" / "artifacts").write_text("in the way")
    with pytest.raises(TfgenError, match=r"greet\.zip"):
        workshop.build()
    assert (workshop.modules / "00-x" / "artifacts").read_text() == "in the way"


def test_the_note_beside_a_cached_zip_says_what_it_is(workshop: Workshop) -> None:
    result = workshop.build()
    (note,) = (workshop.cache / "artifacts").glob("*.json")
    assert json.loads(note.read_text()) == {"sha256": result.sha256, "size": result.size}

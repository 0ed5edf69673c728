from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tfgen.disk import write_whole


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_has_its_bytes_and_its_mode_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "new" / "folder" / "file"
    before = os.umask(0o027)
    try:
        write_whole(path, b"one", mode=mode)
        write_whole(path, b"two", mode=mode)
    finally:
        os.umask(before)
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_leaves_the_old_file_alone(tmp_path: Path) -> None:
    """A limit on file sizes makes a write stop in its middle, as a full disk does, for root too."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    code = "from pathlib import Path; from tfgen.disk import write_whole; write_whole(Path('file'), b'x' * 100_000)"

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    done = subprocess.run(
        [sys.executable, "-B", "-c", code], cwd=tmp_path, preexec_fn=limit, capture_output=True, text=True, check=False
    )
    assert "File too large" in done.stderr
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_its_place_stays(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "file", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tfgen import process
from tfgen.errors import Interrupted, TfgenError

ENV = {"PATH": os.environ["PATH"]}
COUNT_SIGNALS = """
import signal, sys, time
seen = []
signal.signal(signal.SIGINT, lambda *_: seen.append(1))
print("ready", flush=True)
end = time.monotonic() + 5
while not seen and time.monotonic() < end:
    time.sleep(0.01)
time.sleep(0.3)
print(len(seen), flush=True)
"""


def test_output_is_handed_on_line_by_line_and_kept(tmp_path):
    lines: list[str] = []
    done = process.run(
        [sys.executable, "-c", "import sys; print('a'); print('b'); print('e', file=sys.stderr); sys.exit(3)"],
        cwd=tmp_path,
        env=ENV,
        on_line=lines.append,
    )
    assert (done.returncode, done.stdout, done.stderr, lines) == (3, "a\nb\n", "e\n", ["a", "b"])


def test_nothing_is_inherited(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    done = process.run([sys.executable, "-c", "import os; print('SECRET' in os.environ)"], cwd=tmp_path, env=ENV)
    assert done.stdout == "False\n"


def test_a_missing_program_is_explained(tmp_path):
    with pytest.raises(TfgenError, match="cannot start /nowhere/program: No such file"):
        process.run(["/nowhere/program"], cwd=tmp_path, env=ENV)


def test_a_program_that_takes_too_long_is_ended(tmp_path):
    with pytest.raises(TfgenError, match=r"did not end within 0\.2 seconds"):
        process.run([sys.executable, "-c", "import time; time.sleep(60)"], cwd=tmp_path, env=ENV, timeout=0.2)


def test_an_interruption_reaches_every_child_exactly_once(tmp_path):
    children = process.Children()
    ready = threading.Semaphore(0)
    results: list[str] = []

    def run() -> None:
        done = process.run(
            [sys.executable, "-c", COUNT_SIGNALS],
            cwd=tmp_path,
            env=ENV,
            children=children,
            on_line=lambda line: ready.release() if line == "ready" else None,
        )
        results.append(done.stdout.split()[-1])

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.acquire(timeout=10)
    with children.forwarding():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
        for thread in threads:
            thread.join()
    assert results == ["1", "1"]
    assert children.stopping
    with pytest.raises(Interrupted):
        process.run([sys.executable, "-c", "pass"], cwd=tmp_path, env=ENV, children=children)


def test_an_interruption_ends_a_question():
    children = process.Children()
    with children.forwarding(), pytest.raises(Interrupted), children.question():
        signal.raise_signal(signal.SIGINT)
    assert children.stopping


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGINT)
    with process.Children().forwarding():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_program_on_the_terminal_gives_its_status(tmp_path):
    assert process.run_attached([sys.executable, "-c", "import sys; sys.exit(7)"], cwd=tmp_path, env=ENV) == 7


def test_what_prints_into_a_file_is_handed_on_the_same_way(tmp_path):
    lines: list[str] = []
    started: list[int] = []
    done = process.run(
        [sys.executable, "-c", "import sys; print('ä'); print('e', file=sys.stderr); print('b', end=''); sys.exit(3)"],
        cwd=tmp_path,
        env=ENV,
        on_line=lines.append,
        output=tmp_path / "x.out",
        on_start=started.append,
    )
    assert (done.returncode, done.stdout, done.stderr, lines) == (3, "ä\nb\n", "e\n", ["ä", "b"])
    assert len(started) == 1
    assert list(tmp_path.iterdir()) == []


PARENT = """
import os, sys
from pathlib import Path
from tfgen import process
child = "import time, pathlib; print('a', flush=True); time.sleep(1.5); print('b', flush=True); print('c');"
child += "pathlib.Path('end').write_text('well')"
process.run([sys.executable, "-c", child], cwd=Path.cwd(), env=dict(os.environ), output=Path("x.out"),
            on_line=lambda line: os.kill(os.getpid(), 9))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no other system keeps room for a file to come")
def test_the_last_words_have_room_on_the_disk_from_the_beginning(tmp_path):
    room, output = 4 * 1024**2, tmp_path / "x.out"
    kept = []
    process.run(
        ["sleep", "0.1"],
        cwd=tmp_path,
        env=dict(os.environ),
        output=output,
        room=room,
        on_start=lambda _: kept.append(output.stat()),
    )
    assert kept[0].st_blocks * 512 >= room
    assert kept[0].st_size == 0
    assert not output.exists()


def test_a_program_outlives_a_killed_tfgen_and_is_known_to_live(tmp_path):
    source = Path(process.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", PARENT], cwd=tmp_path, env={**ENV, "PYTHONPATH": str(source)})
    assert done.returncode == -9
    assert process.is_held(tmp_path / "x.out")
    deadline = time.monotonic() + 20
    while process.is_held(tmp_path / "x.out") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (tmp_path / "end").read_text() == "well", "its words did not break a pipe"
    assert (tmp_path / "x.out").read_text() == "a\nb\nc\n"


def test_a_failure_of_our_own_leaves_no_program_behind(tmp_path):
    def refuse(_line):
        raise ValueError("no")

    code = "import time; print('pid', flush=True)\nwhile True: time.sleep(0.1)"
    children = process.Children()
    begun = time.monotonic()
    with pytest.raises(ValueError, match="no"):
        process.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=ENV,
            on_line=refuse,
            children=children,
            output=tmp_path / "x.out",
        )
    assert time.monotonic() - begun < 20
    assert children.running == ()
    assert not process.is_held(tmp_path / "x.out")


def test_each_signal_is_told_of_in_turn(tmp_path):
    children, told = process.Children(), []
    with children.forwarding(told.append):
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            os.kill(os.getpid(), number)
        assert children.telling
    assert told == [1, 2, 3]
    assert not children.telling

from __future__ import annotations

import errno
import json
import os
import threading

import pytest

from tfgen import journal
from tfgen.errors import TfgenError
from tfgen.journal import Journal, hide_values, read_entries
from tfgen.process import is_held


def begin(folder, **fields):
    book = Journal(folder)
    book.write(journal.BEGIN, journal=journal.VERSION, **fields)
    return book


def test_entries_come_back_in_order_and_whole(tmp_path):
    book = begin(tmp_path, verb="apply")
    threads = [threading.Thread(target=book.write, args=("note",), kwargs={"text": "ü" * 500}) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    book.close()
    entries = read_entries(tmp_path / journal.FILE)
    assert [entry["event"] for entry in entries] == ["begin", *["note"] * 8]
    assert all(entry["text"] == "ü" * 500 for entry in entries[1:])
    assert (tmp_path / journal.FILE).stat().st_mode & 0o777 == 0o600


def test_the_file_is_held_while_the_run_lives(tmp_path):
    book = begin(tmp_path)
    assert is_held(tmp_path / journal.FILE)
    book.close()
    assert not is_held(tmp_path / journal.FILE)
    assert not is_held(tmp_path / "nowhere")


def test_what_decides_is_on_the_disk_before_write_returns(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: synced.append(os.fstat(descriptor).st_size), raising=False)
    book = begin(tmp_path)
    path = tmp_path / journal.FILE
    for event in (journal.STEP_BEGIN, journal.STEP_END, journal.MODULE_END, journal.APPROVED, journal.END):
        book.write(event)
        assert synced[-1] == path.stat().st_size, event
    number = len(synced)
    book.write(journal.PROCESS, pid=1)
    assert len(synced) == number, "it leads up to the end of its step"
    book.write(journal.STEP_END)
    assert synced[-1] == path.stat().st_size, "and gets there with it"
    quiet = Journal(tmp_path / "..", durable=False)
    quiet.write(journal.STEP_END)
    assert len(synced) == number + 1


def test_a_line_that_a_crash_cut_off_does_not_count(tmp_path):
    begin(tmp_path).close()
    path = tmp_path / journal.FILE
    path.write_bytes(path.read_bytes() + b'{"at":"2026-01-01T00:00:00+00:00","event":"no')
    assert len(read_entries(path)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the run did nothing"),
        ("nonsense\n", "damaged in line 1"),
        ('{"event": "begin"}\n', "damaged in line 1"),
        ("[1]\n", "damaged in line 1"),
        ('{"at":"2026-01-01T00:00:00+00:00","event":"begin","journal":99}\n', "version 99"),
    ],
)
def test_a_journal_that_cannot_be_used_is_refused_with_a_way_on(tmp_path, text, message):
    path = tmp_path / journal.FILE
    path.write_text(text)
    with pytest.raises(TfgenError, match=message) as caught:
        read_entries(path)
    assert caught.value.where == str(path)
    assert "tfgen apply" in caught.value.hint


def test_a_full_disk_is_said_and_leaves_whole_lines(tmp_path, monkeypatch):
    book = begin(tmp_path)
    write = os.write

    def half(descriptor, data):
        return write(descriptor, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(TfgenError, match="No space left") as caught:
        book.write("note", text="long enough")
    assert caught.value.code == "disk-full"

    def full(_descriptor, _data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(TfgenError, match="No space left"):
        book.write("note")
    monkeypatch.setattr(os, "write", write)
    book.write("note", text="after")
    assert [entry["event"] for entry in read_entries(tmp_path / journal.FILE)] == ["begin", "note"]


def test_a_journal_of_nowhere_keeps_nothing(tmp_path):
    Journal().write("note", text="x")
    assert list(tmp_path.iterdir()) == []


def test_values_on_a_command_line_are_not_written_down():
    argv = ["terraform", "plan", "-var=password=a=b", "-var", "token=secret", "-var-file=x.tfvars", "-out=p"]
    shown = hide_values(argv)
    assert shown == ["terraform", "plan", "-var=password=…", "-var", "token=…", "-var-file=x.tfvars", "-out=p"]
    assert json.dumps(shown).count("secret") == 0

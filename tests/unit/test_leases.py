from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.journals import begin_run
from tfgen import leases
from tfgen.errors import Interrupted, TfgenError, UsageError

FIVE = leases.make_claim("run-5", "apply", ["05-mail"], ["backend-config", "02-store"])
SEVEN = leases.make_claim("run-7", "apply", ["07-extra"], ["backend-config", "02-store"])
STORE = leases.make_claim("run-2", "apply", ["02-store"], ["backend-config"])


class Refused(Exception):  # noqa: N818 - stands for botocore's ClientError
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


class Table:
    """One DynamoDB table that knows the two conditions the lease uses."""

    def __init__(self) -> None:
        self.item: dict[str, Any] | None = None
        self.lock = threading.Lock()
        self.gone = False
        self.before_put = lambda: None

    def client(self, _service: str) -> Table:
        return self

    def get_item(self, **_: Any) -> dict[str, Any]:
        if self.gone:
            raise Refused("ResourceNotFoundException")
        return {"Item": dict(self.item)} if self.item else {}

    def _check(self, options: dict[str, Any]) -> None:
        if "ExpressionAttributeValues" in options:
            if self.item is None or self.item["Version"] != options["ExpressionAttributeValues"][":version"]:
                raise Refused("ConditionalCheckFailedException")
        elif self.item is not None:
            raise Refused("ConditionalCheckFailedException")

    def put_item(self, **options: Any) -> None:
        self.before_put()
        with self.lock:
            self._check(options)
            self.item = options["Item"]

    def delete_item(self, **options: Any) -> None:
        with self.lock:
            self._check(options)
            self.item = None


def here(work: Path, claim: leases.Claim, timeout: float = 0.0, stopping: Any = lambda: False) -> Any:
    return leases.hold_here(work, "dev", claim, timeout=timeout, stopping=stopping)


def there(table: Table, work: Path, claim: leases.Claim, timeout: float = 0.0, **options: Any) -> Any:
    warned = options.pop("warned", [])
    return leases.hold_in_table(
        table,  # type: ignore[arg-type]
        "locks",
        claim,
        work=work,
        timeout=timeout,
        stopping=lambda: False,
        on_event=warned.append,
        **options,
    )


def test_what_overlaps_or_is_read_conflicts_and_readers_of_the_same_do_not() -> None:
    assert FIVE.conflict(SEVEN) == ()
    assert FIVE.conflict(STORE) == STORE.conflict(FIVE) == ("02-store",)
    assert FIVE.conflict(FIVE) == ("05-mail",)


@pytest.mark.parametrize("kind", ["here", "there"])
def test_runs_go_side_by_side_unless_they_conflict(tmp_path: Path, kind: str) -> None:
    table = Table()

    def hold(claim: leases.Claim, timeout: float = 0.0) -> Any:
        return here(tmp_path, claim, timeout) if kind == "here" else there(table, tmp_path, claim, timeout)

    with hold(FIVE), hold(SEVEN):
        with pytest.raises(TfgenError, match=r"another tfgen works on 02-store.*: apply by") as busy, hold(STORE):
            pass
        assert busy.value.code == "busy"
        assert "--lock-timeout" in busy.value.hint
        assert "run run-5" in busy.value.message
    with hold(STORE):
        pass
    assert table.item is None, "the last one takes the item with it"
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("kind", ["here", "there"])
def test_a_run_waits_as_long_as_it_was_told(tmp_path: Path, kind: str) -> None:
    table, order = Table(), []
    begun = threading.Event()

    def hold(claim: leases.Claim, timeout: float = 0.0) -> Any:
        return here(tmp_path, claim, timeout) if kind == "here" else there(table, tmp_path, claim, timeout)

    def first() -> None:
        with hold(STORE):
            begun.set()
            time.sleep(0.4)
            order.append("store")

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(10)
    with hold(FIVE, timeout=10):
        order.append("five")
    thread.join()
    assert order == ["store", "five"]


def test_whoever_waits_may_give_up(tmp_path: Path) -> None:
    with here(tmp_path, STORE), pytest.raises(Interrupted), here(tmp_path, FIVE, 10, lambda: True):
        pass


def test_the_kernel_frees_the_lease_of_a_killed_process(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from tfgen import leases\n"
        "claim = leases.make_claim('dead', 'apply', ['02-store'], [])\n"
        "with leases.hold_here(Path(sys.argv[1]), 'dev', claim, timeout=0, stopping=lambda: False):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    source = str(Path(leases.__file__).parents[1])
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": source}
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=env, check=False).returncode == -9
    assert list(tmp_path.rglob("*.json"))
    assert leases.list_claims(tmp_path, "dev") == ()
    with here(tmp_path, STORE):
        assert [claim.run for claim in leases.list_claims(tmp_path, "dev")] == ["run-2"]


def test_without_a_folder_to_write_or_a_table_a_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "lease").write_text("in the way")
    with here(tmp_path, FIVE):
        pass
    table = Table()
    table.gone = True
    with there(table, tmp_path, FIVE):
        assert table.item is None


def test_a_table_that_cannot_be_read_is_warned_of(tmp_path: Path) -> None:
    table, warned = Table(), []

    def deny(**_: Any) -> None:
        raise PermissionError

    table.get_item = deny  # type: ignore[assignment, method-assign]
    with there(table, tmp_path, FIVE, warned=warned):
        pass
    assert "no project lease in table locks" in warned[0].text


def test_an_expired_claim_and_that_of_a_dead_run_of_this_machine_are_in_nobodys_way(tmp_path: Path) -> None:
    table = Table()
    expired = replace(STORE, run="old", host="elsewhere", expires=time.time() - 1)
    dead = replace(STORE, run="dead", expires=time.time() + 60)
    begin_run(tmp_path, "dead").close()
    holders = [vars(claim) | {"writes": list(claim.writes), "reads": list(claim.reads)} for claim in (expired, dead)]
    table.item = {"LockID": {"S": leases.KEY}, "Version": {"N": "7"}, "Holders": {"S": json.dumps(holders)}}
    with there(table, tmp_path, FIVE):
        [claim] = leases.read_table(table, "locks")  # type: ignore[arg-type]
        assert claim.run == "run-5"
    alive = begin_run(tmp_path, "alive")
    living = [holders[1] | {"run": "alive"}]
    table.item = {"LockID": {"S": leases.KEY}, "Version": {"N": "7"}, "Holders": {"S": json.dumps(living)}}
    with pytest.raises(TfgenError, match="run alive"), there(table, tmp_path, FIVE):
        pass
    alive.close()


def test_two_that_write_at_once_do_not_lose_each_other(tmp_path: Path) -> None:
    table = Table()
    with there(table, tmp_path, SEVEN):
        other = table.item

        def meddle() -> None:
            table.before_put = lambda: None
            assert other is not None
            table.item = {**other, "Version": {"N": "99"}}

        table.before_put = meddle
        with there(table, tmp_path, FIVE):
            runs = {claim.run for claim in leases.read_table(table, "locks")}  # type: ignore[arg-type]
            assert runs == {"run-5", "run-7"}


def test_a_sign_of_life_moves_the_expiry_on_and_a_lost_lease_is_told(tmp_path: Path) -> None:
    table, warned = Table(), []
    with there(table, tmp_path, FIVE, heartbeat=0.05, warned=warned):
        first = leases.read_table(table, "locks")[0].expires  # type: ignore[arg-type]
        deadline = time.monotonic() + 10
        while leases.read_table(table, "locks")[0].expires == first and time.monotonic() < deadline:  # type: ignore[arg-type]
            time.sleep(0.02)
        assert leases.read_table(table, "locks")[0].expires > first  # type: ignore[arg-type]
        table.item = None
        while not warned and time.monotonic() < deadline:
            time.sleep(0.02)
    assert "lease in the lock table was lost" in warned[0].text


@pytest.mark.parametrize(("text", "seconds"), [("0s", 0), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("1.5s", 1.5)])
def test_durations_are_those_of_terraform(text: str, seconds: float) -> None:
    assert leases.to_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "5 m", "forever"])
def test_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no duration"):
        leases.to_seconds(text)

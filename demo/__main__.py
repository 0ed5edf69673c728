"""`make demo`: deploy, take orders, make the report, read the mail, and check every figure."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import boto3

from demo.analytics import Table, agree
from demo.catalogue import make_disturbances, make_orders
from demo.ledger import Books, compare, enter, load_books, save_books
from demo.reports import Pipeline
from demo.shop import Answer, Shop, surprises

ORDERS = 200
_TFGEN = str(Path(sys.executable).with_name("tfgen"))
_PATIENCE = 60.0
_PAUSE = 0.25


def main() -> int:
    """Run the demonstration; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--project", type=Path, default=Path.cwd(), help="folder of the tfgen project")
    parser.add_argument("--orders", type=int, default=ORDERS, help="how many orders to send")
    arguments = parser.parse_args()
    started = time.monotonic()
    project: Path = arguments.project
    for command in (["local", "up"], ["render"], ["apply", "--auto-approve", "--parallelism", "3"]):
        _tfgen(project, command)
    outputs = _outputs(project)
    access = _json(project, ["local", "env", "--json"])["environment"]
    problems = _run(project, outputs, access, arguments.orders)
    for problem in problems:
        print(f"DIFFERENCE: {problem}")
    if problems:
        return 1
    print(f"\nThe report agrees with the books. {time.monotonic() - started:.0f} s in all; nothing was created in AWS.")
    print("Look around: tfgen local mail, tfgen output, tfgen graph. Take all down: make demo-clean")
    return 0


def _outputs(project: Path) -> dict[str, dict[str, Any]]:
    modules = _json(project, ["output", "--json"])["outputs"]
    return {name: {key: output["value"] for key, output in outputs.items()} for name, outputs in modules.items()}


def _run(project: Path, outputs: Mapping[str, Any], access: Mapping[str, str], count: int) -> list[str]:
    storage, api, events = (outputs[name] for name in ("02-storage", "03-api-ingestion", "04-event-processing"))
    session = boto3.Session(
        access["AWS_ACCESS_KEY_ID"], access["AWS_SECRET_ACCESS_KEY"], region_name=access["AWS_REGION"]
    )
    endpoint = access["AWS_ENDPOINT_URL"]
    shop = Shop(
        f"{endpoint}/restapis/{api['api_id']}/{api['api_stage_name']}/_user_request_",
        access["AWS_REGION"],
        access["AWS_ACCESS_KEY_ID"],
        access["AWS_SECRET_ACCESS_KEY"],
    )
    pipeline = Pipeline(
        lambda service: session.client(service, endpoint_url=endpoint),
        events["schedule_group_name"],
        events["schedule_name"],
        storage["reports_bucket_name"],
    )
    lines = outputs["07-data-transformation"]
    athena = session.client("athena", endpoint_url=endpoint)
    table = Table(athena, lines["workgroup_name"], lines["named_query_ids"]["daily-figures"])
    path = project / ".tfgen" / "demo" / "books.json"
    books = load_books(path, api["api_id"])
    days, problems = _sell(shop, books, ZoneInfo(storage["business_time_zone"]), count)
    save_books(path, api["api_id"], books)
    for day in sorted(days):
        problems += _report(project, pipeline, table, books, day)
    return problems


def _sell(shop: Shop, books: Books, zone: ZoneInfo, count: int) -> tuple[set[str], list[str]]:
    seed = f"demo-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    orders = make_orders(count, seed)
    started = time.monotonic()
    answers = shop.place(orders)
    seconds = time.monotonic() - started
    disturbances = shop.place(tuple(make_disturbances(orders, seed)))
    print(f"\n{count} orders over the real API endpoint in {seconds:.1f} s, signed with SigV4, and:")
    _show_kinds([*answers, *disturbances])
    problems = surprises([*answers, *disturbances])
    taken = next((answer for answer in answers if answer.status == 201), None)
    if taken is not None:
        again = shop.read(taken.document["order_id"])
        print(f"  GET /orders/{taken.document['order_id']}: {again.status}")
        if again.status != 200 or again.document["total"] != taken.document["total"]:
            problems.append(f"the order read back differs: {again.status} {again.document}")
    return enter(books, answers, zone), problems


def _show_kinds(answers: Sequence[Answer]) -> None:
    kinds = Counter((answer.call.kind, answer.status, answer.replayed) for answer in answers)
    meaning = {
        "order": "taken",
        "replay": "the same key and body again: the first answer, repeated",
        "other body": "the same key with another body: refused",
        "malformed": "not JSON: refused",
        "invalid": "not an order: refused",
        "unsigned": "no signature: refused",
    }
    for (kind, status, replayed), number in kinds.items():
        mark = ", Idempotency-Replayed: true" if replayed else ""
        print(f"  {number:>4} x {kind:<11} {status}{mark:<29} {meaning[kind]}")


def _report(project: Path, pipeline: Pipeline, table: Table, books: Books, day: str) -> list[str]:
    before = pipeline.newest_version(day)
    pipeline.request(day)
    print(f"\nReport of {day}, started by a one-off schedule beside the daily one:")
    folder = pipeline.wait(day, before)
    target = project / ".tfgen" / "demo" / day
    pipeline.download(folder, target)
    report = json.loads((target / "report.json").read_text())
    for code, figures in report["currencies"].items():
        print(f"  {code}: {figures['orders']} orders, {figures['units']} units, total {figures['total']}")
    mail = _wait_for_mail(project, day, report["version"])
    print(f"  mail: {mail['subject']!r} from {mail['from']} to {', '.join(mail['to'])}")
    print(f"  HTML report: {target / 'report.html'}")
    differences = agree(day, report, table.figures)
    if not differences:
        print("  Athena, asked by the saved query daily-figures: the same figures")
    return [*compare(day, books[day], report), *differences]


def _wait_for_mail(project: Path, day: str, version: int) -> Mapping[str, Any]:
    wanted = f"Orders of {day}" + (f" (version {version})" if version > 1 else "")
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        mails = _json(project, ["local", "mail", "--json"])["mails"]
        found = [mail for mail in mails if mail["subject"] == wanted]
        if found:
            last: Mapping[str, Any] = found[-1]
            return last
        time.sleep(_PAUSE)
    raise SystemExit(f"no mail {wanted!r} within {_PATIENCE:.0f} s; see: tfgen local logs")


def _tfgen(project: Path, words: Sequence[str]) -> None:
    print(f"$ tfgen {' '.join(words)} --env local", flush=True)
    done = subprocess.run([_TFGEN, "-C", str(project), *words, "--env", "local"], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def _json(project: Path, words: Sequence[str]) -> Mapping[str, Any]:
    done = subprocess.run(
        [_TFGEN, "-C", str(project), "-q", *words, "--env", "local"], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr or done.stdout)
    document: Mapping[str, Any] = json.loads(done.stdout)
    return document


if __name__ == "__main__":
    sys.exit(main())

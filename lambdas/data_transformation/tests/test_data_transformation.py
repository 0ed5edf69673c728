"""Record in, record out: what becomes of an order on its way into the table of order lines."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import logic
import pytest
from common.clients import encode
from pseudonyms import Pseudonyms

BERLIN = ZoneInfo("Europe/Berlin")


def order(**changes: Any) -> dict[str, Any]:
    return {
        "pk": "ORDER#o-1",
        "sk": "META",
        "order_id": "o-1",
        "version": 2,
        "status": "PLACED",
        "customer_id": "ann@example.com",
        "customer_kind": "returning",
        "currency": "EUR",
        "subtotal": Decimal("24.9"),
        "discount": Decimal("1"),
        "shipping": Decimal("4.90"),
        "tax": Decimal("3"),
        "total": Decimal("31.8"),
        "lines": [
            {"sku": "mug", "category": "kitchen", "quantity": 2, "amount": Decimal("19.90")},
            {"sku": "pen", "category": "office", "quantity": 10, "amount": Decimal("5")},
        ],
        "items": [{"sku": "mug", "name": "Mug for Ann", "unit_price": Decimal("9.95")}],
        "business_day": "2026-11-23",
        "created_at": "2026-11-23T08:15:00.250Z",
        "updated_at": "2026-11-24T09:00:00.000Z",
        **changes,
    }


def record(item: Mapping[str, Any], identifier: str = "r-1") -> dict[str, Any]:
    return {"recordId": identifier, "data": base64.b64encode(json.dumps(encode(item)).encode()).decode()}


def pseudonym(customer_id: str) -> str:
    return f"<{len(customer_id)}>"


def transformed(item: Mapping[str, Any], zone: ZoneInfo = BERLIN) -> list[dict[str, Any]]:
    answer = logic.transform(record(item), zone, pseudonym)
    assert answer["result"] == "Ok"
    return [json.loads(line) for line in base64.b64decode(answer["data"]).decode().splitlines()]


def test_each_line_becomes_a_row_that_says_all_of_its_order() -> None:
    first, second = transformed(order())
    assert first == {
        "order_id": "o-1",
        "version": 2,
        "line_number": 1,
        "line_count": 2,
        "status": "PLACED",
        "customer_key": "<15>",
        "customer_kind": "returning",
        "created_at": "2026-11-23T08:15:00.250Z",
        "updated_at": "2026-11-24T09:00:00.000Z",
        "hour_start": "2026-11-23T09:00+01:00",
        "currency": "EUR",
        "currency_digits": 2,
        "subtotal": "24.90",
        "discount": "1.00",
        "shipping": "4.90",
        "tax": "3.00",
        "total": "31.80",
        "refunded": "0.00",
        "refund_count": 0,
        "sku": "mug",
        "category": "kitchen",
        "quantity": 2,
        "amount": "19.90",
    }
    own = {"line_number": 2, "sku": "pen", "category": "office", "quantity": 10, "amount": "5.00"}
    assert second == {**first, **own}


def test_what_became_of_an_order_is_said() -> None:
    changed = order(status="CANCELLED", refunded=Decimal("4.5"), refund_count=Decimal(2))
    row = transformed(changed)[1]
    assert (row["status"], row["refunded"], row["refund_count"]) == ("CANCELLED", "4.50", 2)


def test_the_answer_names_the_business_day_however_late_the_change_comes() -> None:
    answer = logic.transform(record(order(updated_at="2027-02-01T00:00:00.000Z")), BERLIN, pseudonym)
    assert answer["recordId"] == "r-1"
    assert answer["metadata"] == {"partitionKeys": {"dt": "2026-11-23"}}


def test_nothing_of_what_a_person_is_or_wrote_gets_through() -> None:
    answer = logic.transform(record(order()), BERLIN, pseudonym)
    assert b"ann" not in base64.b64decode(answer["data"]).lower()


@pytest.mark.parametrize(
    ("currency", "amount", "text"), [("JPY", "1250", "1250"), ("KWD", "1.005", "1.005"), ("EUR", "0", "0.00")]
)
def test_amounts_have_the_digits_of_their_currency(currency: str, amount: str, text: str) -> None:
    amounts = dict.fromkeys(("subtotal", "discount", "shipping", "tax", "total"), Decimal(amount))
    line = {"sku": "mug", "category": "kitchen", "quantity": 1, "amount": Decimal(amount)}
    [row] = transformed(order(currency=currency, lines=[line], **amounts))
    assert {row[name] for name in (*amounts, "amount")} == {text}


@pytest.mark.parametrize(
    ("day", "created_at", "start"),
    [
        ("2026-10-25", "2026-10-25T00:30:00.000Z", "2026-10-25T02:00+02:00"),
        ("2026-10-25", "2026-10-25T01:30:00.000Z", "2026-10-25T02:00+01:00"),
        ("2026-03-29", "2026-03-29T01:30:00.000Z", "2026-03-29T03:00+02:00"),
        ("2026-11-23", "2026-11-25T12:00:00.000Z", "2026-11-23T23:00+01:00"),
        ("2026-11-23", "2026-11-20T12:00:00.000Z", "2026-11-23T00:00+01:00"),
    ],
    ids=["repeated hour, first", "repeated hour, second", "skipped hour", "after its day", "before its day"],
)
def test_an_order_counts_in_the_hour_that_the_report_puts_it_in(day: str, created_at: str, start: str) -> None:
    assert logic.hour_start(created_at, date.fromisoformat(day), BERLIN) == start


@pytest.mark.parametrize(
    "item",
    [
        order(lines=[]),
        order(currency="XXX"),
        order(total=Decimal("0.001")),
        order(total="31.80"),
        order(business_day="someday"),
        order(created_at="2026-11-23T08:15:00"),
        {"pk": "ORDER#o-1", "sk": "META"},
    ],
    ids=["no lines", "unknown currency", "too many digits", "an amount as text", "no day", "no offset", "no order"],
)
def test_what_is_no_order_is_answered_as_failed_and_as_it_came(item: Mapping[str, Any]) -> None:
    came = record(item)
    assert logic.transform(came, BERLIN, pseudonym) == {**came, "result": "ProcessingFailed"}


@pytest.mark.parametrize("data", ["", "%%%", base64.b64encode(b"[1]").decode(), base64.b64encode(b"{").decode()])
def test_what_cannot_be_read_is_answered_as_failed(data: str) -> None:
    came = {"recordId": "r-1", "data": data}
    assert logic.transform(came, BERLIN, pseudonym) == {**came, "result": "ProcessingFailed"}


class FakeKms:
    """Makes one MAC per key and message."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def generate_mac(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append(arguments)
        return {"Mac": f"secret of {arguments['KeyId']}".encode()}


def test_a_customer_has_one_pseudonym_per_key_and_kms_is_asked_once() -> None:
    kms = FakeKms()
    names = Pseudonyms(kms, "key-1")
    assert names.of("c-1") == names.of("c-1") == Pseudonyms(FakeKms(), "key-1").of("c-1")
    assert len({names.of("c-1"), names.of("c-2"), Pseudonyms(FakeKms(), "key-2").of("c-1")}) == 3
    assert len(kms.calls) == 1
    assert "secret" not in repr(names)


def test_the_handler_answers_every_record_and_counts_what_it_refuses(
    load_handler: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PSEUDONYM_KEY_ID", "key-1")
    loaded = load_handler("data-transformation")
    monkeypatch.setattr(loaded.module.pseudonyms, "client", FakeKms())
    event = {"records": [record(order(), "good"), {"recordId": "bad", "data": ""}]}
    answer = loaded.module.handler(event, Context())
    assert [(each["recordId"], each["result"]) for each in answer["records"]] == [
        ("good", "Ok"),
        ("bad", "ProcessingFailed"),
    ]
    [metric] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert metric["RecordsRefused"] in (1, [1])
    assert "ann@example.com" not in loaded.stream.getvalue()


def test_without_the_key_the_whole_call_fails_so_that_firehose_repeats_it(
    load_handler: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoKms:
        def generate_mac(self, **_arguments: Any) -> dict[str, Any]:
            raise RuntimeError("the key is disabled")

    monkeypatch.setenv("PSEUDONYM_KEY_ID", "key-1")
    loaded = load_handler("data-transformation")
    monkeypatch.setattr(loaded.module.pseudonyms, "client", NoKms())
    with pytest.raises(RuntimeError, match="disabled"):
        loaded.module.handler({"records": [record(order())]}, Context())


class Context:
    function_name = "data-transformation"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:data-transformation"
    aws_request_id = "request-1"

"""The files of a report: the table and the page."""

from __future__ import annotations

import csv
import re
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from common import days
from common.settings import zone
from figures import Aggregation
from hypothesis import given, settings
from hypothesis import strategies as st
from page import page
from table import COLUMNS, OrdersTable, safe, write_summary

DAY = "2026-11-23"
SVG = "{http://www.w3.org/2000/svg}"


def order(**changes: Any) -> dict[str, Any]:
    item = {
        "order_id": "o-1",
        "status": "PLACED",
        "currency": "EUR",
        "customer_id": "c-1",
        "customer_kind": "new",
        "created_at": f"{DAY}T08:15:00.000Z",
        "business_day": DAY,
        "lines": [{"sku": "mug", "category": "kitchen", "quantity": 2, "amount": Decimal("19.9")}],
        "subtotal": Decimal("19.9"),
        "discount": Decimal("0"),
        "shipping": Decimal("0"),
        "tax": Decimal("0"),
        "total": Decimal("19.9"),
    }
    return {**item, **changes}


def line(category: str, amount: int) -> dict[str, Any]:
    return {"sku": "sku", "category": category, "quantity": 1, "amount": Decimal(amount)}


def written(path: Path, *orders: dict[str, Any]) -> bytes:
    with OrdersTable(path, date.fromisoformat(DAY)) as table:
        for item in orders:
            table.add(item)
    return path.read_bytes()


def test_a_row_per_order(tmp_path: Path) -> None:
    content = written(tmp_path / "orders.csv", order())
    head, row, rest = content.decode().split("\r\n")
    assert head == ",".join(COLUMNS)
    assert row == ("o-1,2026-11-23T08:15:00.000Z,2026-11-23,PLACED,c-1,new,EUR,2,19.90,0.00,0.00,0.00,19.90,0.00")
    assert rest == ""


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1", "=cmd|' /C calc'!A0"]
)
def test_formulas_become_text(tmp_path: Path, text: str) -> None:
    written(tmp_path / "orders.csv", order(customer_id=text))
    with (tmp_path / "orders.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["customer_id"] == f"'{text}"


@settings(deadline=None)
@given(st.text())
def test_no_text_starts_a_formula(text: str) -> None:
    assert safe(text).lstrip(" ")[:1] not in {"=", "+", "-", "@", "\t", "\r", "\n"}
    assert safe(text).removeprefix("'") in {text, text.removeprefix("'")}


def test_quotes_and_commas_survive(tmp_path: Path) -> None:
    text = 'a "quoted", text'
    content = written(tmp_path / "orders.csv", order(customer_id=text))
    assert b'"a ""quoted"", text"' in content


def report(*orders: dict[str, Any]) -> dict[str, Any]:
    berlin = zone({"Z": "Europe/Berlin"}, "Z")
    aggregation = Aggregation(days.business_day(days.instant(f"{DAY}T12:00:00Z"), berlin), berlin)
    for item in orders:
        aggregation.add(item)
    return {
        "report_date": DAY,
        "time_zone": "Europe/Berlin",
        "window": aggregation.window(),
        "input_count": aggregation.orders,
        "currencies": aggregation.currencies(),
        "version": 1,
        "as_of": f"{DAY}T03:15:00.000Z",
        "checksum": "0" * 64,
    }


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("mail", [False, True])
@pytest.mark.parametrize("orders", [[], [order()], [order(lines=[], subtotal=Decimal(0), total=Decimal(0))]])
def test_the_page_is_well_formed_and_needs_nothing_remote(orders: list[dict[str, Any]], mail: bool) -> None:
    text = page(report(*orders), mail=mail)
    tags = _Tags()
    tags.feed(text)
    assert tags.open == []
    assert tags.seen.isdisjoint({"script", "img", "link", "iframe", "style", "a"})
    assert not {name for name, _ in tags.attributes} & {"src", "href", "background"}
    assert "url(" not in text
    assert "@import" not in text


def test_the_page_shows_the_figures() -> None:
    text = re.sub(r"<[^>]+>", " ", page(report(order())))
    for shown in ("Orders of 2026-11-23", "EUR", "19.90", "mug", "kitchen", "24 hours"):
        assert shown in text


def test_large_numbers_are_grouped() -> None:
    amount = Decimal("1234567.5")
    lines = [{"sku": "1234567", "category": "kitchen", "quantity": 1, "amount": amount}]
    text = page(report(order(lines=lines, subtotal=amount, total=amount)))
    assert "1,234,567.50" in text
    assert "<td>1234567</td>" in text


def test_mail_programs_do_not_cut_the_page() -> None:
    lines = [
        {"sku": f"sku-{number:060}", "category": f"c-{number}", "quantity": 1, "amount": Decimal(1)}
        for number in range(50)
    ]
    orders = [order(lines=lines, currency=code) for code in ("EUR", "USD", "JPY", "GBP", "CHF")]
    assert len(page(report(*orders), mail=True).encode()) < 100_000


def test_values_are_escaped() -> None:
    evil = '<script>alert("x")</script>'
    lines = [{"sku": evil, "category": evil, "quantity": 1, "amount": Decimal(1)}]
    for mail in (False, True):
        text = page(report(order(lines=lines)), mail=mail)
        assert "<script" not in text
        assert "&lt;script&gt;" in text


def pictures(text: str) -> list[ElementTree.Element]:
    """Return the charts of a page, which must be well-formed XML."""
    return [ElementTree.fromstring(found) for found in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


def drawn(picture: ElementTree.Element) -> list[tuple[int, int, str]]:
    """Return width, height and description of each bar."""
    return [
        (int(bar.attrib["width"]), int(bar.attrib["height"]), bar.findtext(f"{SVG}title", ""))
        for bar in picture.iter(f"{SVG}rect")
    ]


def test_charts_show_revenue_by_hour_and_by_category() -> None:
    orders = [
        order(created_at=f"{DAY}T0{hour}:15:00.000Z", subtotal=amount, total=amount, lines=lines)
        for hour, amount, lines in (
            (8, Decimal(40), [line("kitchen & more", 40)]),
            (9, Decimal(10), [line("kitchen & more", 5), line("office", 5)]),
        )
    ]
    categories, hours = pictures(page(report(*orders)))
    assert len(drawn(hours)) == 24
    tall = {told: height for _, height, told in drawn(hours) if height}
    # the zone is an hour or two ahead of the orders' UTC; the axis ends at 50
    assert tall == {"09:00: 1 order, 40.00 EUR": 128, "10:00: 1 order, 10.00 EUR": 32}
    assert [(width, told) for width, _, told in drawn(categories)] == [
        (400, "kitchen & more: 45.00 EUR"),
        (44, "office: 5.00 EUR"),
    ]


def test_charts_say_what_they_show_to_those_who_do_not_see_them() -> None:
    currencies = [order(currency=code) for code in ("EUR", "USD")]
    names = set()
    for picture in pictures(page(report(*currencies))):
        assert picture.attrib["role"] == "img"
        told = {one.attrib["id"]: one.text for one in picture if "id" in one.attrib}
        assert list(told) == picture.attrib["aria-labelledby"].split()
        assert all(told.values())
        names |= told.keys()
    assert len(names) == 2 * 2 * 2


def test_the_categories_chart_adds_up_what_it_has_no_room_for() -> None:
    lines = [line(f"category-{number:02d}", 30 - number) for number in range(25)]
    [categories, _] = pictures(page(report(order(lines=lines))))
    bars = drawn(categories)
    assert len(bars) == 10
    assert bars[-1][2] == f"16 more: {sum(30 - number for number in range(9, 25))}.00 EUR"


def test_mail_programs_get_bars_in_tables_instead() -> None:
    text = page(report(order()), mail=True)
    assert "<svg" not in text
    assert "background:#2563eb" in text


def test_the_same_figures_make_the_same_bytes() -> None:
    first, second = order(currency="USD"), order(lines=[line("office", 5), line("kitchen", 5)])
    assert page(report(first, second)) == page(report(second, first))


def test_many_categories_are_cut_in_the_page_only() -> None:
    lines = [
        {"sku": "s", "category": f"category-{number}", "quantity": 1, "amount": Decimal(1)} for number in range(25)
    ]
    full = report(order(lines=lines))
    assert len(full["currencies"]["EUR"]["by_category"]) == 25
    assert "5 more categories" in page(full)


def test_the_summary_has_a_row_per_figure(tmp_path: Path) -> None:
    write_summary(tmp_path / "summary.csv", report(order())["currencies"])
    with (tmp_path / "summary.csv").open(newline="") as file:
        rows = {(row["currency"], row["figure"]): row["value"] for row in csv.DictReader(file)}
    assert rows["EUR", "total"] == "19.90"
    assert rows["EUR", "refunds.rate"] == "0.0000"
    assert not any(figure.startswith("by_") for _, figure in rows)


def test_the_page_shows_changes_and_trends() -> None:
    beside = {"orders": {"value": "4.0"}, "total": {"value": "400.00", "change": "1.5000"}}
    nothing = {"orders": None, "total": None}
    trend = {
        "previous_day": {"orders": {"value": "0.0"}, "total": {"value": "0.00"}},
        "same_weekday": nothing,
        "seven_day_average": beside,
        "days_known": 6,
        "anomalies": [{"figure": "total", "change": "1.5000"}],
    }
    changed = order(status="CANCELLED", refunded=Decimal(5), refund_count=Decimal(2))
    full = {
        **report(changed),
        "trends": {"EUR": trend},
        "changes": {"EUR": {"refunds": {"count": 7, "total": "77.00"}}},
    }
    text = re.sub(r"<[^>]+>", " ", page(full))
    for shown in ("Refunds (2)", "Cancellations (1)", "14.90", "Kept", "150.0", "400.00", "Unusual", "77.00"):
        assert shown in text
    assert "Same weekday" not in text

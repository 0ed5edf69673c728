"""The demonstration's question to Athena: that it waits, and that it notices a difference."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from demo.analytics import Rows, Table, agree

NAMES = ("orders", "units", "gross", "discounts", "net", "shipping", "tax", "total", "average_order_value")
REPORT: dict[str, Any] = {"currencies": {"EUR": {name: "2.50" if name == "gross" else "3" for name in NAMES}}}
RIGHT: Rows = {"EUR": {name: Decimal("2.5000") if name == "gross" else Decimal(3) for name in NAMES}}


def test_it_asks_until_the_orders_have_arrived() -> None:
    answers: list[Rows] = [{}, RIGHT]
    assert agree("2026-11-23", REPORT, lambda _day: answers.pop(0)) == []
    assert answers == []


def test_a_difference_is_said_with_both_figures() -> None:
    wrong = {"EUR": {**RIGHT["EUR"], "tax": Decimal(4)}}
    assert agree("2026-11-23", REPORT, lambda _day: wrong, patience=0) == ["2026-11-23 EUR tax: reported 3, Athena 4"]


def test_a_currency_too_many_is_a_difference() -> None:
    found = agree("2026-11-23", REPORT, lambda _day: {**RIGHT, "USD": RIGHT["EUR"]}, patience=0)
    assert len(found) == len(NAMES)
    assert found[0] == "2026-11-23 USD orders: reported None, Athena 3"


class FakeAthena:
    """Answers one query after it has run for a moment."""

    def __init__(self) -> None:
        self.states = ["RUNNING", "SUCCEEDED"]
        self.asked: dict[str, Any] = {}

    def get_named_query(self, **arguments: Any) -> dict[str, Any]:
        return {"NamedQuery": {"QueryString": f"query {arguments['NamedQueryId']}"}}

    def start_query_execution(self, **arguments: Any) -> dict[str, Any]:
        self.asked = arguments
        return {"QueryExecutionId": "e-1"}

    def get_query_execution(self, **_arguments: Any) -> dict[str, Any]:
        return {"QueryExecution": {"Status": {"State": self.states.pop(0)}}}

    def get_query_results(self, **_arguments: Any) -> dict[str, Any]:
        rows = [["currency", *NAMES], ["EUR", *["3"] * len(NAMES)]]
        return {"ResultSet": {"Rows": [{"Data": [{"VarCharValue": cell} for cell in row]} for row in rows]}}


def test_the_saved_query_is_asked_for_the_day_in_the_modules_workgroup() -> None:
    athena = FakeAthena()
    assert Table(athena, "orders", "q-1").figures("2026-11-23") == {"EUR": dict.fromkeys(NAMES, Decimal(3))}
    assert athena.asked == {"QueryString": "query q-1", "WorkGroup": "orders", "ExecutionParameters": ["'2026-11-23'"]}

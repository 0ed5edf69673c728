"""Asking Athena for what the report says, from the other end of the pipeline."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_PATIENCE = 60.0
_PAUSE = 0.5
_NAMES = ("orders", "units", "gross", "discounts", "net", "shipping", "tax", "total", "average_order_value")
Rows = dict[str, dict[str, Decimal]]


@dataclass(frozen=True)
class Table:
    """The order lines, and the saved query for a day's figures.

    Attributes:
        client: Athena client.
        workgroup: Where queries run.
        query_id: The saved query.
    """

    client: Any
    workgroup: str
    query_id: str

    def figures(self, day: str) -> Rows:
        """Return a day's figures by currency.

        Raises:
            SystemExit: The query fails.
        """
        query = self.client.get_named_query(NamedQueryId=self.query_id)["NamedQuery"]["QueryString"]
        identifier = self.client.start_query_execution(
            QueryString=query, WorkGroup=self.workgroup, ExecutionParameters=[f"'{day}'"]
        )["QueryExecutionId"]
        state = "QUEUED"
        while state in ("QUEUED", "RUNNING"):
            time.sleep(_PAUSE / 5)
            status = self.client.get_query_execution(QueryExecutionId=identifier)["QueryExecution"]["Status"]
            state = status["State"]
        if state != "SUCCEEDED":
            raise SystemExit(f"the query for {day} failed: {status.get('StateChangeReason', state)}")
        rows = self.client.get_query_results(QueryExecutionId=identifier)["ResultSet"]["Rows"]
        head, *body = [[cell.get("VarCharValue", "") for cell in row["Data"]] for row in rows]
        named = [dict(zip(head, row, strict=True)) for row in body]
        return {row["currency"]: {name: Decimal(row[name]) for name in _NAMES} for row in named}


def agree(day: str, report: Mapping[str, Any], ask: Callable[[str], Rows], patience: float = _PATIENCE) -> list[str]:
    """Wait until the table has the day's orders; return a sentence for every figure that differs from the report's."""
    wanted = {code: {name: Decimal(figures[name]) for name in _NAMES} for code, figures in report["currencies"].items()}
    end = time.monotonic() + patience
    found = ask(day)
    while found != wanted and time.monotonic() < end:
        time.sleep(_PAUSE)
        found = ask(day)
    return [
        f"{day} {code} {name}: reported {wanted.get(code, {}).get(name)}, Athena {found.get(code, {}).get(name)}"
        for code in sorted({*wanted, *found})
        for name in _NAMES
        if wanted.get(code, {}).get(name) != found.get(code, {}).get(name)
    ]

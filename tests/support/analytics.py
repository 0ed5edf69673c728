"""Random orders over some days, and the report's figures as Athena's saved queries see them."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

from boto3.dynamodb.types import TypeSerializer

from tests.support.project import TestProject

TABLE = "ecommerce-analytics-local-orders"
ZONE = ZoneInfo("America/New_York")
SHARDS = 10
DIGITS = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}
CATEGORIES = ("kitchen", "office", "garden", "books & more", 'the "rest"', "größer")
Order = dict[str, Any]

_serializer = TypeSerializer()


def longest_day(before: date) -> date:
    """Return the last day that had 25 hours."""
    day = before - timedelta(days=1)
    while _midnight(day + timedelta(days=1)) - _midnight(day) != timedelta(hours=25):
        day -= timedelta(days=1)
    return day


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)


def image(order: Order) -> dict[str, Any]:
    """Return an order as DynamoDB writes it."""
    return {name: _serializer.serialize(value) for name, value in order.items()}


@dataclass
class Shop:
    """Makes orders as the order processor stores them.

    Attributes:
        seed: Same seed, same orders.
        prefix: Begins every order's id.
    """

    seed: int
    prefix: str
    _random: random.Random = field(init=False)
    _count: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def order(self, day: date) -> Order:
        """Make an order of a day, at any of its hours."""
        self._count += 1
        identifier = f"{self.prefix}{self._count:06d}"
        span = (_midnight(day + timedelta(days=1)) - _midnight(day)) // timedelta(milliseconds=1)
        created = _midnight(day) + timedelta(milliseconds=self._random.randrange(span))
        created_at = _text(created)
        customer = f"{self.prefix}customer-{self._random.randrange(200)}@example.com"
        order = {
            "pk": f"ORDER#{identifier}",
            "sk": "META",
            "gsi1pk": f"DAY#{day.isoformat()}#{crc32(identifier.encode()) % SHARDS}",
            "gsi1sk": f"{created_at}#{identifier}",
            "gsi2pk": f"CUSTOMER#{customer}",
            "gsi2sk": f"{created_at}#{identifier}",
            "order_id": identifier,
            "status": "PLACED",
            "customer_id": customer,
            "customer_kind": self._random.choice(("new", "returning", "returning")),
            "currency": self._random.choice(("EUR", "EUR", "USD", "JPY", "KWD")),
            "business_day": day.isoformat(),
            "created_at": created_at,
            "version": 0,
        }
        return self.corrected(order)

    def corrected(self, order: Order) -> Order:
        """Return the order's next version, with other lines and amounts."""
        digits = DIGITS[order["currency"]]
        lines = [self._line(digits) for _ in range(self._random.randint(1, 6))]
        subtotal = sum((line["amount"] for line in lines), Decimal(0))
        discount = min(self._amount(500, digits) if self._random.random() < 0.3 else Decimal(0), subtotal)
        shipping, tax = self._amount(900, digits), self._amount(3000, digits)
        total = subtotal - discount + shipping + tax
        refunds = {}
        if total and self._random.random() < 0.1:
            refunded = Decimal(self._random.randint(1, int(total.scaleb(digits)))).scaleb(-digits)
            refunds = {"refunded": refunded, "refund_count": self._random.randint(1, 3)}
        changed = datetime.fromisoformat(order["created_at"]) + timedelta(hours=self._random.randrange(100))
        earlier = {name: value for name, value in order.items() if not name.startswith("refund")}
        return {
            **earlier,
            "version": order["version"] + 1,
            "updated_at": _text(changed),
            "lines": lines,
            "items": [{**line, "name": "Something personal", "unit_price": line["amount"]} for line in lines],
            "subtotal": subtotal,
            "discount": discount,
            "shipping": shipping,
            "tax": tax,
            "total": total,
            "status": self._random.choice(("PLACED", "PAID", "SHIPPED", "DELIVERED", "CANCELLED")),
            **refunds,
        }

    def _line(self, digits: int) -> dict[str, Any]:
        return {
            "sku": f"SKU-{self._random.randrange(60):03d}",
            "category": self._random.choice(CATEGORIES),
            "quantity": self._random.randint(1, 20),
            "amount": self._amount(100_000, digits),
        }

    def _amount(self, most: int, digits: int) -> Decimal:
        return Decimal(self._random.randrange(most)).scaleb(-digits)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Lake:
    """The deployed module 07-data-transformation.

    Attributes:
        project: The project it is deployed in.
        outputs: Its outputs.
    """

    project: TestProject
    outputs: dict[str, Any]

    def store(self, orders: Sequence[Order]) -> None:
        """Write orders into the orders table."""
        dynamodb = self.project.client("dynamodb")
        for start in range(0, len(orders), 25):
            requests = [{"PutRequest": {"Item": image(order)}} for order in orders[start : start + 25]]
            answer = dynamodb.batch_write_item(RequestItems={TABLE: requests})
            assert not answer["UnprocessedItems"]

    def wait_for(self, versions: int, prefix: str, seconds: float = 300) -> None:
        """Wait until so many versions of orders with this prefix are in the table of order lines."""
        query = (
            "SELECT count(*) FROM (SELECT DISTINCT order_id, version "
            f'FROM "{self.outputs["database_name"]}"."{self.outputs["table_name"]}" '
            f"WHERE order_id LIKE '{prefix}%') AS versions"
        )
        found, deadline = -1, time.monotonic() + seconds
        while found < versions and time.monotonic() < deadline:
            time.sleep(2)
            found = int(self.ask(query)[0][0])
        assert found == versions

    def ask(self, query: str, *parameters: str) -> list[list[Any]]:
        """Run a query in the module's workgroup; returns its rows."""
        return self._rows(self.run(query, *parameters))

    def run(self, query: str, *parameters: str) -> dict[str, Any]:
        """Run a query in the module's workgroup to its end; returns its execution."""
        athena = self.project.client("athena")
        given = {"ExecutionParameters": list(parameters)} if parameters else {}
        identifier = athena.start_query_execution(QueryString=query, WorkGroup=self.outputs["workgroup_name"], **given)[
            "QueryExecutionId"
        ]
        while True:
            execution: dict[str, Any] = athena.get_query_execution(QueryExecutionId=identifier)["QueryExecution"]
            if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
                assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
                return execution
            time.sleep(0.05)

    def _rows(self, execution: dict[str, Any]) -> list[list[Any]]:
        athena = self.project.client("athena")
        pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution["QueryExecutionId"])
        rows = [
            [cell.get("VarCharValue") for cell in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]
        ]
        return rows[1:]

    def saved_query(self, name: str) -> str:
        """Return the text of a saved query."""
        identifier = self.outputs["named_query_ids"][name]
        answer = self.project.client("athena").get_named_query(NamedQueryId=identifier)
        text: str = answer["NamedQuery"]["QueryString"]
        return text

    def figures(self, day: date) -> dict[str, Any]:
        """Return the day's figures by currency, in the report's form, from the saved queries alone."""
        results = {name: self._answers(name, day) for name in self.outputs["named_query_ids"]}
        return {currency: _document(currency, results) for currency, *_ in results["daily-figures"]}

    def _answers(self, name: str, day: date) -> list[list[Any]]:
        return self.ask(self.saved_query(name), f"'{day.isoformat()}'")

    def files(self, prefix: str) -> Iterator[str]:
        """Return the keys below a prefix of the data bucket."""
        s3, bucket = self.project.client("s3"), "ecommerce-analytics-local-data-000000000000"
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                yield item["Key"]


def _document(currency: str, results: dict[str, list[list[Any]]]) -> dict[str, Any]:
    own = {name: [row[1:] for row in rows if row[0] == currency] for name, rows in results.items()}
    [[refunded_orders, refunds, refunded, refund_rate, cancelled, voided, cancelled_rate, kept]] = own[
        "refunds-and-cancellations"
    ]
    [[orders, units, gross, discounts, net, shipping, tax, total, average, order_units]] = own["daily-figures"]

    def amount(value: str) -> str:
        found = Decimal(value)
        rounded = found.quantize(Decimal(1).scaleb(-DIGITS[currency]))
        assert rounded == found, f"{value} {currency} is not an amount"
        return f"{rounded:f}"

    return {
        "orders": int(orders),
        "units": int(units),
        "gross": amount(gross),
        "discounts": amount(discounts),
        "net": amount(net),
        "shipping": amount(shipping),
        "tax": amount(tax),
        "total": amount(total),
        "average_order_value": amount(average),
        "units_per_order": f"{Decimal(order_units):.2f}",
        "refunds": {
            "orders": int(refunded_orders),
            "count": int(refunds),
            "total": amount(refunded),
            "rate": f"{Decimal(refund_rate):.4f}",
        },
        "cancellations": {"orders": int(cancelled), "total": amount(voided), "rate": f"{Decimal(cancelled_rate):.4f}"},
        "kept": amount(kept),
        "customers": {kind: {"orders": int(n), "total": amount(sum_)} for kind, n, sum_ in own["customers"]},
        "by_category": [
            {"category": name, "units": int(n), "gross": amount(sum_)} for name, n, sum_ in own["by-category"]
        ],
        "by_hour": [
            {"start": start, "orders": int(n), "units": int(u), "gross": amount(g), "total": amount(t)}
            for start, n, u, g, t in own["by-hour"]
        ],
        "top_products": {
            kind: [
                {"sku": sku, "units": int(n), "revenue": amount(sum_)}
                for _place, sku, n, sum_ in own[f"top-products-{kind.replace('_', '-')}"]
            ]
            for kind in ("by_revenue", "by_units")
        },
    }

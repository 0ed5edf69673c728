"""Signed calls to a deployed order API."""

from __future__ import annotations

import json
from typing import Any

from demo.catalogue import Call
from demo.shop import Answer, Shop
from tests.support.project import TestProject

ORDER = {
    "customer_id": "customer-1",
    "currency": "USD",
    "items": [{"sku": "BOOK-1", "name": "Atlas", "category": "books", "quantity": 2, "unit_price": "12.50"}],
}


def open_shop(project: TestProject) -> Shop:
    """Return a client of the project's order API, as root."""
    outputs = project.outputs()["03-api-ingestion"]
    url = f"{project.endpoint}/restapis/{outputs['api_id']}/{outputs['api_stage_name']}/_user_request_"
    return Shop(url, "us-east-1", "test", "test")


def place(shop: Shop, key: str, order: Any = None, *, signed: bool = True) -> Answer:
    """Place one order."""
    body = json.dumps(ORDER if order is None else order).encode()
    return shop.place([Call("order", key, body, signed, 201)])[0]

from __future__ import annotations

from pathlib import Path

from tfgen import refusals
from tfgen.refusals import Refusal

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "composed-apply.md"


def test_the_page_has_the_table_of_the_code() -> None:
    assert refusals.to_markdown() in PAGE.read_text("utf-8")


def test_every_reason_is_in_the_table_once() -> None:
    named = [value for value in vars(refusals).values() if isinstance(value, Refusal)]
    assert sorted(row.text for row in named) == sorted(row.text for row in refusals.TABLE)


def test_a_reason_is_said_with_its_values() -> None:
    said = refusals.PROVIDER_VERSION.say(provider="aws", version="5.99.0", usual="5.100.0")
    assert said == "it is locked to provider aws 5.99.0, most modules to 5.100.0"

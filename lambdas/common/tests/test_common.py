"""What the functions share."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from common import clients, days, keys, money, settings, ulid
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("currency", "text"), [("JPY", "1235"), ("EUR", "1234.57"), ("KWD", "1234.568"), ("CLP", "1235")]
)
def test_amounts_have_their_currencys_digits(currency: str, text: str) -> None:
    assert money.as_text(Decimal("1234.5675"), currency) == text


def test_large_amounts_are_neither_rounded_nor_shortened() -> None:
    with money.exact():
        amount = Decimal(10) ** 30 + Decimal("0.01")
    assert money.as_text(amount, "EUR") == "1" + "0" * 30 + ".01"


@hypothesis_settings(deadline=None)
@given(st.integers(0, 2**47), st.integers(0, 2**47))
def test_ids_sort_by_time(one: int, other: int) -> None:
    first, second = sorted((one % 10**12, other % 10**12))
    ids = [ulid.new(datetime.fromtimestamp(moment, UTC)) for moment in (first // 100, second // 100 + 1)]
    assert ids == sorted(ids)
    assert all(ulid.is_valid(text) for text in ids)


def test_ids_differ() -> None:
    now = datetime.now(UTC)
    assert len({ulid.new(now) for _ in range(1000)}) == 1000


def test_shards_are_even_and_stable() -> None:
    now = datetime.now(UTC)
    counts = [0] * 10
    for _ in range(2000):
        counts[keys.shard(ulid.new(now), 10)] += 1
    assert min(counts) > 100
    assert keys.shard("01ARZ3NDEKTSV4RRFFQ69G5FAV", 10) == 1


@hypothesis_settings(deadline=None)
@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.timezones()))
def test_every_instant_lies_in_its_day(moment: datetime) -> None:
    zone = settings.zone({"Z": "Europe/Berlin"}, "Z")
    hours = days.hours(days.business_day(moment, zone), zone)
    assert hours[0] <= moment.astimezone(UTC) < hours[-1] + days.HOUR


def test_instants_are_written_alike_and_need_an_offset() -> None:
    assert days.timestamp(days.instant("2026-11-23T12:00:00+01:00")) == "2026-11-23T11:00:00.000Z"
    with pytest.raises(ValueError, match="offset"):
        days.instant("2026-11-23T12:00:00")


def test_items_come_back_as_they_went() -> None:
    item = {"text": "ü", "number": Decimal("12345678901234567890.1234"), "list": [{"a": Decimal(1)}], "flag": True}
    assert clients.decode(clients.encode(item)) == item


def test_keys_are_those_of_the_table() -> None:
    day = date(2026, 11, 23)
    assert [keys.order("o"), keys.customer("c"), keys.shards(day), keys.day(day, 3)] == [
        "ORDER#o",
        "CUSTOMER#c",
        "SHARDS#2026-11-23",
        "DAY#2026-11-23#3",
    ]
    assert [keys.report(day), keys.mailing(day, 2)] == ["REPORT#2026-11-23", "REPORT#2026-11-23#2"]


@pytest.mark.parametrize("value", ["", "0", "-1", "x", "1.5", "101", "1_0", "\u0661"])
def test_numbers_of_the_environment_are_checked(value: str) -> None:
    with pytest.raises(settings.SettingError, match="DAY_SHARDS"):
        settings.positive({"DAY_SHARDS": value}, "DAY_SHARDS", 100)


@pytest.mark.parametrize("value", ["", "Mars/Base", "../etc/passwd", "/etc/localtime"])
def test_zones_of_the_environment_are_checked(value: str) -> None:
    with pytest.raises(settings.SettingError, match="ZONE"):
        settings.zone({"ZONE": value}, "ZONE")


def test_addresses_of_the_environment_are_split() -> None:
    assert settings.addresses({"TO": " a@x, b@x ,"}, "TO", 50) == ("a@x", "b@x")
    with pytest.raises(settings.SettingError, match="TO"):
        settings.addresses({"TO": " , "}, "TO", 50)


def test_clients_give_up_in_time() -> None:
    config = clients.client("dynamodb", read_timeout=2, attempts=2).meta.config
    assert (config.connect_timeout, config.read_timeout) == (1, 2)
    assert config.retries["total_max_attempts"] == 2

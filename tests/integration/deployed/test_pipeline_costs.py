"""What the functions may cost; `make bench` prints the figures."""

from __future__ import annotations

import pytest

from tests.benchmarks import pipeline
from tests.support.project import TestProject


def test_zips_are_small(deployed: TestProject) -> None:
    zips = list((deployed.root / "terraform").glob("*/artifacts/*.zip"))
    assert len(zips) >= 3
    assert {path.name: path.stat().st_size for path in zips if path.stat().st_size > 5_000_000} == {}


def test_the_order_processor_takes_little_of_its_own() -> None:
    assert pipeline.measure_request(200) <= 3
    handler, floor = pipeline.measure_start(5)
    assert handler <= 1.5 * floor


@pytest.mark.slow
def test_a_report_of_many_orders_is_quick_and_small() -> None:
    """Beside botocore's parser, which takes 12,500 such orders a second where 6,000 in all are asked for."""
    day = pipeline.measure_day(200_000)
    assert day.orders == 200_000
    assert day.peak_megabytes <= 256
    assert day.orders_per_second >= 0.48 * day.parser_per_second
    assert day.aggregation_per_second >= 20_000

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("ministack")

from tfgen.emulator import mends

TESTS = Path(__file__).parents[2] / "integration" / "emulator" / "test_mends.py"


def test_each_mend_says_what_differs_and_has_a_test_of_its_name() -> None:
    tests = set(re.findall(r"^def test_(\w+)\(", TESTS.read_text(encoding="utf-8"), re.MULTILINE))
    for mend in mends.MENDS:
        assert re.search(r"^    AWS: .*^    Emulator: ", mend.__doc__ or "", re.MULTILINE | re.DOTALL), mend
        assert mend.__name__ in tests


def test_embedded_metrics_of_a_line() -> None:
    line = (
        '{"_aws": {"CloudWatchMetrics": [{"Namespace": "shop", "Dimensions": [["service"], []], "Metrics": '
        '[{"Name": "Orders", "Unit": "Count"}]}]}, "service": "api", "Orders": [1, 2]}'
    )
    found = list(mends._embedded_metrics(f"[INFO] {line}"))
    assert [each[2:] for each in found] == [
        (1, "Count", {"service": "api"}), (2, "Count", {"service": "api"}), (1, "Count", {}), (2, "Count", {}),
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["", "plain", '{"_aws": 1}', '"_aws" {', '{"_aws": {"CloudWatchMetrics": {}}}'])
def test_lines_without_embedded_metrics(line: str) -> None:
    assert list(mends._embedded_metrics(line)) == []


def test_query_parameters_become_the_document_they_stand_for() -> None:
    document = mends._from_query({
        "Action": ["PutMetricAlarm"], "Dimensions.member.1.Name": ["a"], "Dimensions.member.2.Name": ["b"],
        "Metrics.member.1.MetricStat.Period": ["60"], "Metrics.member.1.ReturnData": ["false"],
    })  # fmt: skip
    assert document["Dimensions"] == [{"Name": "a"}, {"Name": "b"}]
    assert document["Metrics"] == [{"MetricStat": {"Period": 60}, "ReturnData": False}]


def test_query_xml_escapes_and_leaves_out_what_is_unset() -> None:
    text = mends._to_query_xml({"A": "<&>", "B": None, "C": "", "D": [], "E": [True, {"F": 1}], "GTimestamp": 0})
    assert text == (
        "<A>&lt;&amp;&gt;</A><D></D><E><member>true</member><member><F>1</F></member></E>"
        "<GTimestamp>1970-01-01T00:00:00Z</GTimestamp>"
    )

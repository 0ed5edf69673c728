"""Business metrics in CloudWatch's embedded format: a log line, no call and no permission."""

from __future__ import annotations

from aws_lambda_powertools.metrics import MetricUnit, single_metric


def count(name: str, value: int = 1) -> None:
    """Count something under the namespace and service that the environment names."""
    with single_metric(name=name, unit=MetricUnit.Count, value=value):
        pass

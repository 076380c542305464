"""Logs and metrics, both through Powertools: structured lines and CloudWatch's embedded metric format."""

import os

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

# Service, level and namespace come from POWERTOOLS_* in the template; the service is one for all functions, so that an
# alarm needs one metric, and each line says which function wrote it.
logger = Logger(function=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local"))


def count(name: str, value: float = 1, *, also: str = "", **dimensions: str) -> None:
    """Count `value` under a metric, and under a second one in the same line; each dimension is a label with few values
    (an outcome, never an id)."""
    metrics = EphemeralMetrics()
    for metric in filter(None, (name, also)):
        metrics.add_metric(metric, MetricUnit.Count, value)
    _flush(metrics, dimensions)


def milliseconds(name: str, value: float, **dimensions: str) -> None:
    """Record a duration in milliseconds; CloudWatch's SampleCount of it is the number of calls."""
    metrics = EphemeralMetrics()
    metrics.add_metric(name, MetricUnit.Milliseconds, value)
    _flush(metrics, dimensions)


def _flush(metrics: EphemeralMetrics, dimensions: dict[str, str]) -> None:
    for key, label in dimensions.items():
        metrics.add_dimension(key, label)
    metrics.flush_metrics()

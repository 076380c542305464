"""Logs and metrics, both through Powertools: structured lines and CloudWatch's embedded metric format."""

import os

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

# Service, level and namespace come from POWERTOOLS_* in the template; the service is one for all functions, so that an
# alarm needs one metric, and each line says which function wrote it.
logger = Logger(function=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local"))


def count(name: str, value: float = 1, **dimensions: str) -> None:
    """Counts `value` under a metric; each dimension is a label with few values (an outcome, never an id)."""
    _emit(name, MetricUnit.Count, value, dimensions)


def milliseconds(name: str, value: float, **dimensions: str) -> None:
    """Records a duration in milliseconds; CloudWatch's SampleCount of it is the number of calls."""
    _emit(name, MetricUnit.Milliseconds, value, dimensions)


def _emit(name: str, unit: MetricUnit, value: float, dimensions: dict[str, str]) -> None:
    with single_metric(name=name, unit=unit, value=value) as metric:
        for key, label in dimensions.items():
            metric.add_dimension(key, label)

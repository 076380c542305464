"""What a failed call of AWS is called in a log line."""

import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from jiuwu.aws.clients import describe_error


class ThrottlingException(ClientError):
    """As boto3 makes them for the codes that it knows."""


def refused(kind: type[ClientError], code: str) -> ClientError:
    return kind({"Error": {"Code": code, "Message": "about a member"}}, "PutEvents")


@pytest.mark.parametrize(
    ("error", "described"),
    [
        (refused(ClientError, "AccessDeniedException"), "ClientError AccessDeniedException"),
        (refused(ThrottlingException, "ThrottlingException"), "ThrottlingException"),
        (ClientError({"Error": {}}, "PutEvents"), "ClientError"),
        (EndpointConnectionError(endpoint_url="https://events"), "EndpointConnectionError"),
        (BotoCoreError(), "BotoCoreError"),
    ],
    ids=str,
)
def test_an_error_is_described_by_its_class_and_awss_code(error: Exception, described: str) -> None:
    assert described == describe_error(error)

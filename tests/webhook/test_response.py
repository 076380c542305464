"""What the platform gets back: the profile's success reply, or a reason in JSON."""

import json

import pytest

from jiuwu.platform import profile
from jiuwu.platform.signed_notifications import NotificationRefused
from jiuwu.webhook import response


def test_success_is_what_the_profile_says() -> None:
    contract = profile.load().notification

    found = response.success(contract)

    assert (contract.success_status, contract.success_body) == (found["statusCode"], found["body"])
    assert {"content-type": contract.success_content_type, "x-content-type-options": "nosniff"} == found["headers"]


@pytest.mark.parametrize(("status", "allow"), [(400, {}), (401, {}), (405, {"allow": "POST"}), (503, {})])
def test_a_problem_names_its_reason_and_field(status: int, allow: dict[str, str]) -> None:
    found = response.problem(NotificationRefused(status, "a_reason", "what to do", "a field"))

    expected = {"code": status, "reason": "a_reason", "message": "what to do", "field": "a field"}
    assert (status, expected) == (found["statusCode"], json.loads(found["body"]))
    headers = {"content-type": "application/json", "x-content-type-options": "nosniff"}
    assert headers | allow == found["headers"]

"""What members read: one way to address them, in Chinese, and nothing that only a programmer understands."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

_SPEAKING = (
    "layers/jiuwu/jiuwu/members/login_request.py",
    "functions/back_office/app.py",
    "layers/jiuwu/jiuwu/aws/http/body.py",
    "layers/jiuwu/jiuwu/aws/http/request.py",
    "layers/jiuwu/jiuwu/aws/http/router.py",
    "layers/jiuwu/jiuwu/members/login_pages.py",
    "layers/jiuwu/jiuwu/members/return_to.py",
    "layers/jiuwu/jiuwu/members/member_request.py",
    "layers/jiuwu/jiuwu/members/session_request.py",
    "layers/jiuwu/jiuwu/checkout/cart.py",
    "layers/jiuwu/jiuwu/checkout/list_query.py",
    "layers/jiuwu/jiuwu/checkout/merchant_list.py",
    "layers/jiuwu/jiuwu/checkout/member_errors.py",
    "layers/jiuwu/jiuwu/checkout/merchant_errors.py",
    "layers/jiuwu/jiuwu/checkout/merchant_key.py",
    "layers/jiuwu/jiuwu/checkout/merchant_requests.py",
    "layers/jiuwu/jiuwu/checkout/views.py",
)
_SHOWN = (
    "layers/jiuwu/jiuwu/members/member_request.py",
    "layers/jiuwu/jiuwu/members/session_request.py",
    "layers/jiuwu/jiuwu/checkout/member_errors.py",
)
_PAGES = ("sandbox/shop/page", "sandbox/simulator/pages")
# README: the statuses whose message may be shown to members as it is.
_FOR_MEMBERS = (401, 403, 409, 410, 422, 502, 503)
_FOR_PROGRAMMERS = {"idempotency_key_reused"}
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def refusals(file: Path) -> Iterator[tuple[int, str, str]]:
    """Status (0 where the caller chooses it), reason and message of each refusal that a file spells out; of a message
    put together in parts, the parts that stand there."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")).endswith(
            ("HttpError", "Refused")
        ):
            status, *words = node.args if len(node.args) > 2 else [ast.Constant(0), *node.args]
            if len(words) > 1 and isinstance(status, ast.Constant) and (message := _text(words[1])):
                yield int(str(status.value)), _text(words[0]), message


def _text(node: ast.expr) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


def test_members_are_addressed_in_one_way_everywhere(project: Path) -> None:
    pages = [page for folder in _PAGES for page in (project / folder).iterdir()]
    files = [*(project / name for name in _SPEAKING), *pages]

    assert [] == [file.name for file in files if "你" in file.read_text("utf-8")]


@pytest.mark.parametrize("name", _SPEAKING)
def test_every_refusal_is_said_in_chinese(project: Path, name: str) -> None:
    said = list(refusals(project / name))

    assert [] == [reason for _, reason, message in said if not _CHINESE.search(message)]


@pytest.mark.parametrize("name", _SHOWN)
def test_what_may_be_shown_to_members_has_no_programmers_words_in_it(project: Path, name: str) -> None:
    shown = [one for one in refusals(project / name) if one[0] in _FOR_MEMBERS and one[1] not in _FOR_PROGRAMMERS]

    assert shown
    assert [] == [reason for _, reason, message in shown if re.search(r"[A-Za-z_]{2,}", message)]


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_readmes_say_which_messages_members_may_see(project: Path, readme: str) -> None:
    text = (project / readme).read_text("utf-8")
    (line,) = [line for line in text.splitlines() if "idempotency_key_reused" in line]

    assert [] == [status for status in _FOR_MEMBERS if str(status) not in line]

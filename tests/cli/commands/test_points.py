"""`jiuwu points`: show, audit, grant and deduct a member's points."""

from types import SimpleNamespace
from uuid import uuid4

import pytest

from jiuwu.members.accounts import member_id_for
from tests.cli.conftest import Jiuwu, complaint
from tests.human_texts import UNWRITTEN
from tests.orders.lives import NOW


@pytest.fixture
def member(shop: SimpleNamespace) -> str:
    member_id = member_id_for("app", uuid4().hex)
    texts = {"member_id": member_id, "open_id": "ou", "nickname": "小兰", "avatar_url": "", "link_status": "active"}
    shop.dynamodb.put_item(
        TableName=shop.tables["MembersTable"], Item={name: {"S": text} for name, text in texts.items()}
    )
    return member_id


# ── Points ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_points_are_given_once_and_shown(jiuwu: Jiuwu, shop: SimpleNamespace, member: str) -> None:
    grant = ("points", member, "--grant", "500", "--reason", "生日", "--yes", "--stack", shop.name)
    results = [jiuwu(*grant) for _ in range(2)]

    assert [0, 0] == [result.exit_code for result in results], results[0].output
    assert f"{member}  500 points, 1 entry; the ledger adds up" in results[1].stdout
    assert "+500" in results[1].stdout
    assert "生日" in results[1].stdout


def test_points_once_more_need_a_request_id_of_their_own_whatever_the_reason(
    jiuwu: Jiuwu, shop: SimpleNamespace, member: str
) -> None:
    grant = ("points", member, "--grant", "500", "--yes", "--stack", shop.name)
    first, second = (jiuwu(*grant, *reason) for reason in (("--reason", "生日"), ()))
    third = jiuwu(*grant, "--reason", "新人", "--request-id", "welcome")

    assert (0, 0, 0) == (first.exit_code, second.exit_code, third.exit_code)
    assert "was made before; for another +500 give another --request-id" in second.stderr
    assert 1000 == shop.ledger.balance(member)


def test_a_request_id_is_good_for_one_number_of_points(jiuwu: Jiuwu, shop: SimpleNamespace, member: str) -> None:
    first, second = (
        jiuwu("points", member, "--grant", points, "--request-id", "welcome", "--yes", "--stack", shop.name)
        for points in ("5", "6")
    )

    assert (0, 1, 5) == (first.exit_code, second.exit_code, shop.ledger.balance(member))
    assert "the request id welcome was used before, with another number of points" in complaint(second)


def test_the_help_does_not_say_that_a_member_sees_the_reason(jiuwu: Jiuwu) -> None:
    assert "the member does not see it" in " ".join(jiuwu("points", "--help").stdout.replace("│", " ").split())


@pytest.mark.parametrize(("text", "code_point"), [one for one in UNWRITTEN if "\x00" not in one[0]], ids=ascii)
def test_the_reason_of_points_is_one_that_people_write(
    jiuwu: Jiuwu, shop: SimpleNamespace, member: str, text: str, code_point: str
) -> None:
    result = jiuwu("points", member, "--grant", "5", "--reason", text, "--yes", "--stack", shop.name)

    assert (2, 0) == (result.exit_code, shop.ledger.balance(member))
    assert f"--reason: {code_point} at character" in complaint(result)


def test_points_are_taken_and_never_below_zero(jiuwu: Jiuwu, shop: SimpleNamespace, member: str) -> None:
    shop.ledger.grant(member, "welcome", 100, at=NOW)

    taken = jiuwu("points", member, "--deduct", "60", "--yes", "--stack", shop.name)
    refused = jiuwu("points", member, "--deduct", "41", "--yes", "--stack", shop.name)

    assert "40 points" in taken.stdout
    assert "has only 40 points" in complaint(refused)
    assert 40 == shop.ledger.balance(member)


def test_points_change_only_when_a_person_says_yes(
    jiuwu: Jiuwu, shop: SimpleNamespace, member: str, terminal: None
) -> None:
    grant = ("points", member, "--grant", "5", "--stack", shop.name)

    declined = jiuwu(*grant, stdin="n\n")
    assert (130, 0) == (declined.exit_code, shop.ledger.balance(member))
    assert f"{member} has 0 points\nGrant {member} 5 points in {shop.name}?" in declined.stderr

    assert (0, 5) == (jiuwu(*grant, stdin="y\n").exit_code, shop.ledger.balance(member))


@pytest.mark.parametrize("stdin", ["", "y\n"])
def test_without_a_terminal_points_change_only_by_yes(
    jiuwu: Jiuwu, shop: SimpleNamespace, member: str, stdin: str
) -> None:
    result = jiuwu("points", member, "--grant", "5", "--stack", shop.name, stdin=stdin)

    assert "nothing was changed: there is no terminal to ask for confirmation; give --yes" in complaint(result)
    assert (1, 0) == (result.exit_code, shop.ledger.balance(member))


def test_books_that_do_not_add_up_end_in_an_error(jiuwu: Jiuwu, shop: SimpleNamespace, member: str) -> None:
    shop.dynamodb.put_item(
        TableName=shop.tables["PointsTable"],
        Item={"member_id": {"S": member}, "entry": {"S": "balance"}, "points": {"N": "7"}},
    )

    result = jiuwu("points", member, "--stack", shop.name)

    assert (1, True) == (result.exit_code, "the entries add up to 0, the balance is 7" in complaint(result))


@pytest.mark.parametrize("wrong", ["mb_" + "a" * 20, "nobody", ""])
def test_a_member_who_is_not_there_is_said_so(jiuwu: Jiuwu, shop: SimpleNamespace, wrong: str) -> None:
    assert "there is no member" in complaint(jiuwu("points", wrong, "--grant", "1", "--stack", shop.name))


@pytest.mark.parametrize(
    "options",
    [
        *(("--grant", "0"), ("--grant", "-5"), ("--grant", "x"), ("--grant", "1", "--deduct", "1")),
        *(("--grant", "1", "--request-id", ""), ("--grant", "1", "--request-id", "钥匙")),
    ],
)
def test_a_change_that_makes_no_sense_is_a_misuse(
    jiuwu: Jiuwu, shop: SimpleNamespace, member: str, options: tuple[str, ...]
) -> None:
    result = jiuwu("points", member, *options, "--yes", "--stack", shop.name)

    assert 2 == result.exit_code, result.output
    assert 0 == shop.ledger.balance(member)

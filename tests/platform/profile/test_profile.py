from pathlib import Path

import pytest

from jiuwu.platform import profile as profiles
from jiuwu.platform.profile import ProfileError
from jiuwu.platform.signing import Scheme


def overlay(directory: Path, text: str) -> profiles.Profile:
    (directory / "mine.toml").write_text(text, "utf-8")
    return profiles.load("mine", directory=directory)


def test_the_shipped_profile_signs_as_the_scheme_defaults_say() -> None:
    assert Scheme() == profiles.load().signing


def test_an_overlay_says_only_what_differs(tmp_path: Path) -> None:
    mine = overlay(tmp_path, '[signing]\nalgorithm = "hmac-sha1"\n[codes]\nbusy = ["BUSY", [500, 599]]\n')
    assert ("hmac-sha1", "sign") == (mine.signing.algorithm, mine.signing.excluded[0])
    assert ("busy", "busy", "internal", None) == tuple(mine.codes.meaning(code) for code in ("BUSY", 507, 90000, 7))


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ('[signing]\nalgorithm = "rot13"', "signing.algorithm", "use one of md5, sha1"),
        ('[signing]\nalgoritm = "md5"', "signing.algoritm", "did you mean signing.algorithm?"),  # codespell:ignore
        ('[signing]\nalgorithm = "md5"', "signing.secret_place", "a plain digest has no key"),
        ('[signing]\ntimestamp_format = "%H:%M"', "signing.timestamp_format", "does not write a time"),
        ("[signing]\ntolerance_seconds = 0", "signing.tolerance_seconds", "above 0"),
        ("[gateway]\ntimeout_seconds = -1", "gateway.timeout_seconds", "expected float > 0.0"),
        ('[gateway]\ntimeout_seconds = "2"', "gateway.timeout_seconds", "expected float, got str"),
        ("gateway = 2", "gateway", "expected object, got int"),
        ('[api]\n"orders.create" = "FETCH /orders"', "api.orders.create", "regex"),
        ('[api]\n"orders.create" = "POST /orders/{id}"', "api.orders.create", "nothing to fill {id} with"),
        ('[api]\n"orders.delete" = "POST /orders"', "api.orders.delete", "is not a field"),
        ('[order_status]\nWAIT_PAY = "waiting"', "order_status.WAIT_PAY", "use one of created, paid"),
        ('[order_status]\nWAIT_PAY = "created"', "order_status", "no word means cancelled"),
        ("[codes]\nbusy = [1.5]", "codes.busy", "expected int | str | array, got float"),
        ("[codes]\nbusy = [[1]]", "codes.busy", "length 2"),
        ("[reply]\nsuccess = []", "reply.success", "length >= 1"),
        ("[reply]\nsuccess = [0, 30001]", "codes.token_invalid", "in reply.success"),
        ("[codes]\nbusy = [[0, 9]]", "codes.busy", "in reply.success"),
        ('[reply]\nsuccess = ["OK"]\n[oauth]\ngrant_over = ["OK"]', "oauth.grant_over", "in reply.success"),
        ("[oauth]\ngrant_over = [[0, 99]]", "oauth.grant_over", "in reply.success"),
        ("[oauth]\ndefault_expires_in = 31536001", "oauth.default_expires_in", "<= 31536000"),
        ("[signing]\ntimestamp_zone_hours = 24.0", "signing.timestamp_zone_hours", "no time zone"),
        ("[signing]\ntimestamp_zone_hours = nan", "signing.timestamp_zone_hours", "no time zone"),
        ("[signing]\ntimestamp_zone_hours = -inf", "signing.timestamp_zone_hours", "no time zone"),
        ("[limits]\ncalls_per_second = inf", "limits.calls_per_second", "<= 1000000"),
        ('[notification.signed]\nbody = ""', "notification.signed.body", "length >= 1"),
        (
            '[notification.event_types]\n"order.paid" = "order.refunded"',
            "notification.event_types.order.paid",
            "same name as another",
        ),
        ("[fields.order]\namount = 1", "fields.order.amount", "expected str, got int"),
        ("signing = [\n", "mine.toml", "mend"),
    ],
)
def test_a_wrong_profile_is_refused_with_the_field(tmp_path: Path, text: str, field: str, words: str) -> None:
    with pytest.raises(ProfileError) as refused:
        overlay(tmp_path, text)
    assert field == refused.value.field
    assert words in str(refused.value)


def test_lanes_that_share_out_more_than_there_is_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[limits.lanes.products]\nshare = 16\n", "utf-8")

    with pytest.raises(ProfileError, match=r"limits\.lanes: the shares are more than 100 percent"):
        profiles.load("mine", directory=tmp_path)


def test_a_refusal_never_shows_a_value(tmp_path: Path) -> None:
    with pytest.raises(ProfileError) as refused:
        overlay(tmp_path, '[signing]\nalgorithm = "a-secret-pasted-here"')
    assert "a-secret-pasted-here" not in str(refused.value)


def test_an_unknown_profile_name_is_refused_with_those_there_are(tmp_path: Path) -> None:
    for name in ("nothing", "../jiuwu", "", "/etc/passwd"):
        with pytest.raises(ProfileError, match="there are: jiuwu"):
            profiles.load(name)


def test_their_words_for_order_states_replace_ours_whole(tmp_path: Path) -> None:
    words = {"WAIT_PAY": "created", "PAID": "paid", "SENT": "shipped", "DONE": "completed", "BACK": "refunded"}
    lines = [f'{theirs} = "{ours}"' for theirs, ours in {**words, "CLOSED": "cancelled", "VOID": "cancelled"}.items()]
    mine = overlay(tmp_path, "[order_status]\n" + "\n".join(lines))
    assert ("CLOSED", "SENT") == (mine.their_status("cancelled"), mine.their_status("shipped"))
    assert "created" not in mine.order_status


@pytest.mark.parametrize(
    ("found", "path", "expected"),
    [
        ({"a": {"b": 1}}, "a.b", 1),
        ({"a": {"b": 1}}, "", {"a": {"b": 1}}),
        ({"a": 5}, "a.b", None),
        ([], "a", None),
        ({}, "a", None),
    ],
)
def test_lookup_follows_dots_and_ends_in_none(found: object, path: str, expected: object) -> None:
    assert expected == profiles.lookup(found, path)

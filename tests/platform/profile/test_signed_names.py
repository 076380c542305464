"""A profile never weakens what is signed: whichever way it is written, what would let a forgery or a replay in does not
load."""

from pathlib import Path

import pytest

from jiuwu.platform.profile import ProfileError, load

SIGNED = ["app_id", "timestamp", "nonce", "event_id", "body"]
WEAK = [
    *((f'[signing]\nexcluded = ["sign", "{name}"]', "signing.excluded") for name in [*SIGNED, "access_token"]),
    ('[notification.signed]\nbody = "payload"\n[signing]\nexcluded = ["payload"]', "signing.excluded"),
    ('[notification.signed]\ntimestamp = "t"\n[signing]\nexcluded = ["sign", "t"]', "signing.excluded"),
    ('[notification.signed]\nbody = "sign"', "signing.excluded"),
    ('[call]\ntimestamp = "ts"\n[signing]\nexcluded = ["sign", "ts"]', "signing.excluded"),
    ('[signing]\nbody_name = "data"\nexcluded = ["sign", "data"]', "signing.excluded"),
    ('[signing]\nbody_name = "sign"', "signing.excluded"),
    ('[notification.signed]\nbody = "timestamp"', "notification.signed.body"),
    ('[notification.signed]\ntimestamp = "nonce"', "notification.signed.nonce"),
    ('[notification.signed]\napp_id = "body"', "notification.signed.body"),
    ('[notification.signed]\nevent_id = "nonce"', "notification.signed.event_id"),
    ('[call]\nnonce = "timestamp"', "call.nonce"),
    ('[call]\nsign = "timestamp"', "call.sign"),
    ('[signing]\nbody_name = "nonce"', "signing.body_name"),
    ('[fields.request]\ncursor = "timestamp"', "fields.request.cursor"),
    ('[signing]\nsecret_place = "append_key"\nappend_name = "nonce"', "signing.append_name"),
    ('[notification.headers]\nnonce = "X-Jiuwu-Timestamp"', "notification.headers.nonce"),
    ('[notification.headers]\nsignature = "x-jiuwu-event-id"', "notification.headers.signature"),
    ('[notification.headers]\nnonce = "X Nonce"', "notification.headers.nonce"),
    ('[notification.headers]\nnonce = "X-Nonce:"', "notification.headers.nonce"),
    ('[notification.headers]\nnonce = "随机串"', "notification.headers.nonce"),
    ('[notification.headers]\nnonce = "X-Nonce\\n"', "notification.headers.nonce"),
    ('[notification.headers]\nnonce = ""', "notification.headers.nonce"),
    ("[signing]\ntolerance_seconds = 3601", "signing.tolerance_seconds"),
    ("[signing]\ntolerance_seconds = 31536000", "signing.tolerance_seconds"),
    ('[signing]\nfield_joiner = "1"', "signing.field_joiner"),
    ('[signing]\npair_joiner = "a"', "signing.pair_joiner"),
    ('[notification.signed]\ntimestamp = "1"', "notification.signed.timestamp"),
    ('[notification.signed]\ntimestamp = " "', "notification.signed.timestamp"),
    ('[signing]\ntimestamp_format = "%Y-%m-%d %I:%M:%S"', "signing.timestamp_format"),
    ('[signing]\ntimestamp_format = "%Y-%m-%d"', "signing.timestamp_format"),
    ('[signing]\nalgorithm = "sha256"', "signing.secret_place"),
]


@pytest.mark.parametrize(("text", "field"), WEAK)
def test_a_profile_that_leaves_open_what_must_be_signed_is_refused(text: str, field: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    with pytest.raises(ProfileError) as refused:
        load("mine", directory=tmp_path)
    assert field == refused.value.field
    assert refused.value.problem
    assert refused.value.hint


@pytest.mark.parametrize(
    "text",
    [
        '[signing]\nexcluded = ["sign", "sign_method"]',
        "[signing]\nexcluded = []",
        '[signing]\npair_joiner = ""\nfield_joiner = ""',
        '[signing]\nfield_joiner = "\\n"',
        "[signing]\ntolerance_seconds = 3600",
        # the body holds the event id, and is signed
        '[notification.signed]\napp_id = ""\nnonce = ""\nevent_id = ""',
        '[notification.headers]\nnonce = "X-Request.Nonce_1"',
        '[notification.signed]\nbody = "data"\n[signing]\nbody_name = "data"',
    ],
)
def test_a_profile_that_signs_what_it_must_loads(text: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    assert load("mine", directory=tmp_path).notification.signed.body


def test_a_refusal_names_the_field_and_shows_no_value_of_the_overlay(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[call]\nnonce = "n3v3r-shown"\ntimestamp = "n3v3r-shown"', "utf-8")
    with pytest.raises(ProfileError, match=r"call\.nonce: has the same name as call\.timestamp") as refused:
        load("mine", directory=tmp_path)
    assert "n3v3r" not in str(refused.value)

"""The safeguards of what is read leniently, of profiles that would weaken a signature, and of lists without an end."""

from tests.proof.mutations.safeguard import Safeguard

_WEAK = ("tests/platform/profile/test_signed_names.py::test_a_profile_that_leaves_open_what_must_be_signed_is_refused",)

BORDER = (
    Safeguard(
        "what must be signed is not excluded",
        7,
        "layers/jiuwu/jiuwu/platform/profile/signed_names.py",
        "if name in profile.signing.excluded:",
        "if name in ():",
        _WEAK,
    ),
    Safeguard(
        "no two signed things under one name",
        7,
        "layers/jiuwu/jiuwu/platform/profile/signed_names.py",
        "if (other := first.setdefault(name, field)) != field:",
        "if (other := first.setdefault(field, field)) != field:",
        _WEAK,
    ),
    Safeguard(
        "a replay window of an hour at most",
        5,
        "layers/jiuwu/jiuwu/platform/signing/scheme.py",
        "if not 0 < self.tolerance_seconds <= LONGEST_TOLERANCE:",
        "if not 0 < self.tolerance_seconds:",
        _WEAK,
    ),
    Safeguard(
        "a missing list of payments is not an order without any",
        3,
        "layers/jiuwu/jiuwu/platform/field_reading.py",
        "    if not isinstance(holder, Mapping) or leaf not in holder:\n        return None\n",
        "    if not isinstance(holder, Mapping) or leaf not in holder:\n        return []\n",
        ("tests/platform/test_odd_forms.py::test_a_missing_list_of_payments_is_not_an_order_without_any",),
    ),
    Safeguard(
        "two ids that differ in what cannot be read do not become one",
        2,
        "layers/jiuwu/jiuwu/platform/models.py",
        "if isinstance(value, str) and REPLACEMENT in value:",
        'if value == "":',
        ("tests/platform/test_payloads.py::test_a_wrong_field_of_an_order_is_named",),
    ),
    Safeguard(
        "a dead grant is known by its code, too",
        3,
        "layers/jiuwu/jiuwu/platform/calls/oauth.py",
        '_OVER = ("token_invalid", "token_expired")',
        '_OVER = ("nothing",)',
        ("tests/platform/calls/test_oauth.py::test_each_refusal_is_its_own_error",),
    ),
    Safeguard(
        "a member is renewed before the refresh token ends",
        3,
        "layers/jiuwu/jiuwu/members/grants.py",
        "refresh_at = min(tokens.expires_at, tokens.refresh_expires_at)",
        "refresh_at = tokens.expires_at",
        (
            "tests/members/test_tokens.py"
            "::test_a_member_is_renewed_before_the_refresh_token_ends_whatever_the_access_token_says",
        ),
    ),
    Safeguard(
        "a circle of pages ends the pass",
        3,
        "layers/jiuwu/jiuwu/reconciliation/page_trail.py",
        "if following in (name, self.mark):",
        "if following == name:",
        ("tests/reconciliation/test_page_trail.py::test_a_circle_of_pages_is_noticed_soon",),
    ),
    Safeguard(
        "a pass that was broken off skips no change",
        3,
        "layers/jiuwu/jiuwu/reconciliation/repository.py",
        "return self._ended(max(self.since, seen), seen)",
        "return self._ended(max(self.since, seen, self.began - OVERLAP_SECONDS), seen)",
        (
            "tests/reconciliation/test_repository.py"
            "::test_a_list_broken_off_is_gone_on_with_at_the_latest_change_and_not_a_moment_later",
        ),
    ),
)

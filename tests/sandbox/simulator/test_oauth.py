"""The simulated login: consent, codes that are good once, tokens that rotate."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.sandbox.simulator.simulated import APP, CALLBACK, Merchant, merchant

pytestmark = pytest.mark.anyio


def answered(reply: httpx.Response) -> dict[str, str]:
    assert reply.status_code == 302
    where = urlsplit(reply.headers["location"])
    assert f"{where.scheme}://{where.netloc}{where.path}" == CALLBACK
    return {name: values[0] for name, values in parse_qs(where.query).items()}


async def me(one: Merchant, token: str) -> int:
    code: int = (await one.call("users.me", token))["code"]
    return code


async def test_consent_leads_back_with_code_and_state_and_the_code_gives_tokens() -> None:
    async with merchant() as one:
        back = answered(await one.authorize("ou_anybody-1"))
        tokens = (await one.exchange(back["code"])).json()
        user = (await one.call("users.me", tokens["access_token"]))["data"]
    assert back["state"] == "state-1"
    assert (tokens["token_type"], tokens["expires_in"], tokens["open_id"]) == ("Bearer", 7200, "ou_anybody-1")
    assert (tokens["refresh_expires_in"], tokens["scope"]) == (2592000, "profile orders")
    assert user["open_id"] == "ou_anybody-1"


async def test_the_page_offers_members_and_carries_what_was_asked() -> None:
    async with merchant() as one:
        requested = {
            "response_type": "code",
            "client_id": APP.app_id,
            "redirect_uri": CALLBACK,
            "state": '"><script>',
            "code_challenge": "c" * 43,
            "code_challenge_method": "S256",
        }
        page = await one.http.get("/oauth/authorize", params=requested)
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert page.text.count('type="radio"') == 5
    assert "同意" in page.text
    assert "拒绝" in page.text
    assert "<script>" not in page.text


async def test_refused_consent_says_so_to_the_app() -> None:
    async with merchant() as one:
        back = answered(await one.authorize(decision="deny"))
    assert back == {"error": "access_denied", "state": "state-1"}


@pytest.mark.parametrize(
    "wrong", [{"client_id": "another"}, {"redirect_uri": CALLBACK + "/"}, {"redirect_uri": "https://evil.example"}]
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(wrong: dict[str, str]) -> None:
    async with merchant() as one:
        reply = await one.authorize(**wrong)
    assert (reply.status_code, "location" in reply.headers) == (400, False)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"state": ""}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "profile everything"}, "invalid_scope"),
    ],
)
async def test_a_wrong_request_is_answered_by_redirect(wrong: dict[str, str], error: str) -> None:
    async with merchant() as one:
        back = answered(await one.authorize(**wrong))
    assert back["error"] == error


@pytest.mark.parametrize("member", ["", "lan", "ou_", "ou_<u>", "ou_" + "x" * 62])
async def test_an_impossible_member_is_requested_again(member: str) -> None:
    async with merchant() as one:
        page = await one.authorize(member)
    assert (page.status_code, "同意" in page.text, "<u>" in page.text) == (400, True, False)


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"code_verifier": "w" * 43}, 400, "invalid_grant"),
        ({"code_verifier": ""}, 400, "invalid_grant"),
        ({"redirect_uri": CALLBACK + "2"}, 400, "invalid_grant"),
        ({"code": "ac_unknown"}, 400, "invalid_grant"),
        ({"client_secret": "guess"}, 401, "invalid_client"),
        ({"client_secret": "密"}, 401, "invalid_client"),
        ({"client_id": "another"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
async def test_a_wrong_exchange_is_refused_as_rfc_6749_says(changed: dict[str, str], status: int, error: str) -> None:
    async with merchant() as one:
        fields = {"code": await one.code()} | changed
        reply = await one.exchange(**fields)
    assert (reply.status_code, reply.json()["error"]) == (status, error)


async def test_a_code_used_twice_revokes_what_it_gave() -> None:
    async with merchant() as one:
        code = await one.code()
        tokens = (await one.exchange(code)).json()
        assert await me(one, tokens["access_token"]) == 0
        again = await one.exchange(code)
        assert (again.json()["error"], await me(one, tokens["access_token"])) == ("invalid_grant", 30001)


async def test_a_code_lives_five_minutes() -> None:
    async with merchant() as one:
        code = await one.code()
        grants = one.simulator.state.grants
        assert 295 < grants.codes[code].expires_at - one.simulator.state.now() <= 300
        grants.codes[code].expires_at -= 301
        assert (await one.exchange(code)).json()["error"] == "invalid_grant"


async def test_the_previous_refresh_token_is_good_until_the_new_one_is_used() -> None:
    async with merchant() as one:
        first = (await one.log_in())["refresh_token"]
        lost = (await one.renew(first)).json()["refresh_token"]
        second = (await one.renew(first)).json()["refresh_token"]
        assert len({first, lost, second}) == 3
        assert (await one.renew(lost)).json()["error"] == "invalid_grant"
        assert (await one.renew(second)).status_code == 200
        assert (await one.renew(first)).json()["error"] == "invalid_grant"
        assert (await one.renew(second)).status_code == 200


async def test_an_expired_access_token_is_renewed_by_its_refresh_token() -> None:
    async with merchant() as one:
        tokens = await one.log_in()
        assert (await one.control("POST", "tokens/expire"))["expired"] == 1
        assert await me(one, tokens["access_token"]) == 30002
        renewed = (await one.renew(tokens["refresh_token"])).json()
        assert await me(one, renewed["access_token"]) == 0


async def test_about_the_asked_share_of_members_expires_and_always_the_same_ones() -> None:
    async with merchant() as one:
        tokens = {f"ou_{number}": (await one.log_in(f"ou_{number}"))["access_token"] for number in range(60)}
        expired = (await one.control("POST", "tokens/expire", fraction=0.5))["expired"]
        assert (await one.control("POST", "tokens/expire", fraction=0.5))["expired"] == 0
        codes = [await me(one, token) for token in tokens.values()]
    assert (codes.count(30002), 18 < expired < 42) == (expired, True)


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
async def test_revoking_either_token_ends_the_grant(which: str) -> None:
    async with merchant() as one:
        tokens = await one.log_in()
        client = {"client_id": APP.app_id, "client_secret": APP.secret}
        replies = [await one.http.post("/oauth/revoke", data=client | {"token": tokens[which]}) for _ in range(2)]
        assert [reply.status_code for reply in replies] == [200, 200]
        assert await me(one, tokens["access_token"]) == 30001
        assert (await one.renew(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_revoking_takes_the_apps_secret() -> None:
    async with merchant() as one:
        tokens = await one.log_in()
        fields = {"client_id": APP.app_id, "client_secret": "guess", "token": tokens["access_token"]}
        reply = await one.http.post("/oauth/revoke", data=fields)
        assert (reply.status_code, await me(one, tokens["access_token"])) == (401, 0)


async def test_what_the_member_did_not_grant_is_refused() -> None:
    async with merchant() as one:
        tokens = (await one.exchange(await one.code(scope="profile"))).json()
        assert await me(one, tokens["access_token"]) == 0
        assert (await one.place(token=tokens["access_token"]))["code"] == 30003


@pytest.mark.parametrize("path", ["/oauth/authorize", "/oauth/token", "/oauth/revoke"])
@pytest.mark.parametrize("body", [b"", b"\xff\xfe=%", b"&" * 200, b'{"json": true}', b"a" * 100_000])
async def test_junk_in_a_form_is_the_senders_fault(path: str, body: bytes) -> None:
    async with merchant() as one:
        reply = await one.http.post(path, content=body)
    assert 400 <= reply.status_code < 500

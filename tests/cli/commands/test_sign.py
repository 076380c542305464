"""`jiuwu sign` signs as the platform does, and shows no secret."""

import hashlib
import hmac
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
import yaml

from jiuwu.platform import profile, signing
from jiuwu_cli.commands.sign import masked
from jiuwu_cli.deployment import app_secret
from jiuwu_cli.terminal.errors import UsageError
from tests.cli.conftest import SECRET, Jiuwu, complaint

ROOT = Path(__file__).parents[3]
SHOWN = yaml.safe_load((ROOT / "docs/platform-contract.yaml").read_text("utf-8"))["info"]["x-signature-examples"][0]


def _lines(output: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in output.splitlines())


def test_the_contracts_example_gets_the_contracts_signature(jiuwu: Jiuwu) -> None:
    parameters = dict(SHOWN["parameters"])
    body = parameters.pop("body")
    params = [part for name, value in parameters.items() for part in ("-p", f"{name}={value}")]

    result = jiuwu("sign", *params, "--body", body, secret=SHOWN["secret"])

    assert {"canonical string": SHOWN["canonical_string"], "signature": SHOWN["sign"]} == _lines(result.stdout)


def test_a_long_canonical_string_stays_on_one_line(jiuwu: Jiuwu) -> None:
    result = jiuwu("sign", "-p", "a=" + "x" * 3000, COLUMNS="40")

    assert 2 == len(result.stdout.splitlines())


@pytest.mark.parametrize("how", ["text", "file", "stdin"])
def test_the_body_is_signed_byte_for_byte_however_it_comes(jiuwu: Jiuwu, tmp_path: Path, how: str) -> None:
    body = b'{"title":"\xe9\xbe\x99\xe4\xba\x95"}\r\n\xff'
    (tmp_path / "body.json").write_bytes(body)
    given = {"text": body.decode("utf-8", "surrogateescape"), "file": "@body.json", "stdin": "-"}[how]
    expected = hmac.new(SECRET.encode(), b"a=1&body=" + body, hashlib.sha256).hexdigest()

    result = jiuwu("sign", "-p", "a=1", "--body", given, stdin=body if how == "stdin" else None)

    assert expected == _lines(result.stdout)["signature"]


def test_a_newline_at_the_end_of_the_body_is_pointed_out(jiuwu: Jiuwu) -> None:
    assert "ends with a newline" in jiuwu("sign", "--body", "-", stdin="{}\n").stderr


def test_a_body_beyond_all_bounds_is_refused(jiuwu: Jiuwu) -> None:
    assert "longer than 10 MB" in complaint(jiuwu("sign", "--body", "@/dev/zero"))


@pytest.mark.parametrize("place", ["append", "append_key", "both_ends"])
def test_the_secret_is_masked_wherever_the_profile_puts_it(place: signing.SecretPlace) -> None:
    scheme = signing.Scheme(algorithm="md5", secret_place=place)

    shown = masked(scheme, {"a": "1", "b": f"x{SECRET}"}, SECRET, "")

    assert SECRET not in shown
    assert "***" in shown.replace("x***", "")


def test_the_sandboxs_secret_is_used_when_no_other_is_given(jiuwu: Jiuwu, running_sandbox: Callable[..., None]) -> None:
    running_sandbox()

    result = jiuwu("sign", "-p", "a=1", secret=None)

    assert hmac.new(SECRET.encode(), b"a=1", hashlib.sha256).hexdigest() == _lines(result.stdout)["signature"]
    assert "using the running sandbox's secret" in result.stderr


def test_a_variable_named_by_the_caller_wins_over_the_sandbox(
    jiuwu: Jiuwu, running_sandbox: Callable[..., None]
) -> None:
    running_sandbox()

    result = jiuwu("sign", "-p", "a=1", "--secret-env", "MINE", secret=None, MINE="mine")

    assert hmac.new(b"mine", b"a=1", hashlib.sha256).hexdigest() == _lines(result.stdout)["signature"]


def test_a_secret_with_white_space_around_it_is_pointed_out(jiuwu: Jiuwu) -> None:
    assert "ends with white space" in jiuwu("sign", "-p", "a=1", secret=f"{SECRET} ").stderr


def test_a_secret_that_is_no_text_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIUWU_APP_SECRET", "hush\udcff")

    with pytest.raises(UsageError, match="JIUWU_APP_SECRET does not contain text") as refused:
        app_secret.read_app_secret(None, None)

    assert "hush" not in str(refused.value)


def test_without_any_secret_it_says_where_to_put_one(jiuwu: Jiuwu) -> None:
    result = jiuwu("sign", "-p", "a=1", secret=None)

    assert "no app secret; set JIUWU_APP_SECRET, or start one with `make up`" in complaint(result)
    assert 1 == result.exit_code


def test_the_secret_is_requested_at_a_terminal_and_not_echoed(monkeypatch: pytest.MonkeyPatch) -> None:
    requested: list[dict[str, object]] = []

    def prompt(_: str, **options: object) -> str:
        requested.append(options)
        return "typed"

    monkeypatch.delenv("JIUWU_APP_SECRET", raising=False)
    monkeypatch.setattr(sys, "stdin", type("Terminal", (), {"isatty": lambda _: True})())
    monkeypatch.setattr(typer, "prompt", prompt)

    assert "typed" == app_secret.read_app_secret(None, None)
    assert [{"hide_input": True, "err": True}] == requested


def test_another_profile_signs_by_its_own_scheme(jiuwu: Jiuwu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[signing]\nalgorithm = "md5"\nsecret_place = "append"\noutput = "hex_upper"\n')
    (tmp_path / "jiuwu.toml").write_bytes((Path(profile.__file__).parent / "jiuwu.toml").read_bytes())
    monkeypatch.setattr("jiuwu.platform.profile.loader._DIRECTORY", tmp_path)
    profile.load.cache_clear()

    result = jiuwu("sign", "-p", "a=1", "--profile", "mine")

    profile.load.cache_clear()
    assert hashlib.md5(b"a=1" + SECRET.encode()).hexdigest().upper() == _lines(result.stdout)["signature"]
    assert "a=1***" == _lines(result.stdout)["canonical string"]


def test_json_in_a_body_is_not_taken_for_colours(jiuwu: Jiuwu) -> None:
    body = json.dumps({"a": ["[red]", "[/]"]})

    assert f"body={body}" == _lines(jiuwu("sign", "--body", body).stdout)["canonical string"]

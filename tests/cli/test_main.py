"""What holds for every command: help with an example, refusals on one line, no traceback whatever is typed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import Result

from tests.cli.conftest import SECRET, Jiuwu, complaint

COMMANDS = ["doctor", "sign", "verify", "trigger"]
ROOT = Path(__file__).parents[2]

MISUSES: dict[str, list[str]] = {
    "no such command": ["sing"],
    "no such option": ["sign", "--frobnicate"],
    "an option without its value": ["sign", "-p"],
    "nothing to sign": ["sign"],
    "a parameter without =": ["sign", "-p", "app_id"],
    "a parameter without a name": ["sign", "-p", "=1"],
    "a parameter twice": ["sign", "-p", "a=1", "-p", "a=2"],
    "the body as a parameter": ["sign", "-p", "body={}"],
    "a body file that is not there": ["sign", "--body", "@nowhere.json"],
    "a body file that is a folder": ["sign", "--body", "@."],
    "a body file without a name": ["sign", "--body", "@"],
    "a body file with a NUL in its name": ["sign", "--body", "@a\0b"],
    "a profile that is not there": ["sign", "-p", "a=1", "--profile", "nobody"],
    "a profile outside the folder": ["sign", "-p", "a=1", "--profile", "../../../etc/passwd"],
    "a secret's variable that is not set": ["sign", "-p", "a=1", "--secret-env", "NOT_SET"],
    "a secret as an argument": ["sign", "-p", "a=1", "--secret", "hush"],
    "nothing to verify": ["verify", "-p", "a=1"],
    "a call and a notification at once": ["verify", "-p", "a=1", "-H", "X-Jiuwu-Nonce: n", "--signature", "s"],
    "a header without a colon": ["verify", "-H", "X-Jiuwu-Nonce"],
    "a notification without its timestamp": ["verify", "-H", "X-Jiuwu-App-Id: a"],
    "two readers of standard input": ["verify", "-p", "a=1", "--body", "-", "--canonical", "-"],
    "a time that is no number": ["verify", "-p", "a=1", "--signature", "s", "--now", "noon"],
    "a time that is infinite": ["verify", "-p", "a=1", "--signature", "s", "--now", "inf"],
    "an event that is not there": [
        "trigger",
        "order.payed",  # codespell:ignore
        "--url",
        "http://127.0.0.1:9",
        "--app-id",
        "a",
    ],  # codespell:ignore
    "no event": ["trigger"],
    "an AppID for no header": ["trigger", "order.paid", "--url", "http://127.0.0.1:9", "--app-id", "玖"],
    "no copies": ["trigger", "order.paid", "--copies", "0"],
    "a million copies": ["trigger", "order.paid", "--copies", "1000000"],
    "a URL of another kind": ["trigger", "order.paid", "--url", "ftp://example.com", "--app-id", "a"],
    "a URL that is none": ["trigger", "order.paid", "--url", "http://[::", "--app-id", "a"],
    "a URL with a port out of range": ["trigger", "order.paid", "--url", "http://127.0.0.1:99999999", "--app-id", "a"],
    "a URL with a password": ["trigger", "order.paid", "--url", "https://a:b@example.com", "--app-id", "a"],
    "a URL without an AppID": ["trigger", "order.paid", "--url", "https://example.com"],
    "a setting without a path": [
        "trigger",
        "order.paid",
        "--url",
        "http://127.0.0.1:9",
        "--app-id",
        "a",
        "--set",
        "=1",
    ],
    "a setting without =": ["trigger", "order.paid", "--url", "http://127.0.0.1:9", "--app-id", "a", "--set", "amount"],
    "a setting with a gap": [
        "trigger",
        "order.paid",
        "--url",
        "http://127.0.0.1:9",
        "--app-id",
        "a",
        "--set",
        "a..b=1",
    ],
    "a setting below a value": [
        *("trigger", "order.paid", "--url", "http://127.0.0.1:9", "--app-id", "a"),
        *("--set", "amount.fen=1"),
    ],
    "a setting that is no JSON": [
        "trigger",
        "order.paid",
        "--url",
        "http://127.0.0.1:9",
        "--app-id",
        "a",
        "--set",
        "v:=NaN",
    ],
    "nothing to look at": ["doctor"],
    "a gateway with a query": ["doctor", "--url", "https://example.com/?a=b"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(jiuwu: Jiuwu, command: str) -> None:
    result = jiuwu(command, "--help")

    assert 0 == result.exit_code
    assert f"jiuwu {command}" in result.stdout.split("Example", 1)[1]


def test_without_arguments_the_commands_are_listed(jiuwu: Jiuwu) -> None:
    result = jiuwu()

    assert all(command in result.stdout for command in COMMANDS)
    assert "" == result.stderr


@pytest.mark.parametrize("arguments", MISUSES.values(), ids=MISUSES)
def test_misuse_is_refused_on_one_line_with_exit_code_2(jiuwu: Jiuwu, arguments: list[str]) -> None:
    result = jiuwu(*arguments)

    assert "; " in complaint(result)  # what is wrong; what to do
    assert 2 == result.exit_code


def test_an_unknown_word_gets_the_nearest_known_one(jiuwu: Jiuwu) -> None:
    assert "Did you mean 'sign'?" in complaint(jiuwu("sing"))
    assert "did you mean order.paid?" in complaint(jiuwu("trigger", "order.payed"))  # codespell:ignore


HOSTILE = [
    "\x1b[2J\x1b[31m",
    "a\nb",
    "\u202egpj.exe",
    "\udcff\udc80",
    "[bold red]x[/]",
    "%s%n{0}",
    "-" * 5000,
    "'\"`$(id)",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "place",
    [
        ("sign", "-p", "a={}"),
        ("sign", "--body", "{}"),
        ("sign", "--body", "@{}"),
        ("sign", "-p", "a=1", "--profile", "{}"),
        ("sign", "-p", "a=1", "--path", "{}"),
        ("verify", "-p", "a=1", "--signature", "{}", "--explain"),
        ("verify", "-p", "a=1", "--canonical", "{}", "--explain"),
        ("verify", "-p", "a=1", "-p", "timestamp={}", "--signature", "s", "--explain"),
        ("verify", "-H", "{}: 1"),
        ("trigger", "{}"),
        ("trigger", "order.paid", "--url", "{}", "--app-id", "a"),
        ("trigger", "order.paid", "--url", "http://127.0.0.1:9", "--app-id", "{}"),
        ("trigger", "order.paid", "--url", "http://127.0.0.1:9", "--app-id", "a", "--order", "{}"),
        ("trigger", "order.paid", "--url", "http://127.0.0.1:9", "--app-id", "a", "--set", "event_id={}"),
        ("doctor", "--url", "http://{}", "--app-id", "a"),
        ("{}",),
    ],
    ids=" ".join,
)
def test_hostile_text_neither_crashes_nor_reaches_the_terminal(jiuwu: Jiuwu, place: tuple[str, ...], text: str) -> None:
    result = jiuwu(*(part.replace("{}", text) for part in place))

    assert result.exit_code in (0, 1, 2)
    assert_calm(result)


def assert_calm(result: Result) -> None:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]|Traceback", result.output)
    assert SECRET not in result.output


def test_a_broken_state_file_is_named(jiuwu: Jiuwu, tmp_path: Path) -> None:
    (tmp_path / ".sandbox" / "state.json").write_text("{")

    assert "state.json is not the state of a sandbox; delete it" in complaint(jiuwu("sign", "-p", "a=1", secret=None))


def test_a_sandbox_that_was_killed_is_no_running_one(jiuwu: Jiuwu, running_sandbox: object) -> None:
    assert callable(running_sandbox)
    running_sandbox(pids={"simulator": 2**22 + 1})

    assert "no sandbox is running; start one with `make up`" in complaint(jiuwu("trigger", "order.paid"))


def test_the_command_runs_as_a_program() -> None:
    run = [sys.executable, "-m", "jiuwu_cli.main", "sign"]
    ended = subprocess.run(
        run, cwd=ROOT, env={"PYTHONPATH": "layers/jiuwu"}, capture_output=True, text=True, check=False
    )

    assert (2, "") == (ended.returncode, ended.stdout)
    assert ended.stderr.startswith("jiuwu: there is nothing to sign;")

"""What the terminal cannot show is escaped and ends nothing: in the commands, the sandbox and the long run."""

import ast
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jiuwu_cli.terminal.encoding import escape_unencodable

TEXT = "茶🍵\u3000½ \U0001fae9"
# The C locale as it was before Python made UTF-8 of it, and terminals that lack one thing or another.
TERMINALS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "gbk": {"PYTHONIOENCODING": "gbk"},
    "strict gbk": {"PYTHONIOENCODING": "gbk:strict"},
    "latin": {"PYTHONIOENCODING": "latin-1"},
    "C": {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
}
COMMANDS = {
    "help": ([sys.executable, "-m", "jiuwu_cli.main", "--help"], 0),
    "a refusal": ([sys.executable, "-m", "jiuwu_cli.main", "order", f"订单{TEXT}"], 2),
    "a result": ([sys.executable, "-m", "jiuwu_cli.main", "sign", "-p", f"a={TEXT}"], 0),
    "the template": ([sys.executable, "-c", "from sandbox.cloud import template; print(len(template.load()))"], 0),
    "help of the sandbox": ([sys.executable, "-m", "sandbox.up", "--help"], 0),
}


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "gb18030", "latin-1", "cp1252", "utf-8"])
def test_what_an_encoding_lacks_is_written_as_json_writes_it(encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    escape_unencodable(stream)

    stream.write(json.dumps({"title": TEXT}, ensure_ascii=False))

    assert {"title": TEXT} == json.loads(stream.buffer.getvalue().decode(encoding))


def test_half_a_character_is_escaped_too() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    escape_unencodable(stream)

    stream.write("\ud83d")

    assert b"\\ud83d" == stream.buffer.getvalue()


@pytest.mark.parametrize("terminal", TERMINALS)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_terminal_makes_a_traceback_of_it(project: Path, tmp_path: Path, terminal: str, command: str) -> None:
    arguments, status = COMMANDS[command]
    known = {name: value for name, value in os.environ.items() if not name.startswith(("JIUWU_", "LC_", "PYTHON"))}
    environment = known | TERMINALS[terminal] | {"PYTHONPATH": f"{project}:{project / 'layers/jiuwu'}"}
    environment["JIUWU_APP_SECRET"] = "s"

    done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, check=False)

    assert b"Traceback" not in done.stderr
    assert done.returncode in {0, status}, done.stderr
    assert done.stdout or done.stderr


@pytest.mark.parametrize(
    "entry", ["sandbox/up", "sandbox/demo/__main__", "sandbox/simulation/__main__", "bench/__main__"]
)
def test_each_entry_begins_with_it(project: Path, entry: str) -> None:
    functions = ast.walk(ast.parse((project / f"{entry}.py").read_text("utf-8")))
    main = next(one for one in functions if isinstance(one, ast.FunctionDef) and one.name == "main")

    assert "escape_unencodable()" == ast.unparse(main.body[1])  # the first is the docstring

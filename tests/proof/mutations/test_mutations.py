"""The list of safeguards follows the code, and the check that breaks them tells noticed from unnoticed."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.proof.mutations.list import SAFEGUARDS
from tests.proof.mutations.running import break_, unbroken
from tests.proof.mutations.safeguard import Safeguard, TextMoved


def test_every_safeguard_stands_where_the_list_says_and_its_break_is_code(project: Path) -> None:
    for safeguard in SAFEGUARDS:
        ast.parse(safeguard.broken(project), safeguard.name)


def test_every_safeguard_names_tests_that_exist(project: Path) -> None:
    for safeguard in SAFEGUARDS:
        for node in safeguard.noticed_by:
            file, _, name = node.partition("::")
            assert f"def {name}(" in (project / file).read_text("utf-8"), node


def test_no_killing_test_draws_what_it_looks_at(project: Path) -> None:
    """A draw that happens to miss the break would let it pass on another day: each needs an example that never does."""
    for file, name in {tuple(node.split("::")) for safeguard in SAFEGUARDS for node in safeguard.noticed_by}:
        functions = ast.walk(ast.parse((project / file).read_text("utf-8")))
        killing = next(f for f in functions if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef) and f.name == name)
        assert not [mark for mark in killing.decorator_list if ast.unparse(mark).startswith("given(")], name


def test_no_safeguard_is_counted_twice() -> None:
    breaks = Counter((safeguard.file, safeguard.old, safeguard.new) for safeguard in SAFEGUARDS)
    assert {1} == set(breaks.values())
    assert len(SAFEGUARDS) == len({safeguard.name for safeguard in SAFEGUARDS})
    assert len(SAFEGUARDS) > 60


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "toy.py").write_text("def most(a, b):\n    return a if a > b else b\n")
    test = "from toy import most\n\ndef test_most() -> None:\n    assert 2 == most(1, 2)\n"
    (tmp_path / "tests" / "test_toy.py").write_text(test)
    return tmp_path


def toy_safeguard(old: str, new: str) -> Safeguard:
    return Safeguard("toy", 1, "toy.py", old, new, ("tests/test_toy.py::test_most",))


def test_a_break_that_a_test_sees_is_noticed_and_put_back(toy: Path) -> None:
    whole = (toy / "toy.py").read_text()

    assert "" == unbroken(toy, [toy_safeguard("a > b", "a < b")])
    assert "" == break_(toy, toy_safeguard("a > b", "a < b")).problem
    assert whole == (toy / "toy.py").read_text()


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("a > b", "a >= b", "passes all the same"),
        ("a > b", "a > c", "fails for another reason"),
        ("def most", "def least", "did not run"),
        ("a <> b", "a", "0 times"),
    ],
)
def test_a_break_that_no_assertion_sees_is_a_problem(toy: Path, old: str, new: str, why: str) -> None:
    assert why in break_(toy, toy_safeguard(old, new)).problem


def test_a_killing_test_that_fails_by_itself_kills_nothing(toy: Path) -> None:
    (toy / "toy.py").write_text("def most(a, b):\n    return a\n")

    assert "do not pass" in unbroken(toy, [toy_safeguard("return a", "return b")])


def test_a_text_that_moved_is_said_so(toy: Path) -> None:
    with pytest.raises(TextMoved, match="1 times, expected 2"):
        Safeguard("toy", 1, "toy.py", "a > b", "a", (), times=2).broken(toy)

"""The lists of mutations follow the code, operators make what they say, and survivors differ from killed ones."""

import ast
import os
from pathlib import Path

import pytest

from tests.proof.mutations import chosen
from tests.proof.mutations.chosen import CHOSEN, Chosen
from tests.proof.mutations.generic import equivalents
from tests.proof.mutations.mutation import Mutation, StaleAddress
from tests.proof.mutations.operators import mutants
from tests.proof.mutations.processes import forked
from tests.proof.mutations.pure import PURE


@pytest.mark.parametrize("one", CHOSEN, ids=lambda one: one.name)
def test_every_mutation_chosen_by_hand_has_its_place_and_is_code(one: Chosen, project: Path) -> None:
    compile(one.mutation.tree(project), one.name, "exec")


def test_every_mutation_that_changes_nothing_has_its_place_and_a_reason(project: Path) -> None:
    for mutation, reason in equivalents().items():
        assert mutation.path in PURE, mutation
        assert reason, mutation
        mutation.tree(project)


def test_every_killing_test_exists(project: Path) -> None:
    for one in CHOSEN:
        for node in one.killed_by:
            file, _, name = node.partition("::")
            assert f"def {name}(" in (project / file).read_text("utf-8"), node


def test_no_killing_test_draws_what_it_looks_at(project: Path) -> None:
    """A draw that happens to miss the change would let it pass on another day; an example never does."""
    for file, name in {tuple(node.split("::")) for one in CHOSEN for node in one.killed_by}:
        functions = ast.walk(ast.parse((project / file).read_text("utf-8")))
        killing = next(f for f in functions if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef) and f.name == name)
        assert not [mark for mark in killing.decorator_list if ast.unparse(mark).startswith("given(")], name


def test_no_mutation_is_counted_twice() -> None:
    assert len(CHOSEN) == len({one.mutation for one in CHOSEN}) == len({one.name for one in CHOSEN})


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("return x > y", {"A > B → A >= B", "A > B → A <= B", "return A > B → return None"}),
        ("return x and not y", {"A and (not B) → A or not B", "not A → A", "return A and (not B) → return None"}),
        ("return True", {"True → False"}),
        ("return x + 2", {"A + 2 → A - 2", "A + 2 → A + 3", "A + 2 → A + 1", "return A + 2 → return None"}),
        ("if x:\n        return y", {"A → not A", "return A → return None", "return A → pass"}),
        ("x += 1", {"A += 1 → A -= 1", "A += 1 → pass", "1 → 2", "1 → 0"}),
        ("f(x)\n    raise X", {"f(A) → pass", "raise X → pass"}),
        ('"""Only a text."""', set()),
    ],
)
def test_each_operator_makes_these_mutants(code: str, expected: set[str]) -> None:
    tree = ast.parse(f"def f(x: int = 0, y: int = 0) -> int:\n    {code}\n")
    found = {str(mutant.mutation).partition(": ")[2] for mutant in mutants("m.py", tree) if mutant.scope.name}
    assert expected == found


def test_every_mutant_is_found_again_by_its_address(project: Path) -> None:
    for path in ("layers/jiuwu/jiuwu/platform/money.py", "layers/jiuwu/jiuwu/throttling/lane.py"):
        for mutant in mutants(path, ast.parse((project / path).read_text("utf-8"))):
            mutant.place.put(mutant.node)
            changed = ast.unparse(mutant.place.parents[-1])
            mutant.place.put(mutant.place.node)
            assert changed in ast.unparse(mutant.mutation.tree(project)), mutant.mutation


@pytest.mark.parametrize(
    "text",
    [
        "def most(a, b):\n    return a if a > b else b\n",
        "def most(left, right):\n    # renamed\n    return (\n        left if left > right else right)\n",
    ],
)
def test_an_address_survives_other_names_and_other_lines(text: str, tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text(text)
    found: dict[str, object] = {}

    exec(compile(Mutation("toy.py", "most", "A > B", "A < B").tree(tmp_path), "toy", "exec"), found)

    assert 1 == found["most"](1, 2)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("scope", "old", "number", "why"),
    [
        ("least", "A > B", 0, "has no least"),
        ("most", "A < B", 0, "'A < B' 0 times in most"),
        ("most", "A > B", 1, "'A > B' 1 times in most"),
    ],
)
def test_a_stale_address_says_what_is_there(scope: str, old: str, number: int, why: str, tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text("def most(a, b):\n    return a if a > b else b\n")

    with pytest.raises(StaleAddress, match=why):
        Mutation("toy.py", scope, old, "A", number).tree(tmp_path)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ({"t": {"assert 1 == 2"}}, ""),
        ({"t": {"", "AssertionError: no"}}, ""),
        ({"t": {""}}, "t: passes all the same"),
        ({"t": {"NameError: x"}}, "t: fails for another reason: NameError: x"),
        ({}, "t: fails for another reason: did not run"),
    ],
)
def test_only_an_assertion_that_fails_kills_a_mutation_chosen_by_hand(ends: dict[str, set[str]], expected: str) -> None:
    one = Chosen("toy", 1, Mutation("toy.py", "", "1", "2"), ("t",))
    assert expected == chosen._survived(one, ends, "t")


def test_a_process_that_dies_answers_nothing() -> None:
    assert forked(lambda: 1 + 1) == 2
    assert forked(lambda: os._exit(0)) is None

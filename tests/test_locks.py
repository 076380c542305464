"""The lock files against what they are made from; `make lock` renews them."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = [
    "requirements.lock",
    "layers/jiuwu/requirements.txt",
    "sandbox/cloud/requirements.lock",
    "sandbox/cloud/sam-requirements.lock",
]


def pins(lock: str) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==([\w.!+-]+)", (ROOT / lock).read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def wanted(group: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    if group == "layer":
        return [Requirement(text) for text in project["project"]["dependencies"]]
    listed = project["dependency-groups"][group]
    included = [name for entry in listed if isinstance(entry, dict) for name in wanted(entry["include-group"])]
    return [Requirement(text) for text in listed if isinstance(text, str)] + included


@pytest.mark.parametrize(
    ("lock", "group"),
    [("layers/jiuwu/requirements.txt", "layer"), ("requirements.lock", "layer"), ("requirements.lock", "dev")],
)
def test_every_requirement_is_locked_at_a_version_that_it_allows(lock: str, group: str) -> None:
    locked = pins(lock)

    unmet = [
        str(need) for need in wanted(group) if not need.specifier.contains(locked.get(canonicalize_name(need.name), ""))
    ]

    assert unmet == []


def test_tests_run_on_the_versions_that_ship() -> None:
    shipped, tested = pins("layers/jiuwu/requirements.txt"), pins("requirements.lock")

    assert shipped == {name: tested.get(name) for name in shipped}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_pins_by_hash_and_names_no_registry(lock: str) -> None:
    text = (ROOT / lock).read_text()

    assert re.findall(r"^(\S+)", text, re.MULTILINE) == re.findall(
        r"^([\w.-]+==\S+)[^\n]*\\\n +--hash=sha256:", text, re.MULTILINE
    )
    assert "://" not in text

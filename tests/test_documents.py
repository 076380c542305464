"""The runbook has one entry for each alarm, no link leads nowhere, and both READMEs show the same commands."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox.cloud import template as source
from tests import template_conventions

ROOT = Path(__file__).parents[1]
ALARMS = template_conventions.properties(source.load(), "CloudWatch::Alarm")
RUNBOOK = (ROOT / "docs/runbook.md").read_text("utf-8")
DOCUMENTS = [path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]]
ANSWERS = ("Means", "Look", "Do", "Over")
MAX_DESCRIPTION_CHARACTERS = 1024  # CloudWatch's limit of AlarmDescription


def test_every_alarm_has_exactly_one_entry_in_the_runbook() -> None:
    assert sorted(ALARMS) == sorted(heading for heading, _ in _alarm_entries(RUNBOOK))


def test_every_alarm_names_its_entry_which_says_what_it_means_where_to_look_what_to_do_and_when_it_is_over() -> None:
    assert [] == _unexplained(dict(_alarm_entries(RUNBOOK)))


@pytest.mark.parametrize(
    ("find", "instead", "named"),
    [
        ("### ChangesLag", "### ChangesLate", ["ChangesLag"]),
        ("- **Over.** After the first pass that reaches the end of the list.", "", ["ChangesLag"]),
    ],
)
def test_a_broken_entry_is_noticed_by_name(find: str, instead: str, named: list[str]) -> None:
    assert find in RUNBOOK
    assert named == _unexplained(dict(_alarm_entries(RUNBOOK.replace(find, instead))))


def test_both_readmes_show_the_same_commands() -> None:
    english, chinese = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md"))

    assert len(_commands(english)) > 30
    assert _commands(english) == _commands(chinese)
    assert set() == {span for span in _code_spans(chinese) if span.isascii()} - _code_spans(english)


def _commands(readme: str) -> list[str]:
    """Return the lines of the code blocks after the first, which is the diagram, without comments."""
    _, *blocks = re.findall(r"^ *```\n(.*?)^ *```$", readme, flags=re.MULTILINE | re.DOTALL)
    return [re.sub(r" +# .*", "", line).rstrip() for block in blocks for line in block.splitlines()]


def _code_spans(readme: str) -> set[str]:
    prose = re.sub(r"^ *```.*?^ *```$", "", readme, flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`([^`\n]+)`", prose))


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_link_leads_somewhere(path: str) -> None:
    assert [] == _broken_links(ROOT / path, (ROOT / path).read_text("utf-8"))


@pytest.mark.parametrize("link", ["missing.md", "runbook.md#no-such-heading", "#no-such-heading"])
def test_a_broken_link_is_noticed(link: str) -> None:
    assert [link] == _broken_links(ROOT / "docs/proof.md", f"[one](runbook.md#deploy) [two]({link})")


def test_every_path_in_the_map_for_newcomers_exists() -> None:
    named = re.findall(r"`([\w./]+(?:/|\.py|\.toml|\.yaml|\.json))`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    folders = ["", "jiuwu_cli", "sandbox", "bench", "docs"]  # a short path is inside the folder of its row

    assert len(named) > 20
    assert [] == [path for path in named if not any((ROOT / folder / path).exists() for folder in folders)]


def test_anchors_are_github_s() -> None:
    expected = ["the-platform-changed-its-api", "orderqueueage", "make-a-days-statement-again", "grafana-1x--2"]
    headings = ["The platform changed its API", "OrderQueueAge", "Make a day's statement again", "Grafana 1.x / 2"]

    assert expected == [_anchor(heading) for heading in headings]


def _unexplained(entries: Mapping[str, str]) -> list[str]:
    """Return the alarms whose description does not end in their entry, or whose entry lacks an answer."""
    return [
        name
        for name, alarm in ALARMS.items()
        if not alarm["AlarmDescription"].endswith(f" Runbook: docs/runbook.md#{_anchor(name)}")
        or len(alarm["AlarmDescription"]) > MAX_DESCRIPTION_CHARACTERS
        or not all(f"- **{answer}.**" in entries.get(name, "") for answer in ANSWERS)
    ]


def _alarm_entries(runbook: str) -> list[tuple[str, str]]:
    """Return heading and text of each entry in the chapters "Alarms: …"."""
    chapters = re.split(r"^## ", runbook, flags=re.MULTILINE)
    alarms = [chapter for chapter in chapters if chapter.startswith("Alarms: ")]
    entries = [entry for chapter in alarms for entry in re.split(r"^### ", chapter, flags=re.MULTILINE)[1:]]
    return [(heading, text) for heading, _, text in (entry.partition("\n") for entry in entries)]


def _broken_links(document: Path, text: str) -> list[str]:
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link for link in links if "://" not in link and not _leads_somewhere(document, link)]


def _leads_somewhere(document: Path, link: str) -> bool:
    path, _, fragment = link.partition("#")
    target = document.parent / path if path else document
    if not fragment or not target.is_file():
        return target.exists()
    return [_anchor(heading) for heading in _headings(target.read_text("utf-8"))].count(fragment) == 1


def _headings(markdown: str) -> list[str]:
    prose = re.sub(r"^ *```.*?^ *```$", "", markdown, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^#{1,6} (.+)$", prose, flags=re.MULTILINE)


def _anchor(heading: str) -> str:
    """Return GitHub's anchor of a heading that occurs once: lower case, hyphens for spaces, no punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")

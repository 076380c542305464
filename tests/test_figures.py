"""Every number that READMEs and docs take from the code is as the code has it now, in both languages."""

from pathlib import Path

import pytest

from tests.figures import FIGURES, documents, fresh, names


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_the_figures_of_a_document_are_fresh(path: Path) -> None:
    text = path.read_text("utf-8")

    # else: make figures
    assert fresh(text) == text
    assert text.count("<!-- figure ") == text.count("<!-- / -->") == len(names(text))


def test_both_readmes_hold_every_figure(project: Path) -> None:
    shown = {name: set(names((project / name).read_text("utf-8"))) for name in ("README.md", "README.zh-CN.md")}

    assert {"README.md": FIGURES.keys(), "README.zh-CN.md": FIGURES.keys()} == shown


def test_a_stale_figure_is_replaced_and_the_rest_of_the_text_kept() -> None:
    shown = FIGURES["sam-cli"]()

    assert f"SAM <!-- figure sam-cli -->{shown}<!-- / --> | 7" == fresh("SAM <!-- figure sam-cli -->0.1<!-- / --> | 7")


def test_an_unknown_figure_is_an_error() -> None:
    with pytest.raises(KeyError):
        fresh("<!-- figure nothing -->1<!-- / -->")

"""The installer: how far it is, by pip's own settings, and what it says when it cannot."""

import base64
import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from sandbox.install import InstallFailed, install, progress


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock file that lists one package, whose wheel lies in the folder `wheels`."""
    wheel = tmp_path / "wheels" / "toy-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    files = {
        "toy.py": "",
        "toy-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n",
        "toy-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{name},sha256={_digest(text)},{len(text)}" for name, text in files.items()]
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr("toy-1.0.dist-info/RECORD", "\n".join([*record, "toy-1.0.dist-info/RECORD,,"]))
    listed = tmp_path / "toy.lock"
    listed.write_text(f"toy==1.0 \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    return listed


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def test_it_installs_by_pips_own_settings_and_shows_how_far_it_is(
    lock: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = lock.parent / "venv"
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(lock.parent / "wheels"), "PIP_CONFIG_FILE": os.devnull}

    install(folder, lock, os.environ | offline)

    said = capfd.readouterr().err.splitlines()
    assert "installing 1 package of toy.lock into venv; the first time takes about a minute …" == said[0]
    assert ["  1 of 1: toy", "  unpacking …", "  done in "] == [said[1][:13], said[2], said[3][:10]]
    assert [*folder.glob("lib/python*/site-packages/toy.py")]


def test_what_pip_cannot_install_ends_with_its_words_and_the_way_to_a_mirror(lock: Path) -> None:
    nowhere = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}

    with pytest.raises(InstallFailed, match=r"(?s)No matching distribution.*toy\.lock could not.*set PIP_INDEX_URL"):
        install(lock.parent / "venv", lock, os.environ | nowhere)


def test_progress_counts_what_is_there_already_and_what_this_machine_does_not_need() -> None:
    lines = ["Collecting a==1 (from -r x)\n", "  Using cached a\n", "Ignoring b: markers …\n"]
    lines += [
        "Requirement already satisfied: c==1 in …\n",
        "Collecting d-e.f==1\n",
        "Installing collected packages: a\n",
    ]

    assert ["1 of 3: a", "2 of 3: b", "3 of 3: c", "3 of 3: d-e.f", "unpacking …"] == list(progress(lines, 3))
    assert ["3 of 3: c", "unpacking …"] == list(progress(lines, 3, each=10))

"""`make install`: in any folder, in any environment, after any accident."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from dev import install

ROOT = Path(__file__).parents[3]


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "it's $HOME #1"
    (folder / "backend/dev").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "backend/dev/install.py").write_text("import os; print('installing in', os.getcwd())")
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").symlink_to(sys.executable)
    made = subprocess.run(["make", "install"], cwd=folder, env=plain_environment(), capture_output=True, text=True)
    assert (made.stdout, made.stderr) == (f"installing in {folder}\n", "")


def test_a_chosen_python_may_have_any_path(tmp_path: Path) -> None:
    python = tmp_path / "it's a python"
    python.symlink_to(sys.executable)
    command = ["make", "install", f"PYTHON={python}"]
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "backend/dev").mkdir(parents=True)
    (tmp_path / "backend/dev/install.py").write_text("print('installing')")
    made = subprocess.run(command, cwd=tmp_path, env=plain_environment(), capture_output=True, text=True)
    assert (made.stdout, made.stderr) == ("installing\n", "")


def plain_environment() -> dict[str, str]:
    """Without what a `make` that runs these tests leaves to the next."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}


def test_packages_go_to_their_folder_whatever_pip_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    told = {"PIP_USER": "1", "PIP_REQUIRE_VIRTUALENV": "1", "PIP_TARGET": str(elsewhere), "PIP_ROOT": str(elsewhere)}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    venv.create(tmp_path / "venv", with_pip=False)
    monkeypatch.setattr(install, "PYTHON", tmp_path / "venv/bin/python")
    install.run(*install.pip(), "install", "--no-index", "--no-deps", str(wheel(tmp_path)))
    assert list(tmp_path.glob("venv/lib/python*/site-packages/tiny.py"))
    assert not elsewhere.exists()


def test_the_python_that_this_one_was_made_of_is_known() -> None:
    assert Path(install.BASE_PYTHON).exists()
    assert not Path(install.BASE_PYTHON).is_relative_to(sys.prefix)


def wheel(folder: Path) -> Path:
    """The smallest package there is."""
    file = folder / "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr("tiny-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n")
        archive.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.dist-info/RECORD", "tiny.py,,\n")
    return file


@pytest.mark.parametrize(
    "lost", ["@scope/one", "two/dist", "lib/python3.13/site-packages/module.py", "bin/python", "*"]
)
def test_what_is_half_removed_is_not_installed(tmp_path: Path, lost: str) -> None:
    files = ("@scope/one/package.json", "two/dist/index.js", "lib/python3.13/site-packages/module.py", "bin/python")
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    stamp = tmp_path / ".installed"
    install.write_stamp(stamp, "state")
    (tmp_path / "lib/python3.13/site-packages/__pycache__").mkdir()
    assert install.is_current(stamp, "state")
    assert not install.is_current(stamp, "another state")
    for path in tmp_path.glob(lost):
        if path != stamp:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert not install.is_current(stamp, "state")


@pytest.mark.parametrize(
    ("command", "meaning"),
    [
        ("head -c 1 /dev/zero > /dev/full", "the disk is full"),
        ("echo 'npm error code EROFS' >&2; exit 1", "the disk is read-only"),
        ("echo 'error: failed to copy (os error 122)'; exit 2", "the quota is used up"),
    ],
)
def test_a_fault_of_the_disk_is_one_clear_line(command: str, meaning: str) -> None:
    with pytest.raises(install.InstallError, match=meaning) as refused:
        install.run("sh", "-c", command)
    assert "\n" not in str(refused.value)

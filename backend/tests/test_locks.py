"""The packages of npm: what is installed, on whichever system, is what was locked; and ours have our licence."""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted(
    lock
    for pattern in ("supabase/package-lock.json", "backend/*/package-lock.json", "backend/tests/*/package-lock.json")
    for lock in ROOT.glob(pattern)
)
# Of the CLI 3.1.0, which `make up` and `make migrate` install: the registry that made the lock had none of these.
# Whoever has them locks them (`make lock`), and this goes.
UNHASHED = {
    f"node_modules/@supabase/cli-{system}"
    for system in (
        *("darwin-arm64", "darwin-x64", "linux-arm64", "linux-arm64-musl", "linux-x64-musl"),
        *("windows-arm64", "windows-x64"),
    )
}


def packages(lock: Path) -> dict[str, dict[str, Any]]:
    """The packages by their place in `node_modules`."""
    places: dict[str, dict[str, Any]] = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    return {place: package for place, package in places.items() if place}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_every_package_is_pinned_by_its_content(lock: Path) -> None:
    unpinned = {place for place, package in packages(lock).items() if "integrity" not in package}
    assert unpinned == (UNHASHED if lock.parent.name == "supabase" else set())


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_packages_of_other_systems_are_locked_too(lock: Path) -> None:
    """npm drops those that its registry lacks, and those of other systems when some are installed."""
    locked = {place.rpartition("node_modules/")[2] for place in packages(lock)}
    asked = {name for package in packages(lock).values() for name in package.get("optionalDependencies", {})}
    assert asked <= locked


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_no_registry_is_named(lock: Path) -> None:
    assert not [place for place, package in packages(lock).items() if "resolved" in package]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_each_package_of_ours_has_the_projects_license_and_cannot_be_published(lock: Path) -> None:
    ours = json.loads(lock.with_name("package.json").read_text(encoding="utf-8"))
    locked = json.loads(lock.read_text(encoding="utf-8"))["packages"][""]
    first_line = (ROOT / "LICENSE").read_text(encoding="utf-8").splitlines()[0]
    assert f"{ours['license']} License" == f"{locked['license']} License" == first_line
    assert ours["private"] is True

"""What `make release` refuses: versions that disagree, and what is not committed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import release

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files that name a version, all of 1.2.3."""
    (tmp_path / "src" / "allograph").mkdir(parents=True)
    (tmp_path / "src/allograph/__init__.py").write_text('"""A package."""\n\n__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changes\n\n## 1.2.3 - 2026-12-01\n\n## 1.2.2 - 2026-11-30\n")
    (tmp_path / "CITATION.cff").write_text("version: 1.2.3\ndate-released: 2026-12-01\n")
    return tmp_path


def test_files_that_agree_are_ready(project: Path) -> None:
    assert release.disagreements(project) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("src/allograph/__init__.py", "1.2.3", "1.2", "'1.2' is not of the form MAJOR.MINOR.PATCH"),
        ("CHANGELOG.md", "1.2.3 - 2026-12-01", "Unreleased", "begins with 'Unreleased'"),
        ("CHANGELOG.md", "1.2.3", "1.2.4", "begins with 1.2.4, the package is 1.2.3"),
        ("CITATION.cff", "1.2.3", "1.2.2", "says version 1.2.2"),
        ("CITATION.cff", "2026-12-01", "2026-12-02", "says date-released 2026-12-02, CHANGELOG.md 2026-12-01"),
    ],
)
def test_what_disagrees_is_named(project: Path, name: str, old: str, new: str, says: str) -> None:
    path = project / name
    path.write_text(path.read_text().replace(old, new, 1))
    assert any(says in line for line in release.disagreements(project))


def test_uncommitted_files_and_moved_tags_are_named(project: Path) -> None:
    if not shutil.which("git"):
        pytest.skip("git is not installed")

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=project, check=True, capture_output=True)

    git("init")
    assert any("not committed" in line for line in release.uncommitted(project))
    git("add", "-A")
    git("commit", "-m", "all")
    assert release.uncommitted(project) == []
    git("tag", "v1.2.3")
    assert release.uncommitted(project) == [], "the tag names this commit"
    git("commit", "--allow-empty", "-m", "more")
    assert any("v1.2.3 names another commit" in line for line in release.uncommitted(project))


def test_this_repository_says_one_version_in_all_files() -> None:
    wrong = release.disagreements(ROOT)
    assert not [line for line in wrong if "CITATION.cff says version" in line or "MAJOR" in line]


def test_the_files_of_the_repository_are_well_formed() -> None:
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0" and citation["license"] == "MIT" and citation["title"]
    workflow = yaml.safe_load((ROOT / ".github/workflows/checks.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert {"run": ".ci/run"} in job["steps"]
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    checked = set((ROOT / ".ci/run").read_text().split("for part in ")[1].split(";")[0].split())
    assert {hook["id"] for hook in hooks} == checked, "pre-commit and .ci/run check the same"
    for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"):
        assert yaml.safe_load(path.read_text())

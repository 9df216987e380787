"""The shape of the house: what stands at the top, and which way imports run."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = {"pyproject.toml", "README.md", "flows", "tasks", "config", "tests", "prefect.yaml", "geodata"}
WINGS = {"sources", "land", "scoring", "crm"}


@cache
def imported(path: Path) -> set[str]:
    """Return the dotted names that a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize(("folder", "above"), [("config", ("tasks", "flows")), ("tasks", ("flows",))])
def test_imports_run_one_way(folder, above):
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(folder)
        for name in imported(path)
        if name.split(".")[0] in above
    ]
    assert not wrong


def test_wings_do_not_import_each_other():
    wrong = []
    for wing in WINGS | {"sandbox"}:
        others = {f"tasks.{o}" for o in WINGS | {"sandbox"}} - {f"tasks.{wing}"}
        for path in modules(f"tasks/{wing}"):
            hit = {n for n in imported(path) if ".".join(n.split(".")[:2]) in others}
            wrong += [f"{path.relative_to(ROOT)} imports {name}" for name in sorted(hit)]
    assert not wrong


def test_the_top_level_holds_what_the_card_names():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= TOP


def test_ci_runs_the_test_command_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    command = readme.split("<!-- tests -->")[1].split("```")[1].removeprefix("sh").strip()
    assert command
    assert command in script


def test_the_readme_names_every_setting():
    from config.settings import Settings

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [n for n in Settings.model_fields if f"`TOMT_{n.upper()}`" not in readme]
    assert not missing

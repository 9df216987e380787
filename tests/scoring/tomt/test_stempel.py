"""The digest of the program: what computes a row is in the key of the row."""

from __future__ import annotations

import ast

import pytest

from tasks.scoring.tomt import stempel
from tasks.scoring.tomt.stempel import HER, MAALER, REGNER, ROT, maalestempel, scorestempel

PLUMBING = {
    "config/errors.py",
    "config/registers.py",
    "tasks/contracts.py",
    "tasks/errors.py",
    "tasks/store.py",
    "tasks/tomtekontrakter.py",
}
"""Reads and checks, and computes nothing of a lot."""
EACH_RUN = {
    "config/rangering.py",
    "config/sammenslaaing.py",
    "config/selvkost.py",
    "tasks/kommunekontrakter.py",
    "tasks/totaler.py",
}
"""What is computed of all lots in every run: no row of before stands by a key for it."""


def imported(path) -> set[str]:
    """Return the modules of config/ and tasks/ that a module imports, as paths."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ("config", "tasks"):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    found = {name.replace(".", "/") + ".py" for name in names}
    return {name for name in found if (ROT / name).is_file()}


def test_facts_hang_on_every_module_that_measures():
    used = set().union(*(imported(ROT / path) for path in MAALER))
    assert used - PLUMBING - {"tasks/scoring/tomt/stempel.py"} <= set(MAALER)


def test_scores_hang_on_every_module_that_gives_points_or_words():
    beside = {path.relative_to(ROT).as_posix() for path in HER.glob("*.py")}
    used = set().union(*(imported(ROT / path) for path in (*beside, *REGNER)))
    assert used - PLUMBING - EACH_RUN - beside - {"tasks/crs.py"} <= set(REGNER)
    assert set(REGNER) <= used


@pytest.mark.parametrize(("of", "listed"), [(maalestempel, "MAALER"), (scorestempel, "REGNER")])
def test_another_program_has_another_stamp(of, listed, monkeypatch, tmp_path):
    before = of()
    changed = tmp_path / "kurver.py"
    changed.write_text((ROT / "config/kurver.py").read_text(encoding="utf-8") + "\n", encoding="utf-8")
    paths = [p for p in getattr(stempel, listed) if p != "config/kurver.py"]
    assert len(paths) == len(getattr(stempel, listed)) - 1
    monkeypatch.setattr(stempel, listed, (*paths, str(changed)))
    of.cache_clear()
    try:
        assert of() != before
    finally:
        of.cache_clear()

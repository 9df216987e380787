"""Steps: plain calls and tasks alike; ranking by itself imports neither Prefect nor Airtable."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from flows.steg import Steg, directly

ROOT = Path(__file__).parents[2]


def at_import(module: str) -> Iterator[str]:
    """Yield the names that a module of ours imports as it is imported itself."""
    path = ROOT / (module.replace(".", "/") + ".py")
    path = path if path.exists() else path.with_suffix("") / "__init__.py"
    if not path.exists():
        return
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module != "__future__":
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_ranking_by_itself_imports_neither_prefect_nor_airtable():
    waiting = ["flows.cli", "flows.rangering", "flows.rangeringstekst", "flows.rangeringsfil"]
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += at_import(module)
    assert "tasks.sources.statistikk.hent" in seen
    assert not {name for name in seen if name.split(".")[0] in {"prefect", "pyairtable", "openpyxl", "matplotlib"}}


def test_a_step_is_a_plain_call():
    assert directly(Steg(lambda a, *, b: (a, b), "prøv", "prøv {a}"), 1, b=2) == (1, 2)

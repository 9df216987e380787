"""Stempel: a digest of the program that made a row, so that one made by another program does not stand.

What is measured hangs on the modules that measure, what is scored and told on all modules beside this one; both on
modules of config/ that compute (their numbers are in the keys themselves) and on a few of the ground.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

HER = Path(__file__).parent
ROT = HER.parents[2]

MAALER = (
    *(f"tasks/scoring/tomt/{navn}.py" for navn in (
        "befolkning", "dekke", "eier", "fakta", "flater", "infrastruktur", "konflikt", "omgivelser", "overlapp",
        "sentralitet", "snitt", "stopp", "vegnett",
    )),
    "config/konflikt.py",
    "config/kurver.py",
    "config/tomtefaktorer.py",
    "tasks/crs.py",
    "tasks/tekst.py",
)  # fmt: skip
"""What facts are measured by."""

REGNER = (
    "config/fortetting.py",
    "config/konflikt.py",
    "config/kurver.py",
    "config/nivaa.py",
    "config/tomtefaktorer.py",
    "config/tomtprofil.py",
    "tasks/tekst.py",
)
"""What scores and cards are made by, beside the modules of this folder."""


@cache
def maalestempel() -> str:
    """Return the digest of what measures."""
    return stempel(ROT / path for path in MAALER)


@cache
def scorestempel() -> str:
    """Return the digest of what gives points and words."""
    return stempel([*HER.glob("*.py"), *(ROT / path for path in REGNER)])


def stempel(paths: Iterable[Path]) -> str:
    """Return a digest of files and their names.

    Raises
    ------
    OSError
        When one of them is not there.
    """
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.name}|".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()

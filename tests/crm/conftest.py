"""A world for each test that hurts the sync, and no pauses in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.crm.proevebase import Verden
from tests.crm.sync_prosess import take_no_pauses


@pytest.fixture
def verden(tmp_path) -> Iterator[Verden]:
    """A base as an undisturbed sync left it."""
    with Verden(tmp_path / "verden") as made:
        yield made


@pytest.fixture
def tom_verden(tmp_path) -> Iterator[Verden]:
    """A base with tables and nothing in them."""
    with Verden(tmp_path / "verden", fylt=False) as made:
        yield made


@pytest.fixture
def pauser(monkeypatch) -> list[float]:
    """Seconds that would have been waited."""
    return take_no_pauses(monkeypatch.setattr)

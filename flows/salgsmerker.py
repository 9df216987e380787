"""Salgsmerker: what sales had marked when the base was read last, and what is to be said when it cannot be read."""

from __future__ import annotations

import logging

import pandas as pd

from config.settings import Settings
from tasks.crm import salgsmerker
from tasks.errors import TomtError
from tasks.store import Geodata

log = logging.getLogger("tomt.rank")


def kept_marks(geodata: Geodata, settings: Settings) -> tuple[pd.DataFrame | None, tuple[str, ...]]:
    """Return contract salgskommuner, None for none, and a note in Norwegian where the file is damaged."""
    try:
        return salgsmerker.last_marks(geodata, settings.airtable_base, er_sandkasse=settings.is_sandbox), ()
    except TomtError as error:
        log.warning("%s", error)
        return None, ("Det salg hadde merket sist, kan ikke leses: det er sett bort fra.",)

"""What a run left in geodata, read for Airtable: frames of out/ and core/ become rows of every table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import geopandas as gpd
import pandas as pd

from config.registers import Kommune
from tasks.answer import Answer, Rows
from tasks.contracts import (
    ADRESSER,
    DEKNING,
    HENDELSER,
    KONTROLL,
    OMRAADER,
    PLANOMRAADER,
    SONER,
    TEIGER,
    TOMTER,
    Contract,
)
from tasks.crm.rader.records import RowsByKey, build_rows, kilder_text
from tasks.errors import StoreError
from tasks.store import Geodata, Layer
from tasks.tomtekontrakter import KONTEKSTDEKNING, SAMMENSLAAINGER, SCORER, TOMTEFAKTA


def desired_rows(kommune: Kommune, geodata: Geodata, answers: Mapping[str, Answer]) -> dict[str, RowsByKey]:
    """Return table → key → row from the files of the last run."""
    nummer = kommune.nummer
    frames = {
        "omraader": _read(geodata, kommune, OMRAADER),
        "tomter": _attributes(geodata, nummer, TOMTER),
        "scorer": _attributes(geodata, nummer, SCORER),
        "soner": _attributes(geodata, nummer, SONER, layer="core"),
        "planomraader": _attributes(geodata, nummer, PLANOMRAADER, layer="core"),
        "dekning": read_or_empty(geodata, nummer, DEKNING),
        "kontroll": read_or_empty(geodata, nummer, KONTROLL),
        "adresser": read_or_empty(geodata, nummer, ADRESSER, layer="core"),
        "hendelser": _attributes(geodata, nummer, HENDELSER, may_lack=True),
        "teiger": _attributes(geodata, nummer, TEIGER, layer="core", may_lack=True),
        "tomtefakta": _attributes(geodata, nummer, TOMTEFAKTA, may_lack=True),
        "kontekstdekning": _attributes(geodata, nummer, KONTEKSTDEKNING, layer="core", may_lack=True),
        "sammenslaainger": _attributes(geodata, nummer, SAMMENSLAAINGER, may_lack=True),
    }
    provenance = {tema: geodata.provenance(a.path) for tema, a in answers.items() if isinstance(a, Rows)}
    return build_rows(kommune, **frames, kilder=kilder_text(answers, provenance))


def _read(geodata: Geodata, kommune: Kommune, contract: Contract) -> gpd.GeoDataFrame:
    frame = geodata.read(kommune.nummer, layer="out", contract=contract)
    if frame is None:
        raise _missing("out", contract, kommune.nummer)
    return cast("gpd.GeoDataFrame", frame)


def read_shapes(geodata: Geodata, nummer: str) -> gpd.GeoDataFrame:
    """Return id and geometry of the lots."""
    frame = geodata.shapes(nummer, layer="out", contract=TOMTER)
    if frame is None:
        raise _missing("out", TOMTER, nummer)
    return frame


def _attributes(
    geodata: Geodata, nummer: str, contract: Contract, *, layer: Layer = "out", may_lack: bool = False
) -> pd.DataFrame:
    frame = geodata.attributes(nummer, layer=layer, contract=contract)
    if frame is None and not may_lack:
        raise _missing(layer, contract, nummer)
    return contract.empty() if frame is None else frame


def _missing(layer: Layer, contract: Contract, nummer: str) -> StoreError:
    return StoreError(f"{layer}/{contract.name}/{nummer}.parquet is not there. Run `tomt run {nummer}`.")


def read_or_empty(geodata: Geodata, nummer: str, contract: Contract, *, layer: Layer = "out") -> pd.DataFrame:
    """Return a frame, without rows when it was never written."""
    frame = geodata.read(nummer, layer=layer, contract=contract)
    return contract.empty() if frame is None else frame

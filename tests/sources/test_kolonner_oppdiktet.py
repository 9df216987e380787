"""An invented kommune under the names of other kinds of sources gives the same contracts as under those of NAP."""

from __future__ import annotations

import json
from typing import Any

import geopandas as gpd
import pytest

from config.kilder import Kilde
from config.registers import earlier_numbers, numbers_in_use
from tasks.account import Account
from tasks.sandbox.crs import parse
from tasks.sandbox.nap import KP_TYPES, features
from tasks.sources import flat, formaal, plan
from tasks.sources.kolonner import standardise
from tasks.sources.numre import Numre

KNR, UTM33 = "0099", parse("EPSG:25833")
NUMRE = Numre(KNR, numbers_in_use(sandbox=True), earlier_numbers(sandbox=True))
COMMON = {
    "objekttypenavn": "OBJTYPE",
    "arealplanId.kommunenummer": "KOMM",
    "arealplanId.planidentifikasjon": "PLANID",
    "identifikasjon.lokalId": "LOKALID",
    "kopidata.områdeId": "OMRADEID",
    "arealbruk": "OPLAREAL",
    "arealbruksstatus": "AREALST",
    "områdenavn": "OMRNAVN",
    "reguleringsformål": "REGFORM",
    "planstatus": "PLANSTAT",
    "vertikalnivå": "VERTNIV",
    "ikrafttredelsesdato": "IKRAFT",
}
SHORT = COMMON | {"vedtakEndeligPlanDato": "VEDTAKENDELIGPLANDATO"}
CUT = COMMON | {
    "arealplanId.kommunenummer": "NASJONALAR",
    "arealplanId.planidentifikasjon": "NASJONAL00",
    "vedtakEndeligPlanDato": "VEDTAKENDE",
}


def collected(*samlinger: str) -> gpd.GeoDataFrame:
    found = [json.loads(one) for samling in samlinger for one in features(samling, KNR, UTM33)]
    assert found
    return flat.frame(found, epsg=25833, where="x")


def renamed(raw: gpd.GeoDataFrame, names: dict[str, str], code: str) -> gpd.GeoDataFrame:
    """Return a layer where rows of both generations stand, with 0 in the code that does not apply."""
    columns = {c: names.get(c, code if c == "arealformål" else c.upper()) for c in raw.columns if c != "geometry"}
    other = raw.rename(columns=columns).assign(EKSTRA="x")
    return other.assign(**{c: other[c].fillna("0") for c in (code, "OPLAREAL", "REGFORM") if c in other})


def kilde(tema: str) -> Kilde:
    lag = KP_TYPES if tema == "kommuneplan" else ("RpOmråde", "RpArealformålOmråde", "RbFormålOmråde")
    return Kilde.model_validate(
        {"navn": "prove", "tema": tema, "protokoll": "innboks", "lag": lag, "lisens": "oppdiktet"}
    )


def same(direct: tuple[gpd.GeoDataFrame, Account], other: tuple[gpd.GeoDataFrame, Account]) -> None:
    assert len(direct[0])
    assert other[0].to_wkb().equals(direct[0].to_wkb())
    assert other[1].merknader == direct[1].merknader


@pytest.mark.parametrize(("names", "code"), [({}, "arealformål"), (SHORT, "KPAREALFORMAL"), (CUT, "KPAREALFOR")])
def test_the_kommuneplan(names: dict[str, str], code: str) -> None:
    raw = collected(*(f"{s}/{t}" for s in ("kommuneplaner", "kommunedelplaner") for t in KP_TYPES[:3]))
    account = Account("prove")
    frame = standardise(renamed(raw, names, code) if names else raw, kilde("kommuneplan"), account)
    assert account.merknader == {"unlesbar": 1}  # the invented kommune has one destroyed utnyttingstall
    same(*(plan.soner(r, NUMRE, manglende_arealstatus="1") for r in (raw, frame)))
    same(*(plan.planomraader(r, NUMRE, manglende_plantype="20") for r in (raw, frame)))


@pytest.mark.parametrize(("names", "code"), [({}, "arealformål"), (SHORT, "RPAREALFORMAL"), (CUT, "RPAREALFOR")])
def test_reguleringsplaner(names: dict[str, Any], code: str) -> None:
    raw = collected(*(f"reguleringsplaner/vn2/{t}" for t in ("RpOmråde", "RpArealformålOmråde", "RbFormålOmråde")))
    account = Account("prove")
    frame = standardise(renamed(raw, names, code) if names else raw, kilde("reguleringsplan"), account)
    assert account.merknader == {}
    same(*(plan.reguleringsplaner(r, NUMRE, manglende_nivaa="2") for r in (raw, frame)))
    same(*(formaal.reguleringsformaal(r, NUMRE, manglende_nivaa="2") for r in (raw, frame)))

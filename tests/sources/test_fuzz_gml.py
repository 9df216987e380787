"""Mutated GML – parcels, buildings, plans – ends in rows or in a named error, never otherwise."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from config.kilder import Kilde
from tasks.sandbox.bygning_wfs import BYGNING
from tasks.sandbox.crs import parse
from tasks.sandbox.fes import KOMMUNE, Lik
from tasks.sandbox.teig_wfs import TEIG
from tasks.sandbox.wfs import Tjeneste
from tasks.sources.asked import Take
from tasks.sources.lesere import read_gml

from .fuzz import crashes, mutate, tell

NAP = """<?xml version="1.0" encoding="utf-8"?>
<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2"
 xmlns:app="http://skjema.geonorge.no/SOSI/produktspesifikasjon/Kommuneplan/20190401" numberMatched="unknown"
 xmlns:xlink="http://www.w3.org/1999/xlink" numberReturned="0">
<wfs:member><app:KpArealformålOmråde gml:id="id-1"><app:identifikasjon><app:Identifikasjon><app:lokalId>0a</app:lokalId>
<app:navnerom>http://data.geonorge.no/0099/so</app:navnerom></app:Identifikasjon></app:identifikasjon><app:område>
<gml:MultiSurface gml:id="g1" srsName="urn:ogc:def:crs:EPSG::25833" srsDimension="2"><gml:surfaceMember><gml:Polygon
 gml:id="g2"><gml:exterior><gml:LinearRing><gml:posList>-120000 6740000 -119900 6740000 -119900 6740100 -120000 6740100
 -120000 6740000</gml:posList></gml:LinearRing></gml:exterior><gml:interior><gml:LinearRing><gml:posList>-119990 6740010
 -119990 6740020 -119980 6740020 -119980 6740010 -119990 6740010</gml:posList></gml:LinearRing></gml:interior>
</gml:Polygon></gml:surfaceMember></gml:MultiSurface></app:område><app:arealformål>1110</app:arealformål>
<app:arealbruksstatus>2</app:arealbruksstatus><app:områdenavn>B1</app:områdenavn><app:utnytting><app:Utnytting>
<app:utnyttingstype>16</app:utnyttingstype><app:utnyttingstall>30.0</app:utnyttingstall></app:Utnytting></app:utnytting>
<app:arealplanId><app:NasjonalArealplanId><app:kommunenummer>0099</app:kommunenummer><app:landkode>NO</app:landkode>
<app:planidentifikasjon>0099_KPA2022</app:planidentifikasjon></app:NasjonalArealplanId></app:arealplanId>
</app:KpArealformålOmråde></wfs:member>
<wfs:member><app:KpOmråde gml:id="id-2"><app:område><gml:Polygon gml:id="g3" srsName="urn:ogc:def:crs:EPSG::25833">
<gml:exterior><gml:Ring><gml:curveMember><gml:Curve gml:id="g4"><gml:segments><gml:Arc><gml:posList>-120000 6740000
 -119950 6740020 -119900 6740000</gml:posList></gml:Arc><gml:LineStringSegment><gml:posList>-119900 6740000 -119900
 6739900 -120000 6739900 -120000 6740000</gml:posList></gml:LineStringSegment></gml:segments></gml:Curve>
</gml:curveMember></gml:Ring></gml:exterior></gml:Polygon></app:område><app:plantype>20</app:plantype>
<app:planstatus>3</app:planstatus><app:ikrafttredelsesdato>2022-06-16Z</app:ikrafttredelsesdato>
<app:arealplan xlink:href="#id-1"/></app:KpOmråde></wfs:member></wfs:FeatureCollection>""".encode()


def _members(tjeneste: Tjeneste) -> bytes:
    """Return a few members of each kind that the service has."""
    crs = parse("urn:ogc:def:crs:EPSG::25833")
    assert crs is not None
    every = tjeneste.medlemmer(Lik(KOMMUNE, "0099"), crs)
    some = sorted(every, key=len)[:: max(1, len(every) // 4)][:4]
    head = (
        '<?xml version="1.0" encoding="UTF-8"?><wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" '
        f'xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:app="{tjeneste.navnerom}" numberMatched="unknown" '
        'numberReturned="0">'
    )
    return head.encode() + b"".join(some) + b"</wfs:FeatureCollection>"


SAMPLES: dict[str, Callable[[], bytes]] = {
    "teig": lambda: _members(TEIG),
    "bygning": lambda: _members(BYGNING),
    "kommuneplan": lambda: NAP,
}
LAG = {
    "teig": {"Teig": "app:Teig"},
    "bygning": {"Bygning": "app:Bygning"},
    "kommuneplan": {"KpArealformålOmråde": "KpArealformålOmråde", "KpOmråde": "KpOmråde"},
}


@cache
def sample(tema: str) -> bytes:
    return SAMPLES[tema]()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Leave out what is logged of each of the thousands."""
    caplog.set_level(logging.CRITICAL, "tomt.sources")


def fuzz(tema: str, mappe: Path, *, numbers: range) -> None:
    kilde = Kilde.model_validate(
        {"navn": "ond", "tema": tema, "protokoll": "wfs", "adresse": "http://127.0.0.1", "lag": LAG[tema], "lisens": ""}
    )
    path = mappe / "ond.gml"

    def reading(content: bytes, take: Take) -> None:
        path.write_bytes(content)
        read_gml(path, kilde, where="http://127.0.0.1/ond", take=take)

    def damaged(rng: random.Random) -> bytes:
        return mutate(sample(tema), rng)

    path.write_bytes(sample(tema))
    assert read_gml(path, kilde, where="http://127.0.0.1/ond", take=lambda piece: None) >= 2
    bad, ends = crashes(f"gml {tema}", damaged, reading, mappe, numbers=numbers)
    assert not bad, tell(bad)
    assert ends["read"] > len(numbers) // 50, ends  # some mutations must leave something to read, and some must not
    assert ends["refused"] > len(numbers) // 50, ends
    assert sorted(p.name for p in mappe.iterdir()) == ["ond.gml"]


@pytest.mark.parametrize("tema", SAMPLES)
def test_mutated_gml(tema: str, tmp_path: Path) -> None:
    fuzz(tema, tmp_path, numbers=range(100))


@pytest.mark.long
@pytest.mark.parametrize("tema", SAMPLES)
def test_mutated_gml_long(tema: str, tmp_path: Path) -> None:
    fuzz(tema, tmp_path, numbers=range(1_000, 9_000))

"""From the snapshots of the context to core: what is replaced, what stays, and what each layer is worth."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from config.kilder import kilder, kontekst_themes
from config.registers import Kommune, regler
from config.tomtefaktorer import tomtefaktorer
from tasks.answer import Answer, Empty, Failed, NotCovered, Rows
from tasks.contracts import DEKNING, NUMBER, PLANOMRAADER, TEXTS, Contract
from tasks.scoring.tomt.opphav import Opphav
from tasks.sources.kontekstkjerne import Kontekst, les_kontekst
from tasks.store import Geodata
from tasks.tomtekontrakter import (
    GRUNNKRETSER,
    HOLDEPLASSER,
    KONFLIKTER,
    KONTEKSTDEKNING,
    TETTSTEDER,
    TJENESTER,
    VEGLENKER,
)

from .snapshot import keep

A, B, C = (shapely.box(x, 6_740_000, x + 100, 6_740_100) for x in (0, 200, 400))
REST = (NUMBER, TEXTS)
NAA = datetime(2026, 4, 1, 12, tzinfo=UTC)


@pytest.fixture
def les(geodata: Geodata, kommune: Kommune) -> Callable[..., Kontekst]:
    return lambda answers, **more: les_kontekst(kommune, answers, geodata=geodata, **{"naa": NAA, **more})


@pytest.fixture
def core(geodata: Geodata) -> Callable[[Contract], pd.DataFrame]:
    def read(contract: Contract) -> pd.DataFrame:
        frame = geodata.read("0099", layer="core", contract=contract)
        assert frame is not None
        return frame

    return read


@pytest.fixture
def naturvern(geodata: Geodata) -> Rows:
    return keep(geodata, "mdir_naturvern", [A], tid=NAA, verneform=["Naturreservat"], navn=["Myra"])


@pytest.fixture
def flom(geodata: Geodata) -> Rows:
    return keep(geodata, "nve_flomsoner", [B, C], tid=NAA, gjentaksintervall=["200", "1000"])


def row(made: Kontekst, lag: str) -> dict[Any, Any]:
    found: dict[Any, Any] = made.dekning.set_index("lag").loc[lag].to_dict()
    return found


def test_layers_that_answered_are_known(les: Any, core: Any, naturvern: Rows, flom: Rows):
    marka = Empty("geonorge_marka", "Kilden har ingenting av marka.")
    made = les({"naturvern": naturvern, "flom_faresone": flom, "marka": marka})
    rows = core(KONFLIKTER)
    assert rows[["lag", "tema", "alvor", "verdi", "navn"]].values.tolist() == [
        ["naturvern", "naturvern", "stopp", "Naturreservat", "Myra"],
        ["flom_faresone", "flom", "hard", "200", None],
        ["flom_faresone", "flom", "myk", "1000", None],
    ]
    assert made.dekning["lag"].tolist() == ["naturvern", "marka", "flom_faresone"]  # others were never asked for
    assert made.dekning["er_kjent"].all()
    assert row(made, "marka") | {"sha256": ""} == {
        "tema": "marka",
        "svar": "tom",
        "er_kjent": True,
        "er_reserve": False,
        "kilde": "geonorge_marka",
        "grunn": "Kilden har ingenting av marka.",
        "hentet_tid": NAA.isoformat(),
        "sett_tid": NAA.isoformat(),
        "alder_dager": 0.0,
        "antall": 0.0,
        "adresse": "https://wfs.geonorge.no/skwms1/wfs.markagrensen",
        "lisens": "Klima- og miljødepartementet, NLOD",
        "sha256": "",
    }
    pd.testing.assert_frame_equal(core(KONTEKSTDEKNING), made.dekning)
    assert [a.navn for a in made.regnskap] == ["naturvern", "marka", "flom_faresone"]


@pytest.mark.parametrize("answer", [NotCovered("nve_flomsoner", "Ukjent."), Failed("nve_flomsoner", "HTTP 503.")])
def test_the_old_rows_of_a_layer_that_did_not_answer_stay(
    les: Any, core: Any, naturvern: Rows, flom: Rows, answer: Answer
):
    before = les({"naturvern": naturvern, "flom_faresone": flom})
    made = les({"naturvern": Empty("mdir_naturvern", "Ingen."), "flom_faresone": answer}, naa=NAA + timedelta(days=9))
    assert core(KONFLIKTER)["lag"].tolist() == ["flom_faresone", "flom_faresone"]
    its, was = row(made, "flom_faresone"), row(before, "flom_faresone")
    assert its["er_kjent"] is False
    assert its["svar"] == ("feilet" if isinstance(answer, Failed) else "ikke_dekket")
    assert its["grunn"] == answer.grunn
    assert [its[c] for c in ("antall", "sha256", "sett_tid")] == [was[c] for c in ("antall", "sha256", "sett_tid")]
    assert its["alder_dager"] == pytest.approx(was["alder_dager"] + 9, abs=0.02)


def test_layers_that_are_not_asked_for_stay_as_they_were(les: Any, core: Any, naturvern: Rows, flom: Rows):
    les({"naturvern": naturvern})
    made = les({"flom_faresone": flom}, naa=NAA + timedelta(days=2))
    assert set(core(KONFLIKTER)["lag"]) == {"naturvern", "flom_faresone"}
    assert made.dekning["er_kjent"].all()
    assert set(made.dekning["lag"]) == {"naturvern", "flom_faresone"}


def test_a_layer_with_an_unknown_value_is_not_known_and_says_why(
    les: Any, core: Any, geodata: Geodata, naturvern: Rows, flom: Rows
):
    les({"naturvern": naturvern, "flom_faresone": flom})
    strange = keep(geodata, "nve_flomsoner", [A], gjentaksintervall=["777"])
    made = les({"naturvern": naturvern, "flom_faresone": strange})
    assert sorted(core(KONFLIKTER)["lag"]) == ["flom_faresone", "flom_faresone", "naturvern"]
    its = row(made, "flom_faresone")
    assert (its["svar"], its["er_kjent"]) == ("feilet", False)
    assert "'777'" in its["grunn"]
    assert made.ubrukelige == {"flom_faresone": its["grunn"]}
    assert row(made, "naturvern")["er_kjent"] is True


def test_a_snapshot_that_is_damaged_takes_no_other_layer_down(les: Any, core: Any, naturvern: Rows, flom: Rows):
    flom.path.write_bytes(b"PAR1 tull")
    made = les({"naturvern": naturvern, "flom_faresone": flom})
    assert row(made, "flom_faresone")["svar"] == "feilet"
    assert core(KONFLIKTER)["lag"].tolist() == ["naturvern"]


def test_what_serves_in_reserve_is_known_and_says_so(les: Any, geodata: Geodata, naturvern: Rows):
    old = (NAA - timedelta(days=30)).isoformat()
    reserve = Rows("mdir_naturvern", naturvern.path, naturvern.provenance, old, None, "Failed", "Kilden er nede.")
    its = row(les({"naturvern": reserve}), "naturvern")
    assert (its["er_kjent"], its["grunn"], its["alder_dager"]) == (True, "Kilden er nede.", 30.0)
    assert its["er_reserve"]
    assert row(les({}), "naturvern")["er_reserve"]  # until it is asked again
    assert not row(les({"naturvern": naturvern}), "naturvern")["er_reserve"]


def test_nothing_that_serves_in_reserve_says_so_too(les: Any):
    made = les({"marka": Empty("geonorge_marka", "Kilden er nede.", reserve="Kilden er nede.")})
    assert (row(made, "marka")["er_kjent"], row(made, "marka")["er_reserve"]) == (True, True)


def says_nothing(geodata: Geodata, kilde: str, tid: datetime) -> Empty:
    path = geodata.raw_folder(kilde, "0099") / "svar.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"tid": tid.isoformat()}), encoding="utf-8")
    return Empty(kilde, "Ingen.")


def test_an_empty_answer_is_as_old_as_when_it_was_said(les: Any, geodata: Geodata):
    answer = says_nothing(geodata, "geonorge_marka", NAA - timedelta(days=3))
    assert row(les({"marka": answer}), "marka")["alder_dager"] == 3.0


def test_nothing_once_more_is_the_same_content(les: Any, geodata: Geodata, naturvern: Rows):
    """Each week's confirmation is news of the source, not of the land: no lot is scored anew for it."""
    first = les({"marka": says_nothing(geodata, "geonorge_marka", NAA)})
    later = NAA + timedelta(days=8)
    les({"marka": Failed("geonorge_marka", "Nede.")}, naa=later)  # a bad night between
    again = les({"marka": says_nothing(geodata, "geonorge_marka", later)}, naa=later)
    was, its = row(first, "marka"), row(again, "marka")
    assert (its["hentet_tid"], its["sha256"]) == (was["hentet_tid"], was["sha256"])
    assert (its["sett_tid"], its["alder_dager"]) == (later.isoformat(), 0.0)
    told = [Opphav(made.dekning, tomtefaktorer().sikkerhet.ferskhet).kilde("marka") for made in (first, again)]
    assert told[0] == told[1]
    last = later + timedelta(days=8)
    rows = keep(geodata, "geonorge_marka", [A], tid=last)
    assert row(les({"marka": rows}, naa=last), "marka")["hentet_tid"] == last.isoformat()
    gone = says_nothing(geodata, "geonorge_marka", last + timedelta(days=8))
    assert row(les({"marka": gone}, naa=last), "marka")["hentet_tid"] == (last + timedelta(days=8)).isoformat()


def test_no_layer_is_known_for_ever(les: Any, core: Any, geodata: Geodata, naturvern: Rows):
    """Nobody asks: context is not fetched, or this layer alone is left out."""
    lenge = timedelta(days=regler().hent.reserve_dager + kilder()["mdir_naturvern"].gyldig_dager)
    les({"naturvern": naturvern, "marka": says_nothing(geodata, "geonorge_marka", NAA + lenge)})
    made = les({}, naa=NAA + lenge)
    assert made.dekning["er_kjent"].all()
    its = row(les({}, naa=NAA + lenge + timedelta(hours=1)), "naturvern")
    assert (its["er_kjent"], its["er_reserve"], its["svar"]) == (False, False, "feilet")
    assert "sist bekreftet 2026-04-01, for lenge siden" in its["grunn"]
    assert len(core(KONFLIKTER)) == 1  # it counts against the lot still
    assert row(les({"naturvern": naturvern}, naa=NAA + lenge), "naturvern")["er_kjent"]


def test_the_digest_changes_with_the_content_and_the_config(les: Any, geodata: Geodata, monkeypatch: Any, flom: Rows):
    from tasks.sources import kontekstkjerne

    first = row(les({"flom_faresone": flom}), "flom_faresone")["sha256"]
    assert row(les({"flom_faresone": flom}), "flom_faresone")["sha256"] == first
    other = keep(geodata, "nve_flomsoner", [B], gjentaksintervall=["200"])
    assert row(les({"flom_faresone": other}), "flom_faresone")["sha256"] != first
    register = kontekstkjerne.konfliktregister()
    wider = register.lag["flom_faresone"].model_copy(update={"buffer_m": 9.0})
    changed = register.model_copy(update={"lag": {**register.lag, "flom_faresone": wider}})
    monkeypatch.setattr(kontekstkjerne, "konfliktregister", lambda: changed)
    assert row(les({"flom_faresone": flom}), "flom_faresone")["sha256"] != first


# --- zones of plans ---


@pytest.fixture
def hensyn(geodata: Geodata) -> Rows:
    columns = {
        "arealplanId.planidentifikasjon": ["KP1", "KP2"],
        "arealplanId.kommunenummer": ["0099", "0099"],
        "båndlegging": ["730", "730"],
    }
    return keep(geodata, "nap_hensyn", [A, B], **columns)


def test_zones_of_plans_in_force(les: Any, core: Any, geodata: Geodata, hensyn: Rows):
    made = les({"hensyn": hensyn})
    assert "which kommuneplaner are in force is not known" in row(made, "hensyn")["grunn"]
    columns = {c: [None, None] for c in PLANOMRAADER.columns}
    plans = columns | {"plan_id": ["0099_KP1", "0099_KP2"], "planstatus": ["3", "2"]}
    frame = gpd.GeoDataFrame({c: pd.Series(v, dtype=object) for c, v in plans.items()}, geometry=[A, B], crs=25833)
    geodata.write(frame, "0099", layer="core", contract=PLANOMRAADER)
    made = les({"hensyn": hensyn})
    assert row(made, "hensyn")["er_kjent"]
    assert core(KONFLIKTER)["alvor"].tolist() == ["stopp"]
    first = row(made, "hensyn")["sha256"]
    geodata.write(
        frame.assign(planstatus=pd.Series(["3", "3"], dtype=object)), "0099", layer="core", contract=PLANOMRAADER
    )
    assert row(les({"hensyn": hensyn}), "hensyn")["sha256"] != first
    assert len(core(KONFLIKTER)) == 2


# --- what stands around ---


def test_shapes_and_inhabitants_of_grunnkretser_stand_in_for_what_the_other_lacks(
    les: Any, core: Any, geodata: Geodata
):
    shapes = keep(geodata, "ssb_grunnkretser", [A, B], grunnkretsnummer=["00990101", "00990102"])
    people = keep(geodata, "ssb_grunnkretstall", [None], grunnkretsnummer=["00990101"], folketall=["120"])
    made = les({"grunnkrets": shapes, "grunnkretstall": people})
    assert core(GRUNNKRETSER)["folketall"].fillna(-1).tolist() == [120, -1]
    assert [row(made, lag)["antall"] for lag in ("grunnkrets", "grunnkretstall")] == [2, 1]
    less = keep(geodata, "ssb_grunnkretser", [A], grunnkretsnummer=["00990101"])
    les({"grunnkrets": less, "grunnkretstall": Failed("ssb_grunnkretstall", "Stille timer.")})
    assert core(GRUNNKRETSER)["folketall"].tolist() == [120]
    more = keep(geodata, "ssb_grunnkretstall", [None], grunnkretsnummer=["00990101"], folketall=["130"])
    made = les({"grunnkrets": Failed("ssb_grunnkretser", "Nede."), "grunnkretstall": more})
    assert core(GRUNNKRETSER)["folketall"].tolist() == [130]
    assert not row(made, "grunnkrets")["er_kjent"]


def test_frames_of_one_layer_each(les: Any, core: Any, geodata: Geodata):
    answers = {
        "tettsted": keep(geodata, "ssb_tettsteder", [A], tettstedsnummer=["1"], folketall=["900"]),
        "holdeplass": Empty("entur_holdeplasser", "Ingen."),
        "veg": NotCovered("nvdb_veger", "Ingen."),
    }
    made = les(answers)
    assert core(TETTSTEDER)["folketall"].tolist() == [900]
    assert not len(core(HOLDEPLASSER))  # looked for, and there is none
    assert geodata.read("0099", layer="core", contract=VEGLENKER) is None
    assert made.dekning.set_index("lag")["er_kjent"].to_dict() == {"tettsted": True, "holdeplass": True, "veg": False}
    les({"tettsted": Failed("ssb_tettsteder", "Nede.")})
    assert len(core(TETTSTEDER)) == 1


def test_services_come_from_the_newest_snapshot_of_buildings(les: Any, core: Any, geodata: Geodata):
    points = [shapely.Point(0, 0), shapely.Point(1, 1)]
    columns = {"bygning_id": ["1", "2"], "bygningstype": ["612", "613"], "status": ["TB", "BR"]}
    keep(geodata, "kartverket_bygning", points, tid=NAA - timedelta(days=5), kommunenummer=["0099"] * 2, **columns)
    made = les({})
    assert core(TJENESTER)["tjeneste_id"].tolist() == ["barnehage-1"]
    its = row(made, "bygning")
    assert (its["er_kjent"], its["antall"], its["alder_dager"]) == (True, 1.0, 5.0)
    assert not its["er_reserve"]
    dekning = dict.fromkeys(DEKNING.columns) | {"kommunenummer": "0099", "tema": "bygning", "svar": "feilet"}
    dekning |= {"er_paakrevd": True, "kilde": "kartverket_bygning", "karakter": "C", "reserve": "Nede."}
    dekning |= {c: float("nan") if kind == NUMBER else [] for c, kind in DEKNING.columns.items() if kind in REST}
    geodata.write(pd.DataFrame([dekning]), "0099", layer="out", contract=DEKNING)
    its = row(les({}), "bygning")
    assert (its["er_kjent"], its["er_reserve"], its["grunn"]) == (True, True, "Nede.")
    made = les({}, naa=NAA + timedelta(days=1000))
    assert (row(made, "bygning")["er_kjent"], row(made, "bygning")["antall"]) == (False, 1.0)
    assert not row(made, "bygning")["er_reserve"]


def test_no_answers_at_all(les: Any, geodata: Geodata):
    nothing = {tema: NotCovered("", "Ingen kilde.") for tema in kontekst_themes()}
    made = les(nothing)
    assert not made.dekning["er_kjent"].any()
    assert len(made.dekning) == len(nothing)
    assert geodata.read("0099", layer="core", contract=KONFLIKTER) is None

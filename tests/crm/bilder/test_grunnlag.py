"""What a picture is made of: read from the files of a run, cut to the view, in the kommune's zone; and its digest."""

from __future__ import annotations

import doctest
import pickle

import geopandas as gpd
import pytest
import shapely

from config.bilder import bilder
from config.konflikt import konflikter
from config.registers import find_kommune
from tasks.crm.bilder import lag, motiv, skrift, tekster, utsnitt, valg
from tasks.crm.bilder.grunnlag import read_grunnlag
from tasks.crm.bilder.motiv import digest, file_name, is_our_file
from tasks.crs import STORAGE_CRS
from tasks.errors import StoreError
from tasks.store import Geodata
from tests.crm.bilder.kart import (
    EAST,
    NEIGHBOURS,
    NORTH,
    PROEVEDAL,
    TOMT,
    box,
    hinder,
    konflikt,
    land,
    plan,
    planomraade,
    rules,
    scoret,
    sone,
    teig,
    tomt,
)
from tests.crm.stordata import Omfang, write_kommune


@pytest.mark.parametrize("module", [lag, motiv, skrift, tekster, utsnitt, valg])
def test_the_examples_hold(module):
    assert doctest.testmod(module).failed == 0


def test_a_motif_holds_what_is_seen_and_nothing_else():
    far = teig("t9", "99/1", box(500, 500, 600, 600))
    seen = land(teiger=[*NEIGHBOURS, far]).motiv(TOMT)
    assert [(t.nummer, t.er_egen) for t in seen.teiger] == [
        ("46/1", True),
        ("46/2", False),
        ("46/3", False),
        ("47/12", False),
    ]
    assert [s.navn for s in seen.soner] == ["Bolig", "Grønnstruktur"]
    assert [(p.navn, p.er_vedtatt) for p in seen.planer] == [("Åsen", True)]
    assert [h.er_veg for h in seen.hindre] == [False]
    assert seen.nummer == "46/1"
    assert (seen.tekster.sted, seen.tekster.vurdering) == ("Storgata 1, PRØVEDAL", "Nivå A · score 82,4")
    edge = seen.utsnitt.bredde + 25
    for form in [*(t.form for t in seen.teiger), *(s.form for s in seen.soner)]:
        assert min(form.bounds) > -25
        assert max(form.bounds) < edge


def test_a_metre_is_a_metre_in_the_kommunes_own_zone():
    kommune = find_kommune("0099", sandbox=True)
    corner = gpd.GeoSeries([shapely.box(297_000, 6_700_000, 297_100, 6_700_100)], crs=kommune.epsg).to_crs(STORAGE_CRS)
    seen = land(kommune=kommune, tomter=[tomt("0099-000001", corner.iloc[0])]).motiv("0099-000001")
    metres = (seen.tomt.bounds[2] - seen.tomt.bounds[0]) * seen.utsnitt.opplosning
    assert seen.utsnitt.epsg == 25832
    assert metres == pytest.approx(100, abs=0.1)


def test_zones_of_plans_that_are_not_adopted_are_left_out_and_parts_lie_on_top():
    plans = [planomraade("A", "21"), planomraade("B"), planomraade("C", planstatus="2")]
    zones = [sone(p, "1110" if p == "B" else "2010", box(-50, -50, 50, 50), plan_id=p) for p in ("A", "B", "C", "D")]
    names = [s.navn for s in land(planomraader=plans, soner=zones).motiv(TOMT).soner]
    assert names == ["Bolig", "Samferdsel", "Samferdsel"]  # B, D whose plan is not known, then A


def test_tunnels_and_plans_that_are_over_bound_nothing():
    here = box(-60, -60, 60, 60)
    rows = [
        plan("7001_1", "Tunnel", here, nivaa="1"),
        plan("7001_2", "Opphevet", here, status="4"),
        plan("7001_3", None, here, status="2"),
    ]
    assert [(p.navn, p.er_vedtatt) for p in land(reguleringsplaner=rows).motiv(TOMT).planer] == [("Plan 3", False)]


BOUND = [
    konflikt("flom", "hard", box(-10, -10, 0, 0)),
    konflikt("flom", "myk", box(-90, -90, 90, 90)),
    konflikt("naturvern", "stopp", box(0, 0, 10, 10)),
    konflikt("ufo", "hard", box(-20, 0, 0, 10)),
    konflikt("marka", "stopp", box(900, 900, 910, 910)),
]


def test_what_binds_the_land_is_hatched_by_its_theme_and_what_is_soft_lies_below():
    found = land(konflikter=BOUND).motiv(TOMT).bindinger
    assert [(b.navn, b.er_myk) for b in found] == [
        ("Flom, aktsomhet", True),
        ("Flom", False),
        ("Naturvern", False),
        ("Annen binding", False),
    ]
    soft, hard, *_ = found
    assert set(soft.skravur) == set(hard.skravur)
    assert len(soft.skravur) < len(hard.skravur)


def test_every_theme_has_its_name_in_the_legend():
    unnamed = bilder().constraint("ufo").navn
    assert unnamed not in {bilder().constraint(tema).navn for tema in konflikter().tema}


def test_a_stopped_lot_says_why_instead_of_a_score():
    own = scoret(0.0, nivaa="D", er_stoppet=True, stopp_grunn="Naturvern 72 %")
    assert land(scorer=[own]).motiv(TOMT).tekster.vurdering == "Stoppet · Naturvern 72 %"
    assert land(scorer=[scoret(92.0, nivaa="B")]).motiv(TOMT).tekster.vurdering == "Nivå B · score 92,0"


def test_rings_that_cross_themselves_are_drawn_all_the_same():
    bow = shapely.Polygon(
        [(EAST - 99, NORTH - 99), (EAST + 99, NORTH + 99), (EAST + 99, NORTH - 99), (EAST - 99, NORTH + 99)]
    )
    assert land(soner=[sone("s1", "1110", bow)]).motiv(TOMT).soner


def test_a_kommune_with_lots_alone_has_pictures():
    layers = ("teiger", "soner", "reguleringsplaner", "planomraader", "hindre", "scorer", "adresser")
    seen = land(**{name: [] for name in layers}).motiv(TOMT)
    assert (seen.teiger, seen.soner, seen.tekster.vurdering) == ((), (), "")


def test_files_of_a_run_are_read_and_a_kommune_that_was_never_run_is_told(tmp_path):
    kommune = find_kommune("0099", sandbox=True)
    write_kommune(Geodata(tmp_path), kommune, Omfang(tomter=3, omraader=1, eiendommer=3))
    grunnlag = read_grunnlag(kommune, Geodata(tmp_path), rules())
    seen = grunnlag.motiv(grunnlag.best()[0])
    assert seen.teiger
    assert seen.soner
    assert seen.omraade is not None
    with pytest.raises(StoreError, match="tomt run 7001"):
        read_grunnlag(PROEVEDAL, Geodata(tmp_path), rules())


def test_lots_come_by_score_then_area_and_gone_ones_not_at_all():
    rows = [
        tomt("7001-000001", areal_m2=1000.0),
        tomt("7001-000002", areal_m2=2000.0),
        tomt("7001-000003", areal_m2=3000.0, tilstand="borte"),
        tomt("7001-000004", areal_m2=4000.0),
    ]
    scores = [scoret(score, f"7001-00000{n}") for n, score in ((1, 50.0), (2, 50.0), (4, 20.0))]
    grunnlag = land(tomter=rows, scorer=scores)
    assert grunnlag.best() == ["7001-000002", "7001-000001", "7001-000004"]
    assert "7001-000003" not in grunnlag


# --- the digest ---


def test_the_same_content_has_the_same_digest_whatever_the_order_of_the_files():
    bound = [*BOUND, konflikt("flom", "hard", box(5, -20, 9, -15))]
    one = land(konflikter=bound).motiv(TOMT)
    other = land(teiger=NEIGHBOURS[::-1], konflikter=bound[::-1]).motiv(TOMT)
    assert digest(one, rules()) == digest(other, rules()) == digest(pickle.loads(pickle.dumps(one)), rules())


def _long(layers):
    return pytest.param(layers, marks=pytest.mark.long)


@pytest.mark.parametrize(
    "layers",
    [
        {"tomter": [tomt(shape=box(-20, -20, 21, 20))]},
        _long({"tomter": [tomt(areal_m2=1601.0)]}),
        _long({"teiger": NEIGHBOURS[:3]}),
        {"teiger": [*NEIGHBOURS[:3], teig("t4", "47/13", box(-30, 30, 30, 58))]},
        _long({"soner": [sone("s1", "1110", box(-500, -500, 500, 500))]}),
        _long({"reguleringsplaner": []}),
        {"reguleringsplaner": [plan("7001_R1", "Reguleringsplan for Åsen", box(-70, -60, 70, -30), status="2")]},
        _long({"hindre": [hinder("b1", "bygning", box(40, 0, 50, 10))]}),
        _long({"scorer": []}),
        _long({"adresser": []}),
        {"konflikter": BOUND[:1]},
        {"grenser": [{"kommunenavn": "Prøvedal", "geometry": box(-900, -900, 40, 900)}]},
    ],
)
def test_whatever_is_drawn_otherwise_changes_the_digest(layers):
    assert digest(land().motiv(TOMT), rules()) != digest(land(**layers).motiv(TOMT), rules())


def test_what_is_not_seen_does_not():
    far = teig("t9", "99/1", box(500, 500, 600, 600))
    dekning = [
        {
            "tema": "teig",
            "er_paakrevd": True,
            "kilde": "kartverket_teig",
            "svar": "rader",
            "karakter": "A",
            "hentet_tid": "2026-11-01T05:00:00+00:00",
            "lisens": "Kartverket, CC BY 4.0",
        }
    ]
    later = [dekning[0] | {"hentet_tid": "2026-11-02T05:00:00+00:00"}]
    before = land(dekning=dekning).motiv(TOMT)
    after = land(dekning=later, teiger=[*NEIGHBOURS, far]).motiv(TOMT)
    assert (before.tekster.dato, after.tekster.dato) == ("01.11.2026", "02.11.2026")
    assert before.tekster.kilder == "© Kartverket, CC BY 4.0 · oppdiktede data, ingen ekte tomter"
    assert digest(before, rules()) == digest(after, rules())


def test_style_and_background_are_part_of_the_digest():
    one = land().motiv(TOMT)
    assert (
        len({digest(one, rules()), digest(one, rules(farger={"tomt": "#000000"})), digest(one, rules(), bakgrunn="x")})
        == 3
    )


def test_our_files_are_told_from_peoples():
    assert is_our_file(file_name(TOMT, digest_ := "0123456789ab"))
    assert not any(
        is_our_file(n) for n in ("kart.png", f"{TOMT}.png", f"{TOMT}-{digest_}.jpg", f"x{TOMT}-{digest_}.png", None)
    )

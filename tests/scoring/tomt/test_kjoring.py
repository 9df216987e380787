"""The step that scores a kommune: from frames in core/ and out/ to what it writes, and what it leaves alone."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point, box

from config.konflikt import konflikter
from config.registers import Kommune
from tasks.contracts import KJERNER, NUMBER, TOMTER, Contract
from tasks.crs import STORAGE_CRS
from tasks.errors import ConfigError, LandError, StoreError
from tasks.kommunekontrakter import INDIKATORER, KOMMUNESCORER, NORGE
from tasks.scoring.tomt import kjoring, minne
from tasks.scoring.tomt.kjoring import Beregnet, beregn, require_rules, score_kommune, write
from tasks.scoring.tomt.kommunetall import les_kommunetall
from tasks.scoring.tomt.minne import same_rows
from tasks.scoring.tomt.resultat import Scoret
from tasks.scoring.tomt.score import GRUNNLAG
from tasks.scoring.tomt.skriving import AVBRUTT, fullfoert, som_fortalt
from tasks.store import Geodata
from tasks.tomtekontrakter import (
    HOLDEPLASSER,
    KONFLIKTANDELER,
    KONFLIKTER,
    KONTEKSTDEKNING,
    SAMMENSLAAINGER,
    SCOREENDRINGER,
    SCOREKORT,
    SCORER,
    TETTSTEDER,
    TOMTEFAKTA,
)
from tests.scoring.tomt import sidelots
from tests.scoring.tomt.sidelots import X, Y, ident

KOMMUNE = Kommune(nummer="3207", navn="Nordre Follo", fylke="Akershus", epsg=25832)
DAY = datetime(2026, 11, 20, 2, tzinfo=UTC)
WRITTEN = (TOMTEFAKTA, KONFLIKTANDELER, SCOREKORT, SCORER, SCOREENDRINGER, SAMMENSLAAINGER)
KNOWN = ("naturvern", "flom_aktsomhet", "tettsted", "holdeplass")

LOTS = (
    {"nr": 1, "x": 0, "m2": 9000.0},  # 150 × 60 m
    {"nr": 2, "x": 400},
    {"nr": 3, "x": 450},
    {"nr": 4, "x": 900, "tilstand": "borte"},
)


def cover(contract: Contract, rows: list[dict], shapes: list | None = None) -> pd.DataFrame:
    frame = pd.DataFrame(rows).reindex(columns=list(contract.columns))
    numbers = {c: float for c, kind in contract.columns.items() if kind == NUMBER}
    frame = frame.astype(numbers)
    return frame if shapes is None else gpd.GeoDataFrame(frame, geometry=shapes, crs=STORAGE_CRS)


def coverage(known=KNOWN, *, age: float = 1.0) -> pd.DataFrame:
    rows = [
        {
            "lag": lag,
            "svar": "rader" if lag in known else "feilet",
            "kilde": "noen",
            "hentet_tid": "2026-11-01T02:00:00+00:00",
            "sett_tid": f"2026-11-{20 - int(age):02d}T02:00:00+00:00" if age < 20 else "2020-01-01T02:00:00+00:00",
            "alder_dager": age,
            "lisens": "Noen, NLOD",
        }
        for lag in (*konflikter().lag, "tettsted", "holdeplass")
    ]
    frame = cover(KONTEKSTDEKNING, rows)
    return frame.assign(er_kjent=frame["svar"] == "rader", er_reserve=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Return a folder with land and surroundings, never scored."""
    store = Geodata(tmp_path_factory.mktemp("made"))
    lots = sidelots.tomter(*LOTS)
    store.write(lots, "3207", layer="out", contract=TOMTER)
    cores = lots[["tomt_id", "areal_m2", "geometry"]].assign(lengde_m=60.0, bredde_m=50.0, kompakthet=0.7, noekkel="k")
    store.write(gpd.GeoDataFrame(cores), "3207", layer="out", contract=KJERNER)
    town = cover(
        TETTSTEDER, [{"tettstedsnummer": "1", "navn": "Ski", "folketall": 20_000}], [box(X, Y, X + 500, Y + 500)]
    )
    stops = cover(HOLDEPLASSER, [{"stopp_id": "s", "navn": "Torget"}], [Point(X + 100, Y + 200)])
    stops["transport"] = [["bus"]]
    core(store, town, TETTSTEDER)
    core(store, stops, HOLDEPLASSER)
    core(store, coverage(), KONTEKSTDEKNING)
    flood(store, 0.0)
    return store.root


@pytest.fixture(scope="module")
def once(made, tmp_path_factory) -> tuple[Path, Scoret]:
    """Return the same scored once, and what came of it."""
    root = tmp_path_factory.mktemp("once") / "geodata"
    shutil.copytree(made, root)
    return root, run(Geodata(root))


@pytest.fixture
def geodata(made, tmp_path) -> Geodata:
    shutil.copytree(made, tmp_path / "geodata")
    return Geodata(tmp_path / "geodata")


@pytest.fixture
def scored(once, tmp_path) -> Geodata:
    shutil.copytree(once[0], tmp_path / "geodata")
    return Geodata(tmp_path / "geodata")


def core(store: Geodata, frame: pd.DataFrame, contract: Contract) -> None:
    store.write(frame, "3207", layer="core", contract=contract)


def flood(store: Geodata, width: float, alvor: str = "myk") -> None:
    """Flood the west of lot 1, so many metres wide."""
    if not width:
        core(store, KONFLIKTER.empty(), KONFLIKTER)
        return
    tema, lag = ("flom", "flom_aktsomhet") if alvor != "stopp" else ("naturvern", "naturvern")
    row = {"lag": lag, "tema": tema, "alvor": alvor, "verdi": None, "navn": "Elva"}
    core(store, cover(KONFLIKTER, [row], [box(X, Y, X + width, Y + 60)]), KONFLIKTER)


def out(store: Geodata, contract: Contract) -> pd.DataFrame:
    frame = store.read("3207", layer="out", contract=contract)
    assert frame is not None
    return frame


def run(store: Geodata, profil: str | None = None) -> Scoret:
    return score_kommune(KOMMUNE, store, profil=profil, naa=DAY)


def content(store: Geodata) -> dict[str, tuple[int, bytes]]:
    paths = [store.path("out", contract, "3207") for contract in WRITTEN]
    return {path.parent.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


def test_every_living_lot_gets_facts_a_card_and_a_score_that_the_card_adds_up_to(once):
    geodata, result = Geodata(once[0]), once[1]
    assert (result.antall, result.maalt, result.poengsatt, result.gjenbrukt, result.endret) == (3, 3, 3, 0, 0)
    scores, cards = out(geodata, SCORER), out(geodata, SCOREKORT)
    assert scores["tomt_id"].tolist() == [ident(1), ident(2), ident(3)]
    sums = cards.groupby("tomt_id")["poeng"].sum()
    assert scores.set_index("tomt_id")["score"].to_numpy() == pytest.approx(sums.to_numpy())
    assert scores["selvkost"].str.startswith("Maskinelt anslag").all()
    assert scores["noekkel"].notna().all()
    assert "skred" in result.ukjente_tema
    assert not {"flom", "naturvern"} & set(result.ukjente_tema)
    assert sum(result.nivaaer.values()) == result.totaler.i_alt.tomter == 3
    assert json.loads(json.dumps(result.as_dict()))["antall"] == 3


def test_neighbours_are_put_together_and_scored_by_the_same_rules(once):
    geodata = Geodata(once[0])
    assert once[1].sammenslaatt == 1
    joined, scores = out(geodata, SAMMENSLAAINGER).iloc[0], out(geodata, SCORER).set_index("tomt_id")
    assert joined["tomt_ider"] == [ident(2), ident(3)]
    assert joined["score"] > joined["beste_tomt_score"] == scores.loc[[ident(2), ident(3)], "score"].max()
    assert "Kapasitet" in joined["hvorfor"]


def test_a_day_later_with_nothing_new_nothing_is_scored_and_every_file_is_left_as_it_is(scored, once):
    before, first = content(scored), once[1]
    core(scored, coverage(age=2.0), KONTEKSTDEKNING)
    again = run(scored)
    assert (again.maalt, again.poengsatt, again.gjenbrukt, again.endret) == (0, 0, 3, 0)
    assert content(scored) == before
    assert (again.nivaaer, again.totaler, again.sammenslaatt) == (first.nivaaer, first.totaler, first.sammenslaatt)
    assert again.ukjente_tema == first.ukjente_tema


def test_an_answer_that_has_grown_old_is_scored_again_and_not_measured(scored):
    core(scored, coverage(age=700.0), KONTEKSTDEKNING)
    old = run(scored)
    assert (old.maalt, old.poengsatt, old.endret) == (0, 3, 0)


def test_only_the_lot_that_a_conflict_has_reached_is_measured_and_scored_again(scored):
    before = out(scored, SCORER).set_index("tomt_id")
    flood(scored, 60)
    result = run(scored)
    assert (result.maalt, result.poengsatt, result.endret) == (1, 1, 1)
    after = out(scored, SCORER).set_index("tomt_id")
    assert after.loc[ident(1), "score"] < before.loc[ident(1), "score"]
    assert after.loc[ident(2), "hvorfor"] == before.loc[ident(2), "hvorfor"]
    shares = out(scored, KONFLIKTANDELER)
    assert shares[["tomt_id", "tema"]].to_numpy().tolist() == [[ident(1), "flom"]]
    log = out(scored, SCOREENDRINGER)
    assert (log["tomt_id"].tolist(), log["faktor"].tolist(), log["nr"].tolist()) == ([ident(1)], ["konflikt"], [1])
    assert "Flom" in log["aarsak"].iloc[0]
    assert "Flom" in after.loc[ident(1), "endring"]


def test_a_lot_in_a_nature_reserve_is_stopped_and_one_that_is_gone_has_no_score(scored):
    flood(scored, 150, alvor="stopp")
    lots = sidelots.tomter(*LOTS[:2], {**LOTS[2], "tilstand": "borte"})
    scored.write(lots, "3207", layer="out", contract=TOMTER)
    result = run(scored)
    row = out(scored, SCORER).set_index("tomt_id").loc[ident(1)]
    assert (result.stoppet, row["score"], row["nivaa"], row["er_stoppet"]) == (1, 0, "D", True)
    assert "tomten er stoppet" in row["selvkost"]
    assert np.isnan(row["selvkost_hoy_kr"])
    assert (result.antall, result.maalt, result.sammenslaatt) == (2, 1, 0)
    assert set(out(scored, SCOREKORT)["tomt_id"]) == {ident(1), ident(2)}
    assert out(scored, SAMMENSLAAINGER)["tilstand"].tolist() == ["borte"]


def test_what_is_not_a_fact_of_a_lot_but_goes_into_its_score_is_in_its_key(monkeypatch):
    lots = sidelots.tomter(*LOTS[:2])
    before = minne.with_land(["a", "b"], lots, GRUNNLAG)
    disputed = minne.with_land(["a", "b"], lots.assign(har_tvist=[True, False]), GRUNNLAG)
    assert (disputed[0] != before[0], disputed[1] == before[1]) == (True, True)
    monkeypatch.setattr(minne, "scorestempel", lambda: "another program")
    assert not set(minne.with_land(["a", "b"], lots, GRUNNLAG)) & set(before)


def test_rows_of_an_older_contract_count_as_none_and_a_damaged_log_does_not(scored):
    path = scored.path("out", SCORER, "3207")
    pd.DataFrame({"tomt_id": [ident(1)], "profil": ["eldre 1"], "score": [70.0]}).to_parquet(path)
    before = minne.Forrige.les(KOMMUNE, scored)
    assert (before.scorer, before.kort) == (None, None)
    assert before.fakta is not None
    scored.path("out", SCOREENDRINGER, "3207").write_bytes(b"PAR1 no")
    with pytest.raises(StoreError, match="scoreendringer"):
        minne.Forrige.les(KOMMUNE, scored)


def test_a_kommune_without_lots_has_empty_frames_and_one_without_a_land_run_is_told(geodata, tmp_path):
    geodata.write(sidelots.tomter(*LOTS)[:0], "3207", layer="out", contract=TOMTER)
    result = run(geodata)
    assert (result.antall, result.sammenslaatt, result.totaler.i_alt.tomter) == (0, 0, 0)
    assert all(len(out(geodata, contract)) == 0 for contract in WRITTEN)
    with pytest.raises(LandError, match="tomt run 3207"):
        score_kommune(KOMMUNE, Geodata(tmp_path / "empty"), naa=DAY)


@pytest.mark.long
def test_every_move_is_told_also_one_that_has_been_told_before(scored):
    for width, profil in ((60, None), (60, "master-6"), (0, "master-6"), (0, None), (60, None)):
        flood(scored, width)
        run(scored, profil)
    log = out(scored, SCOREENDRINGER)
    own = log[log["tomt_id"] == ident(1)]
    assert own["faktor"].tolist() == ["konflikt", "profil", "konflikt", "profil", "konflikt"]
    first, last = own.iloc[0], own.iloc[-1]
    assert (first["score_foer"], first["score_etter"]) == (last["score_foer"], last["score_etter"])


def test_of_a_run_whose_scores_were_never_written_the_log_keeps_nothing():
    points = {"score_foer": 50.0, "score_etter": 40.0, "poeng_foer": 18.0, "poeng_etter": 8.0}
    move = {"tomt_id": "t", "faktor": "konflikt", **points}
    log = cover(SCOREENDRINGER, [{"nr": nr, "aarsak": f"{nr}", **move} for nr in (1, 2)])
    scores = pd.DataFrame({"tomt_id": ["t", "u"], "noekkel": ["k", f"{AVBRUTT}1"]})
    assert fullfoert(log, scores)["nr"].tolist() == [1]
    assert fullfoert(log, scores[:1])["nr"].tolist() == [1, 2]  # the same move as before is told again
    assert fullfoert(log, None) is log
    assert som_fortalt(log[1:].assign(aarsak="other"), log)["aarsak"].tolist() == ["2"]
    assert som_fortalt(log[1:].assign(aarsak="other", poeng_etter=1.0), log)["aarsak"].tolist() == ["other"]


class Stopped(Geodata):
    """A store whose disk refuses from the n-th file on."""

    def __init__(self, root: Path, *, after: int) -> None:
        super().__init__(root)
        self.left = after

    def write(self, *args, **given) -> Path:
        if not self.left:
            raise StoreError("full")
        self.left -= 1
        return super().write(*args, **given)


SHARES, CARDS, ALL = 2, 6, 7
"""Files written: keys back, shares, facts; keys back, log, cards, scores. The assemblies stay as they were."""


@pytest.mark.parametrize("after", [
    *(n if n in (SHARES, CARDS) else pytest.param(n, marks=pytest.mark.long) for n in range(ALL)),
])  # fmt: skip
def test_a_run_that_is_stopped_after_any_file_leaves_nothing_that_stands_by_mistake(scored, flooded, tmp_path, after):
    before = {c.name: out(scored, c) for c in WRITTEN}
    flood(scored, 60)
    with pytest.raises(StoreError):
        write(flooded[0], KOMMUNE, Stopped(scored.root, after=after))
    shutil.copytree(scored.root, tmp_path / "back")
    back = Geodata(tmp_path / "back")
    run(scored)
    assert [c.name for c in WRITTEN if not same_rows(out(scored, c), flooded[1][c.name])] == []
    flood(back, 0)  # the flood was a mistake of the source
    run(back)
    assert [c.name for c in WRITTEN if not same_rows(out(back, c), before[c.name])] == []


@pytest.fixture(scope="module")
def flooded(once, tmp_path_factory) -> tuple[Beregnet, dict[str, pd.DataFrame]]:
    """Return what a run makes of a flood, and the files that it leaves."""
    store = Geodata(tmp_path_factory.mktemp("flooded") / "geodata")
    shutil.copytree(once[0], store.root)
    flood(store, 60)
    made, counted = beregn(KOMMUNE, store, naa=DAY), Stopped(store.root, after=99)
    write(made, KOMMUNE, counted)
    assert 99 - counted.left == ALL
    return made, {c.name: out(store, c) for c in WRITTEN}


@pytest.mark.long
def test_a_run_that_is_stopped_twice_tells_each_move_once(scored):
    run(scored, "master-6")
    run(scored)
    told = len(out(scored, SCOREENDRINGER))
    for width, after in ((60, 5), (90, 5)):  # keys, shares, facts, keys, log
        flood(scored, width)
        with pytest.raises(StoreError):
            write(beregn(KOMMUNE, scored, naa=DAY), KOMMUNE, Stopped(scored.root, after=after))
        assert len(out(scored, SCOREENDRINGER)) == told + 1
    flood(scored, 30)
    run(scored)
    last = out(scored, SCOREENDRINGER).iloc[told:]
    assert last["nr"].tolist() == [told + 1]
    assert last["score_etter"].tolist() == out(scored, SCORER)["score"].tolist()[:1]


def test_another_profile_changes_scores_and_nothing_that_was_measured(scored):
    paths = [scored.path("out", contract, "3207") for contract in (TOMTEFAKTA, KONFLIKTANDELER)]
    measured = [path.read_bytes() for path in paths]
    result = run(scored, "master-6")
    assert (result.maalt, result.poengsatt, result.endret) == (0, 3, 3)
    assert [path.read_bytes() for path in paths] == measured
    assert set(out(scored, SCORER)["profil"].str.split().str[0]) == {"master-6"}
    assert set(out(scored, SCOREENDRINGER)["faktor"]) == {"profil"}


def test_a_mistake_in_config_is_told_before_any_work(monkeypatch):
    require_rules("master-6")
    with pytest.raises(ConfigError, match="master-6"):
        require_rules("master-7")

    def wrong() -> None:
        raise ConfigError("config/selvkost.toml: kostnad.mva")

    monkeypatch.setattr(kjoring, "selvkost", wrong)
    with pytest.raises(ConfigError, match="mva"):
        require_rules()


def test_no_context_at_all_still_scores_and_earns_nothing_for_it(geodata):
    for contract in (KONTEKSTDEKNING, KONFLIKTER, TETTSTEDER, HOLDEPLASSER):
        geodata.path("core", contract, "3207").unlink()
    result = run(geodata)
    assert set(result.ukjente_tema) == set(konflikter().tema)
    scores = out(geodata, SCORER)
    assert (scores["poeng_konflikt"] == 0).all()
    assert (scores["poeng_sentralitet"] == 0).all()


# --- what the ranking of the kommuner tells ---


def ranking(store: Geodata, *, invented: bool = False) -> None:
    score = {"kommunenummer": "3207", "navn": "Nordre Follo", "profil": "boligsosial 1", "nivaa": 1, "rang": 1}
    row = {**score, "score_politikk": 60.0, "rangert_dato": "2026-11-01", "per_aar": 2026}
    frame = cover(KOMMUNESCORER, [row]).astype({"nivaa": int, "rang": int, "per_aar": int})
    flags = {"er_topp": True, "er_oppdiktet_kommune": False, "har_oppdiktede_tall": invented}
    store.write(frame.assign(**flags), "boligsosial", layer="out", contract=KOMMUNESCORER)
    rows = [
        {"kommunenummer": "3207", "indikator": name, "verdi": value, "enhet": "x", "aar": 2025, "kilde": "SSB"}
        for name, value in (("folketall", 62_000), ("kvadratmeterpris_kr", 61_000))
    ]
    figures = cover(INDIKATORER, rows).assign(er_oppdiktet=invented)
    store.write(figures, NORGE, layer="out", contract=INDIKATORER)


def test_the_ranking_gives_politics_class_and_price(scored):
    geodata = scored
    assert out(geodata, SCORER)["ukjent_politikk"].min() > 0
    ranking(geodata)
    result = run(geodata)
    assert (result.maalt, result.endret) == (3, 3)
    facts, scores = out(geodata, TOMTEFAKTA), out(geodata, SCORER)
    assert facts["politikk"].tolist() == [60] * 3
    assert facts["kommuneklasse"].tolist() == ["by"] * 3
    assert (scores["ukjent_politikk"] == 0).all()
    assert scores["selvkost"].str.contains("61\u00a0000 kr").all()


def test_a_real_kommune_takes_nothing_from_invented_figures(geodata):
    ranking(geodata, invented=True)
    known = les_kommunetall(KOMMUNE, geodata)
    assert np.isnan(known.om_kommunen.politikk)
    assert (known.om_kommunen.kommuneklasse, known.pris.er_kjent) == (None, False)
    invented = les_kommunetall(KOMMUNE.model_copy(update={"oppdiktet": True}), geodata)
    assert (invented.om_kommunen.politikk, invented.pris.er_oppdiktet) == (60, True)


def test_a_damaged_ranking_is_none(geodata):
    ranking(geodata)
    geodata.path("out", KOMMUNESCORER, "boligsosial").write_bytes(b"PAR1 no")
    assert np.isnan(les_kommunetall(KOMMUNE, geodata).om_kommunen.politikk)
    assert les_kommunetall(KOMMUNE, geodata).pris.kr == 61_000

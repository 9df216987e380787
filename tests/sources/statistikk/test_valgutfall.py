"""An election as figures: what came, what the last run had of the kommuner that did not, and the votes of SSB."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from config.statistikk import Parti
from tasks.kommunekontrakter import NORGE, STATISTIKK
from tasks.sources.statistikk.tabellplan import Deltakere
from tasks.sources.statistikk.tidsserie import Kommunenumre
from tasks.sources.statistikk.utfall import Sist, Utfall, as_statistikk
from tasks.sources.statistikk.valg import MEASURES, Valgsvar
from tasks.sources.statistikk.valgutfall import election_outcome, kommuner_without, votes_of

HVEM = Deltakere(Kommunenumre(["0301", "1103", "4601"]))


def answer(seats: dict[str, int], *, svar="hentet", grunn=None) -> Valgsvar:
    rows = [(number, "mandater", "A", float(count)) for number, count in seats.items()]
    made = pd.DataFrame(rows, columns=["nummer", "maal", "gruppe", "verdi"])
    return Valgsvar(
        rader=made,
        svar=svar,
        grunn=grunn,
        oppdatert="",
        hentet="2026-11-21T00:00:00+00:00" if seats else None,
        foresporsler=1,
        uten_svar=(),
    )


def seats(outcome: Utfall) -> dict[str, float]:
    return dict(zip(outcome.rader.kommunenummer, outcome.rader.verdi, strict=True))


@pytest.fixture
def run(geodata):
    """Make an outcome, write its rows, and remember what they follow from."""

    def one(its: Valgsvar, hvem=HVEM) -> Utfall:
        sist = Sist(geodata, geodata.root / "raw", er_oppdiktet=False)
        made = election_outcome(its, 2023, hvem, sist, er_oppdiktet=False)
        if made.rader is not None:
            geodata.write(made.rader, NORGE, layer="core", contract=STATISTIKK)
            sist.keep([made])
        return made

    return one


def test_kommuner_that_the_walk_did_not_bring_are_kept(run):
    whole = answer({"0301": 20, "1103": 15, "4601": 10})
    assert seats(run(whole)) == {"0301": 20, "1103": 15, "4601": 10}
    got = run(answer({"0301": 21}, grunn="valgresultat.no svarte ikke for 2023"))
    assert seats(got) == {"0301": 21, "1103": 15, "4601": 10}
    assert (got.svar, got.er_nytt) == ("lager", True)
    assert got.grunn == "valgresultat.no svarte ikke for 2023; 2 kommuner er fra forrige henting"
    none = run(answer({}, svar="mangler", grunn="valgresultat.no svarte ikke for 2023"))
    assert (none.svar, none.er_nytt, len(none.rader)) == ("lager", False, 3)
    again = run(whole)
    assert (again.svar, again.grunn, seats(again)) == ("hentet", None, {"0301": 20, "1103": 15, "4601": 10})
    assert run(replace(whole, svar="uendret")).er_nytt is False


def test_kommuner_that_are_no_more_are_not_kept(run):
    run(answer({"0301": 20, "1103": 15}))
    got = run(answer({"0301": 21}), Deltakere(Kommunenumre(["0301", "4601"])))
    assert (seats(got), got.svar) == ({"0301": 21}, "hentet")


def test_votes_stand_in_for_kommuner_without_a_result(run):
    election = run(answer({"0301": 20}))
    assert kommuner_without(election, HVEM) == {"1103", "4601"}
    rows = pd.DataFrame(
        [(number, group, 12.0) for number in ("0301", "1103") for group in ("01", "99")],
        columns=["kommunenummer", "gruppe", "verdi"],
    ).assign(
        maal="stemmer_prosent",
        aar=2023,
        periode="2023",
        status=None,
        er_omregnet=False,
        tabell="01180",
        kode="x",
        oppdatert=None,
    )
    table = Utfall("SSB", "01180", "hentet", MEASURES[1:2], as_statistikk(rows, er_oppdiktet=False))
    parties = [Parti(kode="A", ssb="01", navn="Ap", blokk="venstre")]
    votes = votes_of(table, {("1103", 2023), ("4601", 2023)}, parties)
    assert votes.rader[["kommunenummer", "gruppe"]].to_numpy().tolist() == [["1103", "A"]]
    assert votes_of(replace(table, rader=None), {("1103", 2023)}, parties).rader is None
    assert votes_of(table, {("4601", 2023)}, parties).rader is None

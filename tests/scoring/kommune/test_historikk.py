"""The months: what "last time" is, and what has moved since."""

from __future__ import annotations

from datetime import date
from functools import cache

import pytest

from tasks.kommunekontrakter import KOMMUNEHISTORIKK
from tasks.scoring.kommune.historikk import (
    DOWN,
    NEW,
    OUT,
    UP,
    Forrige,
    kept,
    last_before,
    month_of,
    months,
    movements,
    write_month,
)
from tasks.scoring.kommune.rangering import evaluate
from tasks.store import Geodata
from tests.scoring.kommune.haandregnet import FULL, GROWTH, SOCIAL, indicators, kommune, rules

WORSE = [FULL | {"vekst": 5 + k, "boutgift": 40 - 5 * k} for k in range(5)]


def scorer(order, *, forrige=None, invented=False, oppdiktede=()):
    """Return a ranking with the kommuner in this order."""
    make = made.__wrapped__ if forrige else made
    return make(tuple(order), forrige, invented, oppdiktede)


@cache
def made(order, forrige, invented, oppdiktede):
    of = dict(zip(order, [FULL, *WORSE], strict=False))
    return evaluate(
        indicators(of, invented=invented),
        SOCIAL,
        kommuner=[kommune(n, oppdiktet=n in oppdiktede) for n in order],
        regler=rules(),
        dato=date(2026, 3, 3),
        per_aar=2026,
        forrige=forrige,
    ).scorer


RULES = "aaaa1111"


def write(geodata, maaned, ranking, profil=SOCIAL):
    write_month(geodata, profil, maaned, ranking, regler=RULES)


def before(geodata, maaned, *, er_oppdiktet):
    return last_before(kept(geodata, SOCIAL, maaned, er_oppdiktet=er_oppdiktet), maaned)


def earlier(maaned, ranking, regler=RULES):
    return Forrige(maaned, ranking.assign(regler=regler))


@pytest.fixture
def geodata(tmp_path):
    return Geodata(tmp_path)


def test_last_time_is_the_newest_month_before_never_the_same(geodata):
    ranking = scorer(["0301", "3207"])
    for maaned in ("2025-11", "2026-01", "2026-03", "2026-04"):
        write(geodata, maaned, ranking)
    write(geodata, "2026-02", ranking, GROWTH)
    assert months(geodata, SOCIAL) == ["2026-04", "2026-03", "2026-01", "2025-11"]
    assert before(geodata, "2026-03", er_oppdiktet=False).maaned == "2026-01"
    assert before(geodata, "2025-11", er_oppdiktet=False) is None


def test_the_last_run_of_a_month_stands(geodata):
    write(geodata, "2026-01", scorer(["0301", "3207"]))
    write(geodata, "2026-01", scorer(["3207", "0301"]))
    assert before(geodata, "2026-02", er_oppdiktet=False).scorer["kommunenummer"][0] == "3207"


def test_invented_and_real_figures_are_never_compared(geodata):
    write(geodata, "2026-01", scorer(["0301", "3207"]))
    write(geodata, "2026-02", scorer(["0301", "3207"], invented=True))
    assert before(geodata, "2026-03", er_oppdiktet=False).maaned == "2026-01"
    assert before(geodata, "2026-03", er_oppdiktet=True).maaned == "2026-02"
    assert before(geodata, "2026-02", er_oppdiktet=True) is None


def test_a_month_that_cannot_be_read_is_passed_over(geodata, caplog):
    write(geodata, "2026-01", scorer(["0301", "3207"]))
    geodata.path("out", KOMMUNEHISTORIKK, "boligsosial-2026-02").write_bytes(b"half")
    assert before(geodata, "2026-03", er_oppdiktet=False).maaned == "2026-01"
    assert "boligsosial of 2026-02 is passed over" in caplog.text


def test_what_moved_is_told_apart():
    before = earlier("2026-02", scorer(["0001", "0002", "0003", "0004", "0005", "0006"]))
    now = scorer(["0001", "0004", "0006", "0002", "0003", "0005"], forrige=before)
    found = movements(now, before, topp=2, regler=RULES)
    rows = found.rader[["kommunenummer", "bevegelse", "rang", "rang_sist", "endring"]].to_numpy().tolist()
    assert rows == [
        ["0004", NEW, 2, 4, 2],
        ["0002", OUT, 4, 2, -2],
        ["0006", UP, 3, 6, 3],
        ["0003", DOWN, 5, 3, -2],
        ["0005", DOWN, 6, 5, -1],
    ]
    assert (found.maaned_sist, found.profil_sist) == ("2026-02", "boligsosial 1")


def test_other_settings_then_are_said_beside_the_version():
    now = scorer(["0001", "0002"])
    found = movements(now, earlier("2026-02", now, "bbbb2222"), topp=1, regler=RULES)
    assert found.profil_sist == "boligsosial 1 med andre innstillinger"


def test_a_first_ranking_has_moved_nothing():
    found = movements(scorer(["0001", "0002"]), None, topp=1, regler=RULES)
    assert (found.maaned_sist, found.profil_sist, len(found.rader)) == (None, None, 0)


def test_a_kommune_that_is_new_has_no_last_rank_and_invented_ones_do_not_count():
    before = earlier("2026-02", scorer(["0001", "7001", "7002"], oppdiktede=("7001", "7002")))
    now = scorer(["0009", "0001", "7002", "7001"], forrige=before, oppdiktede=("7001", "7002"))
    last = now.set_index("kommunenummer")["rang_sist"]
    assert last.fillna(-1).to_dict() == {"0009": -1, "0001": 1, "7002": 2, "7001": 1}
    assert movements(now, before, topp=1, regler=RULES).rader["kommunenummer"].tolist() == ["0001"]


def test_the_month_of_a_date():
    assert month_of(date(2026, 1, 31)) == "2026-01"

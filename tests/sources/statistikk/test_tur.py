"""The turn to ask SSB: Klass stands in the line of the tables, and is not asked in quiet hours."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tasks.sources.statistikk.feil import QuietHoursError
from tasks.sources.statistikk.takt import WINDOW_S
from tasks.sources.statistikk.tur import Tur
from tests.sources.statistikk.pxbord import ALT, TABELL, Bord, Klokke, klient, regler

KLASS = "https://data.ssb.no/api/klass/v1"


def tur(mappe, klokke, adresse=KLASS, **rules) -> Tur:
    return Tur(regler(**rules), adresse=adresse, mappe=mappe, naa=klokke.naa, sov=klokke.sov, klokke=klokke.sek)


def test_klass_and_the_tables_share_one_pace(upstream, tmp_path):
    upstream.answer, klokke = Bord(), Klokke()
    its = tur(tmp_path, klokke, per_minutt=3)
    for _ in range(2):
        with its.take("Klass"):
            pass
    with klient(upstream.url, tmp_path, klokke, med_takt=True, rules=regler(per_minutt=3)) as ssb:
        ssb.metadata(TABELL)
        assert klokke.s == 1_000_000
        ssb.hent(TABELL, ALT)
    assert klokke.s == pytest.approx(1_000_000 + WINDOW_S, abs=0.01)


def test_nothing_is_asked_in_quiet_hours(tmp_path):
    its = tur(tmp_path, Klokke(datetime(2026, 3, 3, 6, 0, tzinfo=UTC)))
    with pytest.raises(QuietHoursError, match="SSB Klass: not asked before 08:20"), its.take("Klass"):
        pytest.fail("it may not be asked")
    assert not list(tmp_path.iterdir())  # nor does it stand in the line meanwhile


def test_a_service_of_this_machine_waits_for_nothing(tmp_path):
    klokke = Klokke(datetime(2026, 3, 3, 6, 0, tzinfo=UTC))
    its = tur(tmp_path, klokke, "http://127.0.0.1:1/klass", per_minutt=1)
    its.rest(60)
    for _ in range(3):
        with its.take("Klass"):
            pass
    assert klokke.s == 1_000_000
    assert not list(tmp_path.iterdir())

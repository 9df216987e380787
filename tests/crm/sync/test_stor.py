"""The sync at full size: how many calls, how long, how much memory; the figures are printed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from tasks.sandbox.airtable import AirtableServer
from tasks.store import Geodata
from tasks.tomtekontrakter import SCORER
from tests.crm.airtable_prosess import AirtableProsess
from tests.crm.proevebase import Stand, person
from tests.crm.stordata import Omfang, change_lots, write_kommune
from tests.crm.sync_prosess import TOKEN, TOMTEVIK, Oppdrag, Utfall

pytestmark = pytest.mark.long

MIDDELS = Omfang(tomter=5_000, omraader=2_000, eiendommer=5_000)
STOR = Omfang(tomter=50_000, omraader=5_000, eiendommer=50_000)


def run(oppdrag: Oppdrag, name: str) -> Utfall:
    """Sync in a fresh process, and print its figures."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.crm.sync_prosess", json.dumps(asdict(oppdrag))],
        capture_output=True,
        text=True,
        check=True,
    )
    utfall = Utfall(**json.loads(done.stdout.splitlines()[-1]))
    print(f"{name}: {utfall.kall} calls, {utfall.sekunder:.0f} s, {utfall.rss_mb:.0f} MB, {utfall.sendt}")
    assert utfall.stoppet is None, utfall.stoppet
    return utfall


def stand(folder: Path) -> Stand:
    """Return what a base holds whose server has ended."""
    with AirtableServer(folder / "airtable", token=TOKEN, rate_limit_per_s=0) as server:
        oppdrag = Oppdrag(str(folder / "geodata"), server.url)
        with person(oppdrag.settings()) as somebody:
            return somebody.stand()


def best_of(geodata: Geodata) -> set[str]:
    """Return the lots of tier A."""
    scorer = geodata.read(TOMTEVIK.nummer, layer="out", contract=SCORER)
    assert scorer is not None
    return set(scorer.loc[scorer["score"] >= 80, "tomt_id"])


def assert_whole(found: Stand, omfang: Omfang, *, best: set[str]) -> None:
    """Assert that every row is there once, with its links and what is set once, whatever has changed since."""
    sizes = {"Tomter": omfang.tomter, "Områder": omfang.omraader, "Eiendommer": omfang.eiendommer}
    assert {navn: len(found[navn]) for navn in sizes} == sizes
    assert not [key for navn in sizes for key in found[navn] if "kopi" in key]
    assert {key for key, row in found["Tomter"].items() if row.get("Til vurdering")} == best
    for row in found["Tomter"].values():
        assert (row["Fase"], row["Kommune"]) == ("Identifisert", ["0099"])
        assert len(row["Område"]) == 1
        assert row["Eiendommer"]


def test_calls_and_time_within_airtables_limits(tmp_path):
    geodata = Geodata(tmp_path / "geodata")
    write_kommune(geodata, TOMTEVIK, MIDDELS)
    with AirtableProsess(tmp_path / "airtable", per_sekund=5) as server:
        oppdrag = Oppdrag(str(geodata.root), server.url, per_sekund=4.5, pauser=True)
        loaded = run(oppdrag, "first load")
        unchanged = run(oppdrag, "unchanged")
        best = best_of(geodata)
        change_lots(geodata, TOMTEVIK, 0.02)
        changed = run(oppdrag, "2 % changed")
    print(f"fullest second: {server.most_in_a_second()} requests; server {server.cpu_s:.0f} s, {server.rss_mb:.0f} MB")
    assert loaded.kall <= 1350
    assert loaded.sekunder <= 480
    assert unchanged.kall <= 150
    assert all(sent["created"] == sent["updated"] == 0 for sent in unchanged.sendt.values())
    assert changed.kall <= 180
    assert changed.sendt["Tomter"]["updated"] == 100
    assert sum(map(len, server.ankomster.values())) > 1200
    assert server.most_in_a_second() <= 5
    assert_whole(stand(tmp_path), MIDDELS, best=best)


def test_50_000_lots(tmp_path):
    geodata = Geodata(tmp_path / "geodata")
    write_kommune(geodata, TOMTEVIK, STOR)
    with AirtableProsess(tmp_path / "airtable", per_sekund=0) as server:
        oppdrag = Oppdrag(str(geodata.root), server.url, uten_grenser=True)
        loaded = run(oppdrag, "first load of 50,000 lots")
        unchanged = run(oppdrag, "unchanged")
    print(f"server {server.cpu_s:.0f} s, {server.rss_mb:.0f} MB")
    assert loaded.sekunder <= 300
    assert loaded.rss_mb <= 850  # every lot has a card of some 2,500 characters
    assert unchanged.rss_mb <= 850
    assert all(sent["created"] == sent["updated"] == 0 for sent in unchanged.sendt.values())
    assert_whole(stand(tmp_path), STOR, best=best_of(geodata))

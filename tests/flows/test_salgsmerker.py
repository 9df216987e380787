"""What sales marks in Airtable reaches the back-test, also in the sandbox, whose base no setting names."""

from __future__ import annotations

import os
import time
from datetime import date

import pandas as pd
import pytest

from config.profil import profiler
from config.rangering import rangering
from config.registers import kommuner
from config.settings import Profile, Settings
from flows.rangering import run_ranking
from flows.rangeringstekst import notes
from flows.salgsmerker import kept_marks
from tasks.crm.salgsmerker import keep_marks
from tasks.crm.sync.connection import open_connection
from tasks.crm.sync.rangering import read_sales_marks
from tasks.store import Geodata
from tests.crm.conftest import tom_verden  # noqa: F401  # the same world
from tests.flows.rangeringsdata import keep, sources, statistics

NOVEMBER = date(2026, 11, 3)


def test_the_sandbox_has_the_marks_of_its_last_base_and_nobody_takes_another_s(tmp_path):
    geodata = Geodata(tmp_path)
    for age, base in ((60, "appOne"), (0, "appTwo")):
        marks = pd.DataFrame({"kommunenummer": ["3207"], "er_fulgt": [base == "appOne"], "er_vellykket": [True]})
        keep_marks(marks, geodata, base, er_sandkasse=True)
        path = tmp_path / "raw" / "sandkasse" / "salgskommuner" / f"{base}.parquet"
        os.utime(path, (time.time() - age,) * 2)
    sandbox = Settings(profile=Profile.SANDBOX, geodata=tmp_path)
    assert kept_marks(geodata, sandbox)[0]["er_fulgt"].tolist() == [False]
    assert kept_marks(geodata, sandbox.model_copy(update={"airtable_base": "appOne"}))[0]["er_fulgt"].tolist() == [True]
    for base in ("appTwo", None):
        staging = sandbox.model_copy(update={"profile": Profile.STAGING, "airtable_base": base})
        assert kept_marks(geodata, staging) == (None, ())


@pytest.mark.long
def test_a_kommune_that_sales_has_marked_as_a_success_is_looked_back_for(tom_verden, monkeypatch):  # noqa: F811
    few = rangering().model_copy(update={"trekninger": 10, "vellykkede": ()})
    monkeypatch.setattr("flows.rangering.rangering", lambda: few)
    geodata = tom_verden.geodata
    keep(geodata, statistics(kommuner(sandbox=True), invented=True), sources(invented=True))
    tom_verden.person.table("Kommuner").create({"Kommunenummer": "3207", "Vellykket": True})
    connection = open_connection(geodata, tom_verden.oppdrag.settings(), dry_run=False)
    read_sales_marks(geodata, connection)
    connection.close()
    offline = Settings(profile=Profile.SANDBOX, geodata=geodata.root)
    found = run_ranking(offline, navn=next(iter(profiler())), per_aar=2025, dato=NOVEMBER)
    assert found.tilbakeblikk.antall == 1
    for path in geodata.root.rglob("salgskommuner/*.parquet"):
        path.write_bytes(b"PAR1 tull")
    found = run_ranking(offline, per_aar=2025, dato=NOVEMBER)
    assert found.tilbakeblikk.antall == 0
    assert "Det salg hadde merket sist, kan ikke leses: det er sett bort fra." in notes(found)

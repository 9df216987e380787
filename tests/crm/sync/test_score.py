"""The score in a local Airtable: assemblies and their links, lots that are stopped, and nothing again for nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from tasks.contracts import DEKNING
from tasks.scoring.tomt.kjoring import score_kommune
from tasks.tomtekontrakter import KONTEKSTDEKNING, SAMMENSLAAINGER, SCORER
from tests.crm.proevebase import Verden, fasit
from tests.crm.stordata import set_score, tomt_id
from tests.crm.sync_prosess import TOMTEVIK

JOINED = "0099-S000001"
ONE, TWO, THREE = (tomt_id(TOMTEVIK, n) for n in range(3))
STOPPED = {"er_stoppet": True, "stopp_grunn": "Naturvern: 72 %", "score": 0.0, "hoyest": 0.0, "nivaa": "D"}


def change(verden: Verden, contract: Any, *, layer: Any = "out", row: int | None = None, **values: Any) -> None:
    """Write other values in a file of the run: in every row, or in one."""
    frame = verden.geodata.read(TOMTEVIK.nummer, layer=layer, contract=contract)
    assert isinstance(frame, pd.DataFrame)
    for column, value in values.items():
        frame.loc[slice(None) if row is None else frame.index[row], column] = value
    verden.geodata.write(frame, TOMTEVIK.nummer, layer=layer, contract=contract)


def written(verden: Verden) -> set[str]:
    """Sync, and return which tables were written."""
    verden.proxy.seen.clear()
    assert verden.sync().failure is None
    return {asked.tabell for asked in verden.proxy.seen if asked.is_write}


def test_an_assembly_links_to_its_lots_and_they_to_it():
    row = fasit()["Sammenslåinger"][JOINED]
    assert row["Tomter"] == [ONE, TWO, THREE]
    assert fasit()["Tomter"][TWO]["Sammenslåinger"] == [JOINED]
    assert (row["Score"], row["Nivå"], row["Grunnlag"], row["Kommune"]) == (88, "A", "Samme område", ["0099"])
    assert "norgeskart.no" in row["Kart"]


def test_what_was_not_assessed_and_what_lots_add_up_to_stand_on_the_kommune():
    row = fasit()["Kommuner"][TOMTEVIK.nummer]
    assert row["Ikke vurdert"] == "Støy fra fly: kilden dekker ikke kommunen"
    assert sum(row[f"Tomter nivå {level}"] for level in "ABCD") == row["Antall tomter"] == 23


def test_new_lots_below_the_threshold_or_stopped_are_not_linked_to_nor_for_review(tom_verden):
    change(tom_verden, SCORER, row=0, **STOPPED)
    change(tom_verden, SCORER, row=1, score=99.0, nivaa="B")
    change(tom_verden, SCORER, row=2, score=10.0, nivaa="D")
    tom_verden.sync()
    stand = tom_verden.stand()
    assert not {ONE, THREE} & stand["Tomter"].keys()
    assert "Til vurdering" not in stand["Tomter"][TWO]
    assert any(row.get("Til vurdering") for row in stand["Tomter"].values())
    made = stand["Sammenslåinger"][JOINED]
    assert (made["Tomter"], made["Alle tomter"]) == ([TWO], f"{ONE}\n{TWO}\n{THREE}")
    set_score(tom_verden.geodata, TOMTEVIK, {THREE: 50.0})
    tom_verden.sync()
    assert tom_verden.stand()["Sammenslåinger"][JOINED]["Tomter"] == [TWO, THREE]


def test_the_same_facts_scored_anew_on_later_days_write_nothing_until_certainty_has_sunk(verden):
    """The sources have answered again with what they had, or answer no more: only the age of the data moves."""

    def scored(days: int, *, age: float) -> set[str]:
        naa = datetime(2026, 11, 2, 5, tzinfo=UTC) + timedelta(days=days)
        seen = {"alder_dager": age, "sett_tid": (naa - timedelta(days=age)).isoformat()}
        change(verden, KONTEKSTDEKNING, layer="core", **seen)
        change(verden, DEKNING, **seen)
        score_kommune(TOMTEVIK, verden.geodata, naa=naa)
        return written(verden)

    assert "Tomter" in scored(0, age=25.0)
    assert scored(1, age=26.0) == set()
    assert scored(8, age=33.0) == set()
    assert scored(400, age=400.0) == {"Tomter"}


def test_what_is_stopped_or_no_longer_possible_stays_with_its_links_and_what_sales_wrote(verden):
    verden.person.change("Sammenslåinger", JOINED, {"Aktuell?": "Ja", "Notat": "Ring begge"})
    change(verden, SAMMENSLAAINGER, tilstand="borte", score=40.0)
    change(verden, SCORER, row=0, **STOPPED)
    assert written(verden) == {"Kommuner", "Tomter", "Sammenslåinger"}
    stand = verden.stand()
    row = stand["Sammenslåinger"][JOINED]
    assert (row["Tilstand"], row["Score"], row["Aktuell?"], row["Notat"]) == ("Borte", 40, "Ja", "Ring begge")
    assert row["Tomter"] == [ONE, TWO, THREE]
    lot, kommune = stand["Tomter"][ONE], stand["Kommuner"][TOMTEVIK.nummer]
    assert (lot["Stoppet"], lot["Stoppet fordi"], lot["Nivå"], lot["Score"]) == (True, "Naturvern: 72 %", "D", 0)
    assert (lot["Under terskel"], lot["Hva er endret"]) == (True, "Under terskel, Stoppet")
    assert (kommune["Stoppede tomter"], kommune["Publiserte tomter"]) == (1, 23)


def test_an_assembly_in_the_base_is_kept_up_to_date_though_people_have_deleted_its_lots(verden):
    for lot in (ONE, TWO, THREE):
        verden.person.delete("Tomter", lot)
    change(verden, SCORER, score=10.0, nivaa="D")  # so that they are not made again
    change(verden, SAMMENSLAAINGER, score=70.0, nivaa="B")
    assert "Sammenslåinger" in written(verden)
    row = verden.stand()["Sammenslåinger"][JOINED]
    assert (row["Score"], row["Nivå"], row.get("Tomter"), row["Tilstand"]) == (70, "B", None, "Aktiv")

"""A recorded day: night, sales at the pages in a browser, follow-up, another night, backup, and a base restored.

What sales wrote is compared before and after each step; what the program wrote is counted.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from pyairtable import Base

from config.base import base_register
from flows.cli_base import set_up
from flows.environment import connected
from flows.oppfolging import run_day
from flows.run import run_kommune
from tasks.crm.arkiv.backup import take_backup
from tasks.crm.arkiv.gjenoppretting import Restore
from tasks.crm.client import connect
from tasks.crm.skjema.ids import find_base
from tasks.crm.skjema.oppsett import SANDBOX_WORKSPACE
from tasks.store import Geodata
from tests.chromium import chromium, read, wait_until
from tests.sandbox import nettleser

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
OSLO = ZoneInfo("Europe/Oslo")

Rows = dict[str, dict[str, Any]]


class Dagen:
    """The base as a person sees it, by names; records by what stays when a base is restored."""

    def __init__(self, settings) -> None:
        self.api = connect(settings)
        self.api.use_field_ids = False
        base = find_base(self.api, settings)
        assert base is not None
        self.base: Base = base

    def close(self) -> None:
        self.api.session.close()

    def rows(self, navn: str, **options: Any) -> list[dict[str, Any]]:
        return self.base.table(navn).all(**options)

    def sales(self) -> dict[str, Rows]:
        """Return table → what a row is called by → fields that people or, once, the program set: links by number."""
        found: dict[str, Rows] = {}
        for tabell in (t for t in base_register().tabell if t.navn != "Kjøringer"):
            theirs = [f for f in tabell.felt if f.eier != "pipeline"]
            called = (tabell.noekkel, tabell.felt[0].navn, "Navn")
            found[tabell.navn] = {
                next(str(r["fields"][n]) for n in called if n in r["fields"]): {
                    f.navn: _as_kept(r["fields"][f.navn]) for f in theirs if f.navn in r["fields"]
                }
                for r in self.rows(tabell.navn)
            }
        return found


def _as_kept(value: Any) -> Any:
    """Return a cell without what a restored base has otherwise: ids of records and of files."""
    if isinstance(value, list) and value and isinstance(value[0], str) and value[0].startswith("rec"):
        return len(value)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [(f["filename"], f["size"]) for f in value]
    return value


@pytest.mark.long
def test_a_day_of_sales_and_of_the_program(settings, med_bilder, tmp_path, tomtevik):
    with connected(settings) as ready:
        set_up(ready)
        assert run_kommune(tomtevik, ready).ok
        dagen = Dagen(ready)
        try:
            with chromium(tmp_path / "profil") as browser:
                lots = _morning(browser, dagen, ready.airtable_url, tmp_path)
            _follow_up(dagen, ready, lots)
            _second_night(dagen, ready, tomtevik)
            _restore(dagen, ready, tomtevik)
        finally:
            dagen.close()


def _morning(browser, dagen: Dagen, url: str, folder: Path) -> dict[str, str]:
    """Work at the pages as Kari, and return what was done → the lot's id."""
    base, i_dag = dagen.base, datetime.now(OSLO).date()
    today = f"{i_dag:%d.%m.%Y}"
    tomter = base.table("Tomter").schema().id
    best = [r for r in dagen.rows("Tomter", view="Innboks") if "Kartbilde" in r["fields"]]
    dialog, parkert, stille = (r["fields"]["Tomt-id"] for r in best[:3])
    record = {r["fields"]["Tomt-id"]: r["id"] for r in best}
    nettleser.open_record(browser, url, base.id, tomter, record[dialog])
    nettleser.choose_person(browser, "Kari Selger")
    for name, value in {
        "Fase": "Dialog",
        "Neste steg": "Ringe Ola, «mellom» 9 & 10 <b>",
        "Neste steg dato": today,
        "Notat": "Vil gjerne selge.\nHar to søsken – spør om \"alle\" er enige; 1 200 m² til overs.",
        "Ansvarlig": "Kari Selger",
    }.items():  # fmt: skip
        nettleser.set_field(browser, name, value)
    nettleser.save(browser)
    _open_picture(browser)
    nettleser.open_record(browser, url, base.id, tomter, record[parkert])
    nettleser.set_field(browser, "Fase", "Parkert")
    nettleser.set_field(browser, "Parkert til", today)
    nettleser.set_field(browser, "Ansvarlig", "Ola Selger")
    nettleser.save(browser)
    nettleser.open_record(browser, url, base.id, tomter, record[stille])
    nettleser.choose_person(browser, "Ola Selger")
    nettleser.set_field(browser, "Fase", "Kontaktet")
    nettleser.set_field(browser, "Sist kontaktet", f"{i_dag - timedelta(days=20):%d.%m.%Y}")
    (folder / "skisse.png").write_bytes(PNG)
    nettleser.set_field(browser, "Vedlegg", folder / "skisse.png")
    nettleser.save(browser)
    aktiviteter = base.table("Aktiviteter").schema().id
    title = base.table("Tomter").get(record[dialog])["fields"]["Tittel"]
    values = {"Aktivitet": "Ringte eieren", "Aktivitetstype": "Telefon", "Tomter": title, "Innhold": "Hyggelig prat"}
    nettleser.new_row(browser, url, base.id, aktiviteter, Tidspunkt=f"{today} 08:15", **values)
    nettleser.new_row(browser, url, base.id, tomter, Navn="Tipset fra naboen", **{"Kommune (egen)": "0099"})
    return {"dialog": dialog, "parkert": parkert, "stille": stille}


def _open_picture(browser) -> None:
    page = browser.current_url
    browser.get(wait_until(browser, lambda: read(browser, "main a[href*='/attachments/']", "href"))[0])
    width = browser.execute_script("return document.images[0].naturalWidth")
    assert width >= 400
    browser.get(page)


def _follow_up(dagen: Dagen, ready, lots: dict[str, str]) -> None:
    """Follow up twice: the first tells each thing once, the second nothing."""
    before, naa = dagen.sales(), datetime.now(UTC)
    dag = run_day(ready, naa=naa)
    assert dag.avvist == {}
    told = [r["fields"] for r in dagen.rows("Aktiviteter") if "Aktivitets-id" in r["fields"]]
    moved = {r["Ny fase"]: r for r in told if r["Aktivitetstype"] == "Faseskifte"}
    assert {fase: r.get("Utført av", {}).get("name") for fase, r in moved.items()} == {
        "Dialog": "Kari Selger",
        "Parkert": "Kari Selger",
        "Kontaktet": "Ola Selger",
    }
    assert all(row["Aktivitets-id"].startswith("fase:") for row in moved.values())  # Airtable told when
    reminded = {r["fields"]["Tomt-id"]: r["fields"]["Påminnelse"] for r in dagen.rows("Tomter", view="Må følges opp")}
    assert set(reminded) == {lots["dialog"], lots["parkert"]}  # who was moved today has been in touch
    assert "Neste steg" in reminded[lots["dialog"]]
    assert "Parkert" in reminded[lots["parkert"]]
    tomter = dagen.base.table("Tomter")
    record = {r["fields"].get("Tomt-id"): r["id"] for r in dagen.rows("Tomter")}
    page = httpx.get(f"{ready.airtable_url}/base/{dagen.base.id}/Tomter/{record[lots['parkert']]}")
    assert 'class="due" role="note"><strong>Påminnelse:</strong>' in page.text
    (comment,) = tomter.comments(record[lots["parkert"]])
    assert [m.display_name for m in comment.mentioned.values()] == ["Ola Selger"]
    (kommune,) = [r["fields"] for r in dagen.rows("Kommuner")]
    assert (kommune["Tomter i pipeline"], kommune["Konvertering dialog %"]) == (2, 50)
    after = dagen.sales()
    assert {k: row for k, row in after["Aktiviteter"].items() if k in before["Aktiviteter"]} == before["Aktiviteter"]
    assert {t: rows for t, rows in after.items() if t != "Aktiviteter"} == {
        t: rows for t, rows in before.items() if t != "Aktiviteter"
    }
    again = run_day(ready, naa=naa + timedelta(minutes=5))
    assert sum(again.planned().values()) == 0
    assert len(dagen.rows("Aktiviteter")) == len(after["Aktiviteter"])


def _second_night(dagen: Dagen, ready, tomtevik) -> None:
    before, reminders = dagen.sales(), _reminders(dagen)
    night = run_kommune(tomtevik, ready)
    assert (night.ok, night.count("created"), night.count("updated")) == (True, 0, 0)
    assert dagen.sales() == before
    assert _reminders(dagen) == reminders


def _reminders(dagen: Dagen) -> dict[str, str]:
    rows = [r["fields"] for r in dagen.rows("Tomter")]
    return {r["Tomt-id"]: r["Påminnelse"] for r in rows if "Påminnelse" in r}


def _restore(dagen: Dagen, ready, tomtevik) -> None:
    """Back up, restore into an empty base, and work on there: no row twice, no word lost."""
    geodata = Geodata(ready.geodata)
    taken = take_backup(ready, geodata)
    assert taken.failure is None
    first = {"name": "Table 1", "fields": [{"name": "Name", "type": "singleLineText"}]}
    body = {"workspaceId": SANDBOX_WORKSPACE, "name": "Gjenopprettet", "tables": [first]}
    new = dagen.api.post(dagen.api.urls.bases, json=body)["id"]
    there = ready.model_copy(update={"airtable_base": new})
    restore = Restore.open(taken.folder, there, geodata)
    try:
        done = restore.write(lambda _: None)
    finally:
        restore.close()
    assert (done.funn.antall, done.funn.forskjeller) == (0, [])
    restored = Dagen(there)
    try:
        assert restored.sales() == dagen.sales()
        set_up(there)
        assert run_day(there).sendt["Aktiviteter"] == 0
        night = run_kommune(tomtevik, there)
        assert (night.ok, night.count("created"), night.count("updated"), night.avvist) == (True, 0, 0, {})
        assert restored.sales() == dagen.sales()
        assert _reminders(restored) == _reminders(dagen)
    finally:
        restored.close()

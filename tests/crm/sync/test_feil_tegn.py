"""Names that would like to be a formula, a script or nothing at all: they are text, on every way through."""

from __future__ import annotations

import html as html_module
from typing import Any

import httpx
import pandas as pd
import pytest

from config.registers import Kommune
from tasks import contracts
from tasks.answer import Failed
from tasks.crm.sync.publish import Published, open_connection, publish, publish_kontroll
from tests.crm.proevebase import Verden, saker
from tests.crm.stordata import Omfang, change_lots, tomt_id, write_kommune
from tests.crm.sync_prosess import TOKEN, TOMTEVIK

pytestmark = pytest.mark.long

WORDS = [
    "{Score}",
    "'); OR(1=1,'",
    '" & {Notat} & "',
    "\\",
    "bak\\'slag",
    "to\nlinjer",
    "tab\tog\rvogn",
    '=HYPERLINK("http://evil.example","Klikk")',
    "+47-@SUM(A1)",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "{{7*7}} ${7*7} %s %(x)s",
    "\U0001f3e1\U0001f468‍\U0001f469‍\U0001f467",
    "null\x00byte",
    "\u202emotsatt\u202c \ufeff",
    "å\u0338 A\u030a",
    "x" * 5000,
]
ONE_LINE = frozenset({"singleLineText", "url", "singleSelect"})
URLS = ("Plan", "Kart", "Flyfoto", "Se eiendom")
HOSTILE = Omfang(tomter=len(WORDS), omraader=len(WORDS), eiendommer=len(WORDS), ord=WORDS)


@pytest.fixture
def fiendtlig(tom_verden) -> Verden:
    write_kommune(tom_verden.geodata, TOMTEVIK, HOSTILE)
    return tom_verden


def published(verden: Verden, kommune: Kommune = TOMTEVIK, **answers: Any) -> Published:
    opened = open_connection(verden.geodata, verden.oppdrag.settings(), dry_run=False)
    try:
        return publish(kommune, verden.geodata, opened, answers=answers, dry_run=False)
    finally:
        opened.api.session.close()


def texts(verden: Verden) -> list[str]:
    rows = [row for table in verden.stand().values() for row in table.values()]
    return [value for row in rows for value in row.values() if isinstance(value, str)]


def test_hostile_names_are_text_and_come_to_rest(fiendtlig):
    assert published(fiendtlig).failure is None
    now = fiendtlig.stand()
    assert len(now["Tomter"]) == len(now["Områder"]) == len(now["Eiendommer"]) == len(WORDS)
    reasons = [row["Begrunnelse"] for row in now["Tomter"].values()]
    for word in WORDS:
        if word.isprintable():
            assert [r for r in reasons if word in r], word
    assert not [t for t in texts(fiendtlig) if "\x00" in t]
    types = {(t["name"], f["name"]): f["type"] for t in fiendtlig.person.schema() for f in t["fields"]}
    lines = [v for t, rows in now.items() for row in rows.values() for n, v in row.items() if types[t, n] in ONE_LINE]
    assert not [
        line for line in lines if set(line) & set("\n\r\t\x00")
    ]  # Airtable would show another text than was sent
    addresses = [row[name] for t in now.values() for row in t.values() for name in URLS if name in row]
    assert len(addresses) > 3 * len(WORDS)
    assert not [address for address in addresses if not address.startswith("https://")]
    assert_pages_show_text(fiendtlig)
    fiendtlig.proxy.behave()
    assert published(fiendtlig).failure is None
    assert [asked for asked in fiendtlig.proxy.seen if asked.is_write] == []


@pytest.mark.long
def test_a_person_is_told_of_hostile_text_of_their_own_and_it_is_put_right(fiendtlig):
    assert published(fiendtlig).failure is None
    before = fiendtlig.stand()["Tomter"]
    # Of another lot: a lot's own text is no change.
    written = {tomt_id(TOMTEVIK, n): WORDS[n - 1] for n in range(len(WORDS))}
    for key, word in written.items():
        fiendtlig.person.change("Tomter", key, {"Begrunnelse": word, "Notat": word, "Teig": word})
    notes = {key: fiendtlig.person.one("Tomter", key)["Notat"] for key in written}
    assert published(fiendtlig).failure is None
    after = fiendtlig.stand()["Tomter"]
    assert after == {key: row | {"Notat": notes[key]} for key, row in before.items()}
    assert len(saker(fiendtlig.stand(), "endret")) == 2 * len(WORDS)


def test_the_same_queue_is_found_again_by_its_hostile_ids(fiendtlig):
    kontroll = fiendtlig.geodata.read("0099", layer="out", contract=contracts.KONTROLL)
    assert kontroll is not None
    kontroll["kontroll_id"] = [f"felles-{n} {word}" for n, word in enumerate(WORDS)]
    kontroll["kommunenummer"] = ""
    fiendtlig.geodata.write(kontroll, contracts.FELLES, layer="out", contract=contracts.KONTROLL)
    counts = []
    for _ in range(2):
        opened = open_connection(fiendtlig.geodata, fiendtlig.oppdrag.settings(), dry_run=False)
        done = publish_kontroll(contracts.FELLES, fiendtlig.geodata, opened, dry_run=False)
        opened.api.session.close()
        assert done.failure is None
        counts.append((done.diffs[0].sent["created"], done.diffs[0].sent["updated"]))
    assert counts == [(len(WORDS), 0), (0, 0)]


def test_half_a_character_never_leaves(verden):
    kommune = TOMTEVIK.model_copy(update={"navn": "Tomte\ud800vik"})
    assert published(verden, kommune, vei=Failed("vei", "kilden sa \udfff")).failure is None
    (row,) = verden.stand()["Kommuner"].values()
    assert "vik" in row["Navn"]
    assert "kilden sa" in row["Kilder"]
    verden.proxy.behave()
    assert published(verden, kommune, vei=Failed("vei", "kilden sa \udfff")).failure is None
    assert [asked for asked in verden.proxy.seen if asked.is_write] == []


def test_properties_with_impossible_numbers_cost_no_other_lot(fiendtlig):
    numbers = ["0099-1/1/0/0", "0099-'/{x}/0/0", "7001-9/9/0/0", "7001-1/2/0/0' OR '", "søppel", "", "0099-1/2/3/4/5"]
    tomter = fiendtlig.geodata.read("0099", layer="out", contract=contracts.TOMTER)
    assert tomter is not None
    tomter["matrikkelenheter"] = pd.Series([[numbers[n % len(numbers)]] for n in range(len(tomter))], dtype=object)
    fiendtlig.geodata.write(tomter, "0099", layer="out", contract=contracts.TOMTER)
    assert published(fiendtlig).failure is None
    assert len(fiendtlig.stand()["Tomter"]) == len(WORDS)
    fiendtlig.proxy.behave()
    assert published(fiendtlig).failure is None
    assert [asked for asked in fiendtlig.proxy.seen if asked.is_write] == []


def assert_pages_show_text(verden: Verden) -> None:
    base = verden.person.base
    (record,) = [r for r in verden.person.table("Tomter").all() if "<script>" in r["fields"]["Begrunnelse"]]
    table = next(t["id"] for t in verden.person.schema() if t["name"] == "Tomter")
    with httpx.Client(base_url=verden.server.url, headers={"Authorization": f"Bearer {TOKEN}"}) as browser:
        for page in (f"/base/{base.id}/{table}", f"/base/{base.id}/{table}/{record['id']}"):
            shown = browser.get(page)
            assert shown.status_code == 200
            assert html_module.escape("</script><script>alert(1)") in shown.text
            assert "<script>alert" not in shown.text
            assert "<img src=x" not in shown.text
            assert 'href="javascript' not in shown.text


@pytest.mark.long
def test_a_base_of_hostile_names_is_changed_as_any_other(fiendtlig):
    assert published(fiendtlig).failure is None
    before = fiendtlig.stand()["Tomter"]
    change_lots(fiendtlig.geodata, TOMTEVIK, 1.0)
    assert published(fiendtlig).failure is None
    now = fiendtlig.stand()["Tomter"]
    assert {key: row["Areal m²"] - 111 for key, row in now.items()} == {key: r["Areal m²"] for key, r in before.items()}
    assert {row["Fase"] for row in now.values()} == {"Identifisert"}

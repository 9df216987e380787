"""`tomt history`: the ledger of an invented kommune as sales reads it."""

from __future__ import annotations

import json

import geopandas as gpd
import pandas as pd
import pytest
from shapely import box

from config.errors import UnknownKommuneError
from flows.history import clean_text, look_up, oslo, parse_lot
from tasks.contracts import HENDELSER, REGULERINGSPLANER, TEIGER
from tasks.crs import STORAGE_EPSG
from tasks.errors import StoreError, TomtError
from tasks.store import Geodata
from tests.flows.test_cli import says, tomt

KNR = "0099"
EVENTS = [
    # nr, lot, date, what, why, which, before, after, fra, til
    (1, 1, "2026-01-31T23:30:00+00:00", "ny", "første kjøring", [], 0.0, 2400.4, [], []),
    (2, 7, "2026-01-31T23:30:00+00:00", "ny", "første kjøring", [], 0.0, 1500.0, [], []),
    (3, 1, "2026-07-01T22:30:00+00:00", "delt", "plan vedtatt", ["0099_R1", "0099_R2"], 2400.4, 1500.0, [], [9]),
    (4, 9, "2026-07-01T22:30:00+00:00", "utskilt", "plan vedtatt", ["0099_R1", "0099_R2"], 0.0, 1000.0, [1], []),
    (5, 9, "2026-11-02T13:00:00+00:00", "under grensen", "teig endret", ["t-1", "t-2"], 1000.0, 160.0, [], []),
]


def lot(number: int) -> str:
    return f"{KNR}-{number:06d}"


def ledger() -> gpd.GeoDataFrame:
    columns = ("nr", "tomt_id", "dato", "hendelse", "aarsak", "aarsak_ider")
    areas = ("areal_foer_m2", "areal_etter_m2", "fra", "til")
    frame = pd.DataFrame(EVENTS, columns=[*columns, *areas])
    frame["tomt_id"] = [lot(n) for n in frame["tomt_id"]]
    for column in ("fra", "til"):
        frame[column] = [[lot(n) for n in kin] for kin in frame[column]]
    frame = frame.assign(kommunenummer=KNR, teig_id="t-1", omraade_id=f"{KNR}-O00001", differanse="uregulert")
    frame = frame[list(HENDELSER.columns)]
    return gpd.GeoDataFrame(frame, geometry=[box(0, 0, 10, 10)] * len(frame), crs=STORAGE_EPSG)


@pytest.fixture
def geodata(tmp_path) -> Geodata:
    kept = Geodata(tmp_path / "geodata")
    kept.write(ledger(), KNR, layer="out", contract=HENDELSER)
    return kept


def write_names(geodata: Geodata, name: str) -> None:
    """Leave what the sources say of plan R1 and the teig t-1."""
    plan = {"plan_id": "0099_R1", "planstatus": "3", "vertikalnivaa": "2", "navn": name}
    teig = {"teig_id": "t-1", "kommunenummer": KNR, "matrikkelnummer_tekst": "46/1,7"}
    for contract, row in ((REGULERINGSPLANER, plan), (TEIGER, teig)):
        filled = {c: row.get(c) for c in contract.columns} | ({"matrikkelenheter": []} if contract is TEIGER else {})
        frame = gpd.GeoDataFrame([filled], geometry=[box(0, 0, 1, 1)], crs=STORAGE_EPSG)
        if contract is TEIGER:
            frame = frame.astype({"registrert_areal_m2": float, "har_tvist": bool})
        geodata.write(frame, KNR, layer="core", contract=contract)


def text_of(geodata: Geodata, tomt_id: str, **more: bool) -> str:
    return look_up(tomt_id, geodata, sandbox=True, **{"with_kin": False, **more}).as_text().replace("\u00a0", " ")


def test_a_lot_as_sales_reads_it(geodata):
    write_names(geodata, "Storgata vest")
    why = "plan vedtatt: Storgata vest (0099_R1), 0099_R2"
    assert text_of(geodata, lot(1)).splitlines() == [
        "Tomt 0099-000001",
        "I dag: aktiv, 1 500 m², teig 46/1,7 (t-1), område 0099-O00001",
        "",
        f"Dato              Hendelse  Areal før     etter  {'Årsak':<{len(why)}}  Slekt",
        "01.02.2026 00:30  ny                –  2 400 m²  første kjøring",
        f"02.07.2026 00:30  delt       2 400 m²  1 500 m²  {why}  til 0099-000009",
    ]


def test_a_lot_of_the_second_class_of_differanse(geodata):
    """The class is said where it changes, and of the lot as it is today."""
    told = ledger()
    told.loc[2, ["hendelse", "aarsak"]] = "omklassifisert", "plan vedtatt"
    told.loc[[1, 2], "differanse"] = "ikke bolig i plan"
    geodata.write(told, KNR, layer="out", contract=HENDELSER)
    text = text_of(geodata, lot(1))
    assert "I dag: aktiv, 1 500 m², ikke bolig i plan, teig t-1" in text
    assert "omklassifisert (ikke bolig i plan)" in text.splitlines()[-1]
    assert "(" not in text.splitlines()[-2]
    assert "ny (ikke bolig i plan)" in text_of(geodata, lot(7))
    found = look_up(lot(1), geodata, sandbox=True, with_kin=False).as_dict()
    assert found["differanse"] == "ikke bolig i plan"
    assert [e["differanse"] for e in found["hendelser"]] == ["uregulert", "ikke bolig i plan"]


def test_a_lot_that_is_gone(geodata):
    text = text_of(geodata, lot(9))
    assert "I dag: borte (under grensen 02.11.2026); sist sett på teig t-1, område 0099-O00001" in text
    assert "fra 0099-000001" in text
    assert text.splitlines()[-1] == "02.11.2026 14:00  under grensen   1 000 m²    160 m²  teig endret: t-1, t-2"


def test_relatives_are_told_on_request_and_strangers_never(geodata):
    assert text_of(geodata, lot(9), with_kin=True).count("Tomt 0099-") == 2
    found = look_up(lot(1), geodata, sandbox=True, with_kin=True).as_dict()
    assert [kin["tomt_id"] for kin in found["slekt"]] == [lot(9)]
    assert look_up(lot(7), geodata, sandbox=True, with_kin=True).as_dict()["slekt"] == []
    assert "slekt" not in look_up(lot(1), geodata, sandbox=True, with_kin=False).as_dict()


def test_plain_data(geodata):
    found = look_up(lot(9), geodata, sandbox=True, with_kin=False).as_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    events = found.pop("hendelser")
    assert found == {
        "kommunenummer": KNR,
        "tomt_id": lot(9),
        "tilstand": "borte",
        "areal_m2": 1000.0,
        "teig_id": "t-1",
        "omraade_id": "0099-O00001",
        "differanse": "uregulert",
    }
    assert [e["nr"] for e in events] == [4, 5]
    assert events[0]["fra"] == [lot(1)]
    assert (events[1]["dato"], events[1]["areal_etter_m2"]) == ("2026-11-02T13:00:00+00:00", 160.0)


@pytest.mark.parametrize(
    "sloppy", ["0099-1", " 0099-000001 ", "0099 1", "0099/01", "0099–1", "0099000001", "0099 - 000001"]
)
def test_an_id_written_sloppily(sloppy):
    kommune, found = parse_lot(sloppy, sandbox=True)
    assert (kommune.nummer, found) == (KNR, lot(1))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0099-O00012", "id of an område; a lot has"),
        ("0099-46/1/0/0", "is no id of a lot; it has the kommune and six digits"),
        ("0099", "is no id of a lot"),
        ("", "is no id of a lot"),
        ("00991", "is no id of a lot"),
        ("../../etc/passwd", "is no id of a lot"),
        ("9998-000001", "No kommune '9998'"),
        ("3020-000001", "3207 Nordre Follo"),
        ("0099-000008", r"no lot 0099-000008. The nearest are 0099-000001, 0099-000007, 0099-000009\."),
        ("3207-000001", "3207 Nordre Follo has no ledger yet. Run `tomt run 3207`"),
    ],
)
def test_what_cannot_be_told(geodata, text, words):
    with pytest.raises(TomtError, match=words):
        look_up(text, geodata, sandbox=True, with_kin=False)


def test_an_invented_kommune_is_none_outside_the_sandbox(geodata):
    with pytest.raises(UnknownKommuneError, match="invented"):
        look_up(lot(1), geodata, sandbox=False, with_kin=False)


def test_a_ledger_without_rows_and_a_damaged_one(geodata):
    path = geodata.write(ledger()[:0], KNR, layer="out", contract=HENDELSER)
    with pytest.raises(TomtError, match="Its ledger is empty"):
        look_up(lot(1), geodata, sandbox=True, with_kin=False)
    path.write_bytes(b"PAR1")
    with pytest.raises(StoreError, match="cannot be read"):
        look_up(lot(1), geodata, sandbox=True, with_kin=False)


def test_names_from_outside_do_not_steer_the_terminal(geodata):
    write_names(geodata, "\x1b[2J\x1b]0;hei\x07\nTomt " + "å" * 500)
    text = text_of(geodata, lot(1))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert len(text.splitlines()) == 6
    assert max(map(len, text.splitlines())) < 250
    assert clean_text("a\u202eb\r\nc") == "a b c"


def test_names_that_cannot_be_read_are_left_out(geodata):
    write_names(geodata, "Storgata vest")
    path = geodata.path("core", REGULERINGSPLANER, KNR)
    path.write_bytes(b"PAR1")
    assert "plan vedtatt: 0099_R1, 0099_R2" in text_of(geodata, lot(1))
    assert "teig 46/1,7 (t-1)" in text_of(geodata, lot(1))


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2026-01-31T23:30:00+00:00", "01.02.2026 00:30"),
        ("2026-10-25T00:30:00+00:00", "25.10.2026 02:30"),
        ("2026-10-25T01:30:00+00:00", "25.10.2026 02:30"),
        ("2026-07-01T22:30:00", "02.07.2026 00:30"),
    ],
)
def test_the_clocks_of_norway(moment, shown):
    assert oslo(moment) == shown


@pytest.mark.long
def test_the_command(tmp_path, geodata):
    done = tomt(tmp_path, "history", "0099-9", "--json", "--slekt")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == look_up(lot(9), geodata, sandbox=True, with_kin=True).as_dict()
    assert "Tomt 0099-000009" in tomt(tmp_path, "history", "0099-9").stdout
    says(tomt(tmp_path, "history", "0099-O9"), "område")

"""Pictures in the base: sent when their content is new, once, and without touching what people have put there."""

from __future__ import annotations

import base64
import io
import re
import shutil
from contextlib import contextmanager
from types import SimpleNamespace

import httpx
import pytest
from PIL import Image

from config.base import base_register
from config.settings import Profile, Settings
from tasks.contracts import TEIGER
from tasks.crm.bilder import opplasting
from tasks.crm.bilder.motiv import is_our_file
from tasks.crm.bilder.opplasting import MOST_FAILURES, Bilder, bring_pictures
from tasks.crm.bilder.valg import Celle
from tasks.crm.skjema.ids import TableIds
from tasks.crm.sync.publish import open_connection
from tasks.store import Geodata
from tests.crm.bilder.flistjener import png, serve
from tests.crm.bilder.kart import TOMT, land, rules
from tests.crm.onde_servere import QUOTA, lose_answer, reads, refuse, writes
from tests.crm.stordata import tomt_id
from tests.crm.sync_prosess import TOMTEVIK

SMALL = {"bredde": 400, "hoyde": 500}
FEW = rules(utvalg={"antall": 2}, bilde=SMALL)


def uploads(asked):
    return asked.path.endswith("/uploadAttachment")


@contextmanager
def connected(verden):
    connection = open_connection(verden.geodata, verden.oppdrag.settings(), dry_run=False)
    try:
        yield connection
    finally:
        connection.close()


def bring(verden, register=FEW, **options):
    """Do as a run does, and return what became of it without the seconds, and the calls that it took."""
    given = {"dry_run": False, "settings": verden.oppdrag.settings()} | options
    with connected(verden) as connection:
        before = connection.calls
        found = bring_pictures(TOMTEVIK, verden.geodata, connection, register=register, **given)
        return Bilder(**{**vars(found), "sekunder": 0.0}), connection.calls - before


def cells(verden):
    """Return tomt_id → names of its files, of those that have some."""
    records = verden.person.table("Tomter").all(fields=["Tomt-id", "Kartbilde"])
    files = {r["fields"]["Tomt-id"]: r["fields"].get("Kartbilde", []) for r in records}
    return {key: [f["filename"] for f in value] for key, value in files.items() if value}


def put_by_hand(verden, key, name, content=b"eget bilde"):
    (record,) = verden.person.find("Tomter", key)
    fields = {f["name"]: f["id"] for t in verden.person.schema() if t["name"] == "Tomter" for f in t["fields"]}
    url = f"{verden.server.url}/v0/{verden.person.base.id}/{record['id']}/{fields['Kartbilde']}/uploadAttachment"
    body = {"contentType": "image/png", "filename": name, "file": base64.b64encode(content).decode()}
    token = verden.oppdrag.settings().require_token()
    assert httpx.post(url, json=body, headers={"Authorization": f"Bearer {token}"}).is_success


def rename_parcel(verden, key):
    """Give the parcel that a lot lies on another number."""
    teiger = verden.geodata.read("0099", layer="core", contract=TEIGER)
    n = int(key[-6:]) - 1
    teiger.at[n, "matrikkelenheter"] = ["0099-77/7/0/0"]
    verden.geodata.write(teiger, "0099", layer="core", contract=TEIGER)


def test_pictures_are_sent_once_and_again_when_they_change(verden):
    first, calls = bring(verden)
    assert first == Bilder(tegnet=2, lastet_opp=2)
    assert calls == 1 + 2  # a listing, and an upload each: in an empty cell there is nothing to take out
    held = cells(verden)
    assert len(held) == 2
    for key, names in held.items():
        assert re.fullmatch(rf"{key}-[0-9a-f]{{12}}\.png", "".join(names))
    url = verden.person.one("Tomter", next(iter(held)))["Kartbilde"][0]["url"]
    with Image.open(io.BytesIO(httpx.get(url).content)) as image:
        assert (image.format, image.size) == ("PNG", (400, 500))

    assert bring(verden) == (Bilder(uendret=2), 1)

    key = min(held)
    put_by_hand(verden, key, "fra befaring.png")
    rename_parcel(verden, key)
    second, calls = bring(verden)
    assert second == Bilder(tegnet=1, lastet_opp=1, uendret=1)
    assert calls == 1 + 2
    new, own = cells(verden)[key]
    assert own == "fra befaring.png"
    assert is_our_file(new)
    assert new not in held[key]


@pytest.mark.long
def test_a_sync_leaves_pictures_alone(verden):
    bring(verden)
    before = cells(verden)
    published = verden.sync()
    assert published.failure is None
    assert cells(verden) == before
    assert bring(verden) == (Bilder(uendret=2), 1)


@pytest.mark.long
def test_a_dry_run_tells_and_sends_nothing(verden):
    assert bring(verden, dry_run=True) == (Bilder(lastet_opp=2), 1)
    assert not cells(verden)


@pytest.mark.long
def test_lots_that_sales_works_with_go_first(verden):
    worst = tomt_id(TOMTEVIK, 0)
    assert worst not in cells(verden)
    verden.person.change("Tomter", worst, {"Fase": "Dialog"})
    bring(verden, rules(utvalg={"antall": 1}, bilde=SMALL))
    assert list(cells(verden)) == [worst]


@pytest.mark.long
def test_an_upload_whose_answer_got_lost_is_not_sent_twice(verden, pauser):
    verden.proxy.when(uploads, lose_answer)
    found, _ = bring(verden)
    assert (found.lastet_opp, found.feilet) == (1, 1)
    assert bring(verden) == (Bilder(uendret=2), 1)
    assert all(len(names) == 1 for names in cells(verden).values())


@pytest.mark.long
def test_a_stop_between_upload_and_change_is_mended_by_the_next_run(verden, pauser):
    bring(verden)
    key = min(cells(verden))
    rename_parcel(verden, key)
    verden.proxy.when(writes("Tomter"), refuse(500), times=10)
    found, _ = bring(verden)
    assert found.feilet == 1
    assert len(cells(verden)[key]) == 2
    verden.proxy.behave()
    assert bring(verden) == (Bilder(uendret=2), 1 + 2)  # read again, then changed
    assert len(cells(verden)[key]) == 1
    assert bring(verden) == (Bilder(uendret=2), 1)


@pytest.mark.long
def test_one_that_fails_is_counted_and_the_others_go_on(verden, pauser, monkeypatch, caplog):
    verden.proxy.when(uploads, refuse(422, {"error": {"type": "INVALID_REQUEST_UNKNOWN"}}))
    found, _ = bring(verden)
    assert (found.tegnet, found.lastet_opp, found.feilet, found.stoppet) == (2, 1, 1, None)
    assert "INVALID_REQUEST_UNKNOWN" in caplog.text

    real = opplasting.Grunnlag.motiv
    monkeypatch.setattr(
        opplasting.Grunnlag, "motiv", lambda self, key: 1 / 0 if key in cells(verden) else real(self, key)
    )
    found, _ = bring(verden)
    assert (found.lastet_opp, found.feilet) == (1, 1)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.long
@pytest.mark.parametrize(("status", "body", "tried"), [(413, None, MOST_FAILURES), (429, QUOTA, 1)])
def test_an_airtable_that_takes_none_is_left_alone(verden, pauser, status, body, tried):
    verden.proxy.when(uploads, refuse(status, body), times=99)
    found, _ = bring(verden, rules(utvalg={"antall": 9}, bilde=SMALL))
    assert (found.lastet_opp, found.feilet, found.utelatt) == (0, tried, 9 - tried)
    assert found.stoppet


@pytest.mark.long
def test_a_listing_that_fails_stops_the_pictures_and_nothing_else(verden, pauser):
    verden.proxy.when(reads("Tomter"), refuse(403, {"error": {"type": "INVALID_PERMISSIONS"}}), times=99)
    found, _ = bring(verden)
    assert (found.tegnet, found.lastet_opp) == (0, 0)
    assert "403" in (found.stoppet or "")


@pytest.mark.long
def test_no_more_are_sent_than_the_plan_has_room_for(verden, monkeypatch):
    with connected(verden) as connection:
        used = connection.calls + 1  # and the listing
    grenser = connection.register.grenser.model_copy(update={"kall_per_kjoring": used + 3})
    register = connection.register.model_copy(update={"grenser": grenser})
    monkeypatch.setattr("tasks.crm.sync.connection.base_register", lambda: register)
    found, _ = bring(verden)
    assert (found.lastet_opp, found.utelatt) == (1, 1)
    assert "room for 1" in (found.stoppet or "")
    monkeypatch.undo()
    assert bring(verden)[0] == Bilder(tegnet=1, lastet_opp=1, uendret=1)


@pytest.mark.long
def test_a_background_that_comes_is_drawn_and_one_that_goes_is_kept(verden):
    with serve() as tjener:
        ground = {"adresse": tjener.adresse, "sekunder": 2.0, "sekunder_proeve": 2.0}
        register = rules(utvalg={"antall": 1}, bilde=SMALL, fliser=ground)
        working, tjener.answer = tjener.answer, tjener.sends(b"", status=503)
        bring(verden, register)
        ((plain,),) = cells(verden).values()
        assert bring(verden, register)[0] == Bilder(uendret=1)
        tjener.answer = working
        assert bring(verden, register)[0] == Bilder(tegnet=1, lastet_opp=1)
        ((mapped,),) = cells(verden).values()
        assert mapped != plain
        tjener.answer = tjener.sends(b"", status=503)
        assert bring(verden, register)[0] == Bilder(uendret=1)


@pytest.mark.long
def test_a_tile_that_the_server_never_has_sends_no_picture_again(verden):
    with serve() as tjener:
        ground = {"adresse": tjener.adresse, "sekunder": 2.0, "sekunder_proeve": 2.0}
        register = rules(utvalg={"antall": 1}, bilde=SMALL, fliser=ground)
        there, gone = tjener.sends(png()), tjener.sends(b"", status=404)
        seen = []
        tjener.answer = lambda h: (seen.append(h.path), (there if h.path in seen[:2] else gone)(h))
        assert bring(verden, register)[0] == Bilder(tegnet=1, lastet_opp=1)
        tjener.asked.clear()
        assert bring(verden, register) == (Bilder(uendret=1), 1)
        assert len(tjener.asked) == 1  # the probe

        # one that fails tonight as it did last night leads to the picture that is there
        shutil.rmtree(verden.geodata.root / "bilder" / "fliser")
        seen.clear()
        rename_parcel(verden, next(iter(cells(verden))))
        broken = tjener.sends(b"", status=500)
        tjener.answer = lambda h: (seen.append(h.path), (there if h.path in seen[:1] else broken)(h))
        assert bring(verden, register)[0] == Bilder(tegnet=1, lastet_opp=1)
        seen.clear()
        assert bring(verden, register) == (Bilder(uendret=1), 1)


@pytest.mark.long
def test_a_tile_that_is_damaged_on_disk_names_the_picture_as_it_is_and_is_fetched_again(verden):
    with serve() as tjener:
        register = rules(utvalg={"antall": 1}, bilde=SMALL, fliser={"adresse": tjener.adresse})
        bring(verden, register)
        ((key, (mapped,)),) = cells(verden).items()
        rename_parcel(verden, key)
        for tile in (verden.geodata.root / "bilder" / "fliser").rglob("*.flis"):
            tile.write_bytes(b"")
        assert bring(verden, register)[0] == Bilder(tegnet=1, lastet_opp=1)
        (plain,) = cells(verden)[key]
        assert bring(verden, register)[0] == Bilder(tegnet=1, lastet_opp=1)
        assert bring(verden, register)[0] == Bilder(uendret=1)
        assert cells(verden)[key] not in ([plain], [mapped])


@pytest.mark.parametrize("where", ["read_grunnlag", "draw_all"])
def test_nothing_that_goes_wrong_fails_the_run(tmp_path, monkeypatch, caplog, where):
    """The disk is full, the processes do not start: the lots are published all the same."""

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    geodata = Geodata(tmp_path)
    ids = {"Tomter": TableIds("Tomter", "tbl1", {"Kartbilde": "fld1"})}
    connection = SimpleNamespace(ids=ids, base=object(), calls=0, calls_this_month=0, register=base_register())
    monkeypatch.setattr(opplasting, "read_grunnlag", lambda *_: land())
    monkeypatch.setattr(opplasting, "_cells", lambda *_: {TOMT: Celle("rec1")})
    monkeypatch.setattr(opplasting, where, full)
    settings = Settings(profile=Profile.SANDBOX, geodata=tmp_path)
    found = bring_pictures(TOMTEVIK, geodata, connection, settings=settings, dry_run=False, register=FEW)
    assert (found.lastet_opp, "OSError" in (found.stoppet or "")) == (0, True)
    assert "No space left" in caplog.text  # where the operator looks


@pytest.mark.long
def test_a_lot_that_is_no_longer_among_the_best_gets_its_picture_right_after_them(verden):
    bring(verden)
    held = cells(verden)
    worst = tomt_id(TOMTEVIK, 0)
    verden.person.change("Tomter", worst, {"Fase": "Dialog"})
    for key in held:
        rename_parcel(verden, key)
    found, _ = bring(verden)
    assert (found.lastet_opp, found.utelatt) == (2, 1)
    found, _ = bring(verden)
    assert (found.lastet_opp, found.uendret) == (1, 2)
    now = cells(verden)
    assert set(now) == {worst, *held}
    assert all(now[key] != held[key] for key in held)
    assert bring(verden) == (Bilder(uendret=2), 1)


@pytest.mark.long
def test_what_people_make_of_our_file_is_theirs(verden):
    bring(verden)
    key = min(cells(verden))
    (name,) = cells(verden)[key]
    put_by_hand(verden, key, name, b"tegnet paa")
    assert bring(verden) == (Bilder(uendret=2), 1)
    assert cells(verden)[key] == [name, name]


@pytest.mark.long
def test_a_file_that_people_put_there_after_the_listing_stays(verden, monkeypatch):
    bring(verden)
    key = min(cells(verden))
    put_by_hand(verden, key, f"{key}-aaaaaaaaaaaa.png")
    real = opplasting._tidied

    def late(run, motiv, **options):
        if motiv.tomt_id == key:
            put_by_hand(verden, key, "sent.png")
        return real(run, motiv, **options)

    monkeypatch.setattr(opplasting, "_tidied", late)
    bring(verden)
    assert cells(verden)[key][1:] == ["sent.png"]


@pytest.mark.long
def test_two_runs_of_pictures_of_a_kommune_do_not_meet(verden):
    with verden.geodata.lock("bilder-0099"):
        found, _ = bring(verden)
    assert "Another run" in (found.stoppet or "")

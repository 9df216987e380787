"""Background tiles: asked for by the grid, kept on disk, and never worth more than a little time and a few bytes."""

from __future__ import annotations

import logging
import os
import time

import pytest

from config.settings import Profile, Settings
from tasks.crm.bilder.bakgrunn import background
from tasks.crm.bilder.fliser import Fliskilde, is_wanted, prune
from tasks.crm.bilder.flisgitter import metres, tiles_of
from tasks.crm.bilder.utsnitt import Utsnitt
from tests.crm.bilder.flistjener import bomb, png, serve
from tests.crm.bilder.kart import rules
from tests.ports import spare_ports

VIEW = Utsnitt(25833, 300_000.0, 7_750_000.0, 0.5, 800, 780)
OTHER = Utsnitt(25833, 400_000.0, 7_750_000.0, 0.5, 800, 780)


FEW = {"maks_per_bilde": 6}


@pytest.fixture
def tjener():
    with serve() as running:
        yield running


@pytest.fixture
def kilde(tjener, tmp_path):
    """Return what makes a source of tiles from this server, as a run does."""
    made = []

    def make(**values):
        given = {
            "adresse": tjener.adresse,
            "sekunder": 0.3,
            "sekunder_proeve": 0.3,
            "maks_bytes": 50_000,
            **FEW,
        } | values
        made.append(Fliskilde(rules(fliser=given).fliser, tmp_path / "fliser", kontakt="drift@example.no"))
        return made[-1]

    yield make
    for one in made:
        one.__exit__(None, None, None)


def test_the_tiles_cover_the_map_and_are_as_fine_as_it_or_coarser_where_they_are_too_many():
    fliser = rules().fliser
    sett = fliser.of(25833)
    block = tiles_of(VIEW, sett, fliser)
    length = metres(sett, block.nivaa) * fliser.side
    west, south, east, north = VIEW.bounds
    assert metres(sett, block.nivaa) <= VIEW.opplosning < metres(sett, block.nivaa - 1)
    assert sett.vest + block.kolonne * length <= west
    assert east <= sett.vest + (block.kolonne + block.kolonner) * length
    assert sett.nord - (block.rad + block.rader) * length <= south
    assert north <= sett.nord - block.rad * length
    few = tiles_of(VIEW, sett, rules(fliser={"maks_per_bilde": 4}).fliser)
    assert few.antall <= 4
    assert few.nivaa < block.nivaa
    fine = Utsnitt(25833, 300_000.0, 7_750_000.0, 0.01, 800, 780)
    assert tiles_of(fine, sett, fliser).nivaa == sett.nivaaer - 1


def test_a_map_is_put_together_and_the_tiles_are_not_asked_for_again(tjener, kilde):
    first = kilde().under(VIEW)
    assert first is not None
    assert background(first, VIEW).size == (800, 780)
    block = tiles_of(VIEW, rules().fliser.of(25833), rules(fliser=FEW).fliser)
    assert tjener.asked[1] == f"/utm33n/{block.nivaa}/{block.rad}/{block.kolonne}.png"
    assert len(tjener.asked) == block.antall + 1  # the probe is a tile that is asked for once more
    assert tjener.agents[0].endswith("(+drift@example.no)")
    tjener.asked.clear()
    assert kilde().under(VIEW) == first
    assert len(tjener.asked) == 1  # the next run's probe


def test_the_map_lies_where_the_tiles_say(tjener, kilde):
    """Every second tile is dark: the border runs where the grid has it."""
    dark, light = tjener.sends(png(grey=40)), tjener.sends(png(grey=220))
    tjener.answer = lambda handler: (dark if int(handler.path.split("/")[-1][:-4]) % 2 else light)(handler)
    tiles = kilde().under(VIEW)
    image = background(tiles, VIEW).convert("L")
    row = [image.getpixel((x, 300)) for x in range(800)]
    changes = [x for x in range(1, 800) if (row[x] > 130) != (row[x - 1] > 130)]
    length = tiles.opplosning * tiles.side
    borders = [(tiles.vest + n * length - VIEW.vest) / VIEW.opplosning for n in range(20)]
    assert changes == pytest.approx([b for b in borders if 0 < b < 800], abs=1)


def test_old_tiles_are_asked_for_again_and_taken_away(tjener, kilde, tmp_path):
    kilde().under(VIEW)
    files = list((tmp_path / "fliser").rglob("*.flis"))
    old = time.time() - 200 * 86_400
    for file in files:
        os.utime(file, (old, old))
    tjener.asked.clear()
    kilde().under(VIEW)
    assert len(tjener.asked) == len(files) + 1
    os.utime(files[0], (old, old))
    assert prune(tmp_path / "fliser", 180) == 1
    assert not files[0].exists()


FAULTS = {
    "404": lambda t: t.sends(b"nei", status=404),
    "500": lambda t: t.sends(b"nei", status=500),
    "html": lambda t: t.sends(b"<html>logg inn</html>", headers={"Content-Type": "image/png"}),
    "empty": lambda t: t.sends(b""),
    "cut": lambda t: t.sends(png()[:60]),
    "gif": lambda t: t.sends(png(kind="GIF")),
    "other size": lambda t: t.sends(png(512)),
    "bomb": lambda t: t.sends(bomb(60_000)),
    "bomb of the right size": lambda t: t.sends(bomb(256)[:-20]),
    "too many bytes": lambda t: t.sends(b"\x89PNG" + b"x" * 60_000),
    "redirect": lambda t: t.sends(b"", status=302, headers={"Location": f"{t.url}/annet"}),
    "hangs": lambda t: t.hangs(),
    "drips": lambda t: t.drips(),
}


SHORT = ("404", "html", "bomb", "redirect", "hangs")
"""The others differ from these in where they are caught, not in what follows."""


@pytest.mark.parametrize("fault", [pytest.param(f, marks=() if f in SHORT else pytest.mark.long) for f in FAULTS])
def test_a_server_that_is_no_good_is_asked_once_and_said_once(tjener, kilde, caplog, tmp_path, fault):
    tjener.answer = FAULTS[fault](tjener)
    source = kilde()
    with caplog.at_level(logging.WARNING, "tomt.bilder"):
        assert [source.under(VIEW), source.under(OTHER)] == [None, None]
    assert len(tjener.asked) == (3 if fault == "404" else 1)  # one tile may not be there: that tells nothing yet
    assert len(caplog.records) == 1
    assert "127.0.0.1" in caplog.text
    assert not list(tmp_path.rglob("*.flis"))


def test_a_server_that_dies_on_the_way_leaves_the_rest_without(tjener, kilde, caplog):
    source = kilde(feil_foer_stopp=2)
    assert source.under(VIEW) is not None
    tjener.answer = tjener.sends(b"", status=503)
    tjener.asked.clear()
    with caplog.at_level(logging.WARNING, "tomt.bilder"):
        assert [source.under(OTHER) for _ in range(5)] == [None] * 5
    assert len(tjener.asked) == 2
    assert len(caplog.records) == 1
    assert source.under(VIEW) is None  # on disk, but the server is gone: all of the rest look alike


def test_a_tile_that_is_not_there_is_left_plain_and_not_asked_for_again(tjener, kilde, tmp_path, caplog):
    block = tiles_of(VIEW, rules().fliser.of(25833), rules(fliser=FEW).fliser)
    corner = f"/utm33n/{block.nivaa}/{block.rad}/{block.kolonne}.png"
    there, gone = tjener.sends(png()), tjener.sends(b"", status=404)
    tjener.answer = lambda handler: (gone if handler.path == corner else there)(handler)
    first = kilde(feil_foer_stopp=1).under(VIEW)
    assert [tile.fil is None for tile in first.fliser] == [True] + [False] * (block.antall - 1)
    assert background(first, VIEW).getpixel((1, 1)) == (255, 255, 255)
    tjener.asked.clear()
    assert kilde().under(VIEW) == first
    assert corner not in tjener.asked
    assert not caplog.records
    (note,) = (tmp_path / "fliser").rglob("*.mangler")
    os.utime(note, (1, 1))
    assert prune(tmp_path / "fliser", 180) == 1


def test_a_tile_that_is_no_picture_run_after_run_is_not_there(tjener, kilde):
    block = tiles_of(VIEW, rules().fliser.of(25833), rules(fliser=FEW).fliser)
    corner = f"/utm33n/{block.nivaa}/{block.rad}/{block.kolonne}.png"
    there, odd = tjener.sends(png()), tjener.sends(b"<html>")
    tjener.answer = lambda handler: (odd if handler.path == corner else there)(handler)
    source = kilde()
    assert [source.under(VIEW), source.under(VIEW)] == [None, None]
    assert tjener.asked.count(corner) == 1  # a run takes note of it once
    assert kilde().under(VIEW) is None
    assert kilde().under(VIEW) is None
    found = kilde().under(VIEW)
    assert [tile.fil is None for tile in found.fliser].count(True) == 1
    assert tjener.asked.count(corner) == 3


@pytest.mark.long
def test_a_map_without_any_tile_has_a_plain_background_that_is_nobodys(tjener, kilde):
    source = kilde()
    assert source.under(VIEW) is not None
    tjener.answer = tjener.sends(b"", status=404)
    assert (source.under(OTHER).kilde, source.is_up(OTHER)) == ("", True)
    tjener.asked.clear()
    again = kilde()
    assert (again.is_up(OTHER), again.under(OTHER).kilde) == (True, "")
    assert not tjener.asked


def test_a_folder_that_cannot_be_cleared_is_no_reason_to_stop(tmp_path, monkeypatch):
    old = tmp_path / "a" / "1" / "2" / "3.flis"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"x")
    os.utime(old, (1, 1))
    monkeypatch.setattr(type(old), "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "x")))
    assert prune(tmp_path, 180) == 0


def test_nobody_listens(tmp_path, caplog):
    (port,) = spare_ports(1)
    fliser = rules(fliser={"adresse": f"http://127.0.0.1:{port}/{{sett}}/{{z}}/{{y}}/{{x}}"}).fliser
    with Fliskilde(fliser, tmp_path) as source:
        assert source.under(VIEW) is None
    assert "does not answer" in caplog.text


def test_a_run_asks_for_so_many_and_no_more(tjener, kilde, caplog):
    source = kilde(maks_per_kjoring=3)
    assert source.under(VIEW) is None
    assert len(tjener.asked) == 3
    assert "the most of one run" in caplog.text


def test_a_zone_without_tiles_goes_without(tjener, kilde):
    assert kilde().under(Utsnitt(25834, 0.0, 0.0, 1.0, 800, 780)) is None
    assert not tjener.asked


def test_the_sandbox_asks_this_machine_alone(tjener, tmp_path):
    sandbox = Settings(profile=Profile.SANDBOX, geodata=tmp_path)
    staging = Settings(profile=Profile.STAGING, geodata=tmp_path)
    assert not is_wanted(rules().fliser, sandbox)
    assert is_wanted(rules().fliser, staging)
    assert is_wanted(rules(fliser={"adresse": tjener.adresse}).fliser, sandbox)
    assert not is_wanted(rules(fliser={"adresse": None}).fliser, staging)

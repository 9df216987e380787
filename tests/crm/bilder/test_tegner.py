"""The drawing itself: what is where, of which colour; the same motif is the same bytes; no picture is too large."""

from __future__ import annotations

import io
import multiprocessing
from dataclasses import replace

import numpy as np
import pytest
import shapely
from matplotlib.path import Path as Outline
from PIL import Image

from tasks.crm.bilder import serie
from tasks.crm.bilder.bakgrunn import Bakgrunn, Flis, background
from tasks.crm.bilder.png import encode
from tasks.crm.bilder.ramme import legend
from tasks.crm.bilder.serie import MOST_TIMEOUTS, Oppgave, TegneError, draw_all
from tasks.crm.bilder.stier import path_of
from tasks.crm.bilder.tegner import Tegner
from tasks.errors import ContractError
from tests.crm.bilder.kart import EAST, NORTH, TOMT, box, konflikt, land, rules, sone, tomt

REGLER = rules()


@pytest.fixture(scope="module")
def grunnlag():
    return land()


@pytest.fixture(scope="module")
def tegner():
    return Tegner(REGLER)


@pytest.fixture(scope="module")
def bilde(grunnlag, tegner):
    return tegner.draw(grunnlag.motiv(TOMT))


def colour_at(image, seen, east, north):
    """Return the colour of a place, metres from the middle of the lot."""
    view, size = seen.utsnitt, REGLER.bilde
    x = (EAST + east - view.vest) / view.opplosning
    y = (NORTH + north - view.sor) / view.opplosning
    return image.getpixel((round(x), round(size.topp + size.kart_hoyde - y)))


def rgb(text):
    return tuple(int(text[n : n + 2], 16) for n in (1, 3, 5))


def close(one, other, by=6):
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= by


def test_zones_lot_and_buildings_are_where_they_are_on_the_ground(grunnlag, bilde):
    seen = grunnlag.motiv(TOMT)
    bolig, gront = (REGLER.purpose("KpArealformålOmråde", code).farge for code in ("1110", "3001"))
    assert bilde.size == (REGLER.bilde.bredde, REGLER.bilde.hoyde)
    assert close(colour_at(bilde, seen, -55, 5), rgb(bolig))
    assert close(colour_at(bilde, seen, 42, -18), rgb(gront))
    assert close(colour_at(bilde, seen, 60, 15), rgb(REGLER.farger.bygning))
    assert close(colour_at(bilde, seen, -20, 3), rgb(REGLER.farger.tomt))
    assert not close(colour_at(bilde, seen, -12, -12), rgb(bolig))  # the lot is tinted
    assert close(colour_at(bilde, seen, -12, -12), rgb(bolig), by=40)


@pytest.mark.long
def test_a_later_zone_lies_on_top(tegner):
    zones = [sone("a", "1110", box(-500, -500, 500, 500)), sone("b", "2010", box(-500, -500, 500, 500))]
    seen = land(soner=zones, teiger=[], reguleringsplaner=[]).motiv(TOMT)
    assert close(colour_at(tegner.draw(seen), seen, 45, -20), rgb(REGLER.purpose("KpArealformålOmråde", "2010").farge))


def test_constraints_are_hatched_within_their_bounds(tegner):
    seen = land(konflikter=[konflikt("flom", "hard", box(-60, 5, -35, 25))]).motiv(TOMT)
    with_it = np.asarray(tegner.draw(seen)).astype(int)
    without = np.asarray(tegner.draw(replace(seen, bindinger=()))).astype(int)
    differs = np.argwhere(np.abs(with_it - without).max(axis=2)[: REGLER.bilde.topp + REGLER.bilde.kart_hoyde] > 30)
    width, height = (np.ptp(differs, axis=0) * seen.utsnitt.opplosning)[::-1]
    assert (width, height) == pytest.approx((25, 20), abs=1)
    assert 0.05 < len(differs) / (25 * 20 / seen.utsnitt.opplosning**2) < 0.6


def test_soft_land_is_paler_than_hard_and_the_legend_tells_them_apart(tegner):
    def ink_of(alvor):
        seen = land(konflikter=[konflikt("flom", alvor, box(-60, 5, -35, 25))], soner=[]).motiv(TOMT)
        bare = np.asarray(tegner.draw(replace(seen, bindinger=()))).astype(int)
        change = np.abs(np.asarray(tegner.draw(seen)).astype(int) - bare)
        return change[REGLER.bilde.topp : REGLER.bilde.topp + REGLER.bilde.kart_hoyde].sum()

    assert ink_of("myk") < 0.5 * ink_of("hard")
    some = [konflikt("flom", alvor, box(-60, 5, -35, 25)) for alvor in ("myk", "hard")]
    on_the_lot = konflikt("stoy_veg", "myk", box(0, 0, 10, 10))
    names = [t.navn for t in legend(land(konflikter=[*some, on_the_lot]).motiv(TOMT), REGLER.farger)]
    assert [name for name in names if "Flom" in name or "Støy" in name] == [
        "Støy, aktsomhet",
        "Flom",
        "Flom, aktsomhet",
    ]


def test_the_border_of_the_kommune_is_drawn_where_it_is_in_view(tegner):
    near = land(grenser=[{"kommunenavn": "Prøvedal", "geometry": box(-900, -900, 40, 900)}], soner=[]).motiv(TOMT)
    far = land(grenser=[{"kommunenavn": "Prøvedal", "geometry": box(-900, -900, 900, 900)}], soner=[]).motiv(TOMT)
    assert far.kommune is None
    assert "Kommunegrense" in [t.navn for t in legend(near, REGLER.farger)]
    image = tegner.draw(near)
    dark = [close(colour_at(image, near, 40, n / 5), rgb(REGLER.farger.grense), by=40) for n in range(-150, 150)]
    assert 0.4 < sum(dark) / len(dark) < 0.9


def test_the_legend_names_the_omraade_before_what_is_less_important():
    rows = [{"omraade_id": "7001-O00001", "geometry": box(-50, -50, 50, 50)}]
    names = [t.navn for t in legend(land(omraader=rows).motiv(TOMT), REGLER.farger)]
    assert names[:3] == ["Tomten", "Området", "Reguleringsplan"]


@pytest.mark.long
def test_nothing_is_drawn_over_the_strips(tegner):
    """An outline that leaves the map ends at its edge."""
    long = shapely.box(EAST - 5, NORTH - 5000, EAST + 5, NORTH + 5000)
    seen = land(tomter=[tomt(shape=long)]).motiv(TOMT)
    image = tegner.draw(replace(seen, tekster=replace(seen.tekster, tittel="", sted="", vurdering="", kilder="")))
    assert np.asarray(image)[: REGLER.bilde.topp - 3].min() == 255


def test_a_hole_stays_empty_whichever_way_its_ring_runs():
    outer = shapely.box(0, 0, 10, 10)
    for hole in ([(3, 3), (3, 7), (7, 7), (7, 3)], [(3, 3), (7, 3), (7, 7), (3, 7)]):
        path = path_of(
            [shapely.Polygon(outer.exterior.coords, [hole]), shapely.GeometryCollection([shapely.Point(1, 1)])]
        )
        assert list(path.codes).count(Outline.MOVETO) == 2
        areas = [shapely.Polygon(ring) for ring in np.split(path.vertices, [5])]
        assert areas[0].exterior.is_ccw != areas[1].exterior.is_ccw
    assert not len(path_of([]).vertices)


def test_the_same_motif_is_the_same_bytes_whatever_was_drawn_before(grunnlag, bilde):
    seen = grunnlag.motiv(TOMT)
    fresh = Tegner(REGLER)
    fresh.draw(replace(seen, teiger=(), soner=()))
    assert encode(fresh.draw(seen), REGLER.bilde) == encode(bilde, REGLER.bilde)


def test_a_picture_of_noise_is_made_small_enough():
    noise = np.random.default_rng(1).integers(0, 255, (300, 240, 3), dtype="uint8")
    size = rules(bilde={"bredde": 400, "storste_bytes": 20_000, "minste_bredde": 200}).bilde.model_copy(
        update={"minste_bredde": 100}
    )
    data = encode(Image.fromarray(noise), size)
    assert len(data) <= 20_000
    assert 100 <= Image.open(io.BytesIO(data)).width < 240


@pytest.mark.long
def test_one_that_cannot_be_made_small_enough_is_refused():
    noise = np.random.default_rng(1).integers(0, 255, (1000, 800, 3), dtype="uint8")
    with pytest.raises(ContractError, match="storste_bytes"):
        encode(Image.fromarray(noise), rules(bilde={"storste_bytes": 20_000, "minste_bredde": 700}).bilde)


# --- tiles ---


def tiles(folder, view, grey=200):
    """Return one tile that covers the map."""
    Image.new("L", (256, 256), grey).save(folder / "en.png")
    west, south, east, north = view.bounds
    metres = max(east - west, north - south) / 256
    return Bakgrunn((Flis(folder / "en.png", 0, 0),), west, north, metres, 256, "Bakgrunnskart © Prøve")


def test_zones_are_multiplied_into_the_tiles(tmp_path, grunnlag, tegner):
    seen = grunnlag.motiv(TOMT)
    under = tiles(tmp_path, seen.utsnitt)
    image = tegner.draw(seen, under=background(under, seen.utsnitt), kilde=under.kilde)
    bolig = rgb(REGLER.purpose("KpArealformålOmråde", "1110").farge)
    assert close(colour_at(image, seen, -55, 5), tuple(round(c * 200 / 255) for c in bolig))
    assert close(colour_at(image, seen, -20, 3), rgb(REGLER.farger.tomt))
    assert image.getpixel((400, 3)) == (255, 255, 255)


@pytest.mark.parametrize("what", ["html", *(pytest.param(w, marks=pytest.mark.long) for w in ("gone", "large"))])
def test_a_tile_that_cannot_be_read_any_more_gives_plain_paper_and_says_so(tmp_path, grunnlag, bilde, what):
    seen = grunnlag.motiv(TOMT)
    under = tiles(tmp_path, seen.utsnitt)
    if what == "gone":
        (tmp_path / "en.png").unlink()
    elif what == "html":
        (tmp_path / "en.png").write_text("<html>")
    else:
        Image.new("L", (512, 512)).save(tmp_path / "en.png")
    (found,) = draw_all([Oppgave(seen, under)], REGLER, antall=1)
    assert not found.har_bakgrunn
    assert found.png == encode(bilde, REGLER.bilde)
    assert not (tmp_path / "en.png").exists()  # and is asked for again by the next run


def test_a_tile_that_is_nowhere_leaves_its_place_plain(tmp_path, grunnlag, tegner):
    seen = grunnlag.motiv(TOMT)
    some = tiles(tmp_path, seen.utsnitt)
    half = replace(
        some,
        opplosning=some.opplosning / 2,
        fliser=(Flis(None, 0, 0), *(Flis(some.fliser[0].fil, x, y) for x, y in ((1, 0), (0, 1), (1, 1)))),
    )
    under = background(half, seen.utsnitt)
    assert [under.getpixel((x, 5)) for x in (5, 790)] == [(255, 255, 255), (200, 200, 200)]


# --- many ---


def test_one_that_fails_takes_no_other_with_it(grunnlag):
    seen = grunnlag.motiv(TOMT)
    broken = replace(seen, tomt="no geometry")
    found = list(draw_all([Oppgave(m) for m in (seen, broken, seen)], REGLER, antall=3))
    assert [f.png is None for f in found] == [False, True, False]
    assert found[1].feil
    assert found[0].png == found[2].png


class _NoAnswer:
    def get(self, seconds):
        raise multiprocessing.TimeoutError


class _Silent:
    """A pool whose processes never start."""

    def Pool(self, *_):
        return self

    def apply_async(self, *_):
        return _NoAnswer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Nothing is open."""


def test_processes_that_give_no_answer_are_not_waited_for_again_and_again(grunnlag, monkeypatch):
    monkeypatch.setattr(serie.multiprocessing, "get_context", lambda _: _Silent())
    found = draw_all([Oppgave(grunnlag.motiv(TOMT))] * 50, rules(tegning={"parallelt_fra": 2}), antall=50)
    assert all(next(found).feil for _ in range(MOST_TIMEOUTS))
    with pytest.raises(TegneError, match="3 pictures in a row"):
        next(found)


@pytest.mark.long
def test_processes_draw_the_same_in_the_same_order(grunnlag):
    """In processes of their own, as a run with many pictures does."""
    seen = grunnlag.motiv(TOMT)
    motifs = [replace(seen, nummer=str(n)) for n in range(3)]
    several = rules(tegning={"parallelt_fra": 2, "prosesser": 2})
    alone = list(draw_all([Oppgave(m) for m in motifs], REGLER, antall=3))
    found = list(draw_all([Oppgave(m) for m in [*motifs, replace(seen, tomt=None)]], several, antall=4))
    assert [f.png for f in found[:3]] == [f.png for f in alone]
    assert found[3].png is None

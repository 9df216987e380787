"""Labels: none upon another, each on its own land, the lot's own before all."""

from __future__ import annotations

from itertools import combinations

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from config.bilder import bilder
from tasks.crm.bilder import ramme
from tasks.crm.bilder.etiketter import place
from tasks.crm.bilder.motiv import Motiv, Plan, Teig, Tekster
from tasks.crm.bilder.skrift import fitted, line_of
from tasks.crm.bilder.utsnitt import Utsnitt

VIEW = Utsnitt(25833, 0.0, 0.0, 0.5, 800, 780)
RULES = bilder().etiketter
TEXTS = Tekster("", "", "", "", "")


def motiv(teiger=(), planer=(), *, tomt=None, nummer="46/1"):
    form = shapely.box(350, 350, 450, 450) if tomt is None else tomt
    return Motiv("7001-000001", VIEW, 0.0, TEXTS, form, nummer, teiger=tuple(teiger), planer=tuple(planer))


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@given(st.lists(st.tuples(*[st.floats(-50, 850)] * 2, *[st.floats(1, 300)] * 2), max_size=60))
def test_no_label_lies_upon_another_or_outside_the_map(boxes):
    teiger = [Teig(shapely.box(x, y, x + w, y + h), f"{n}/1", er_egen=False) for n, (x, y, w, h) in enumerate(boxes)]
    found = place(motiv(teiger), RULES, taken=[(700, 700, 800, 780)])
    assert found[0].tekst == "46/1"
    assert len(found) <= RULES.storste_antall
    for one, other in combinations([*(f.box for f in found), (700, 700, 800, 780)], 2):
        assert not overlap(one, other)
    for label in found:
        assert label.box[0] >= 0
        assert label.box[1] >= 0
        assert label.box[2] <= 800
        assert label.box[3] <= 780


def test_a_label_stands_on_its_own_land_and_is_dropped_where_that_is_too_small():
    large, narrow = shapely.box(20, 20, 200, 90), shapely.box(500, 20, 515, 300)
    found = place(motiv([Teig(large, "46/2", er_egen=False), Teig(narrow, "46/3", er_egen=False)]), RULES)
    assert [f.tekst for f in found] == ["46/1", "46/2"]
    assert shapely.box(*found[1].box).within(large)


def test_a_parcel_that_is_half_out_of_the_map_is_labelled_in_its_visible_part():
    found = place(motiv([Teig(shapely.box(-900, 20, 150, 90), "46/2", er_egen=False)]), RULES)
    assert found[1].box[0] > 0


def test_the_own_number_is_shown_even_on_a_sliver_and_at_the_edge():
    for lot in (shapely.box(795, 300, 799, 700), shapely.box(0, 0, 3, 3)):
        (label,) = place(motiv(tomt=lot), RULES)
        assert label.slag == "egen"
        assert label.box[0] >= 0
        assert label.box[2] <= 800


def test_plans_are_named_once_and_few():
    plans = [
        Plan(shapely.box(20 + 190 * n, 20, 200 + 190 * n, 120), f"Felt {n % 2}", er_vedtatt=True) for n in range(4)
    ]
    named = [f.tekst for f in place(motiv(planer=plans), RULES) if f.slag == "plan"]
    assert sorted(named) == ["Felt 0", "Felt 1"]


def test_the_arrow_and_the_scale_bar_keep_clear_of_each_other():
    one = motiv()
    assert not overlap(ramme.north_arrow(one).box, ramme.scale_bar(one).box)


@pytest.mark.parametrize("text", ["$\\frac{1}{2", "a $x$ b", "\U0001f3e0 hus", "שלום", "", "\u202eabc", "x" * 3000])
def test_hostile_text_becomes_letters_and_nothing_else(text):
    assert fitted(text, 20, most_px=300, least=12).bredde <= 300 or len(text) < 3


def test_text_is_measured_as_it_is_drawn():
    line = line_of("46/1", 20)
    assert line.bredde == pytest.approx(line.path.get_extents().x1, abs=0.01)
    assert line_of("12\u00a0345", 20).bredde == line_of("12 345", 20).bredde

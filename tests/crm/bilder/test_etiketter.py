"""Labels: none upon another, each on its own land, the lot's own before all."""

from __future__ import annotations

from itertools import combinations

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from config.bilder import bilder
from tasks.crm.bilder import ramme
from tasks.crm.bilder.etiketter import HALO_PX, place
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


@settings(max_examples=15)
@given(st.lists(st.tuples(*[st.floats(-50, 850)] * 2, *[st.floats(1, 300)] * 2), max_size=40))
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


def test_plans_upon_each_other_are_named_where_each_is_alone_or_not_at_all():
    whole, upper = shapely.box(20, 20, 320, 300), shapely.box(20, 100, 320, 300)
    felt = Plan(whole, "Åsen felt B", er_vedtatt=True)
    found = place(motiv(planer=[felt, Plan(upper, "Nye Åsen", er_vedtatt=False)]), RULES)
    named = {f.tekst: f for f in found if f.slag != "egen"}
    assert {f.slag for f in named.values()} == {"plan", "planarbeid"}
    assert named["Åsen felt B"].box[3] < 100 < named["Nye Åsen"].box[1]
    found = place(motiv(planer=[felt, Plan(whole, "Nye Åsen", er_vedtatt=False)]), RULES)
    assert len([f for f in found if f.slag != "egen"]) == 1


def test_the_name_of_a_plan_around_the_lot_stands_beside_the_lot():
    lot = shapely.box(380, 300, 420, 500)
    found = place(motiv(planer=[Plan(shapely.box(100, 310, 700, 490), "Åsen", er_vedtatt=True)], tomt=lot), RULES)
    (name,) = (f for f in found if f.slag == "plan")
    assert not shapely.box(*name.letters).intersects(lot)


def test_a_box_holds_what_hangs_below_the_line_and_the_halo():
    (label,) = (
        f
        for f in place(motiv(planer=[Plan(shapely.box(20, 20, 320, 300), "gjyp", er_vedtatt=True)]), RULES)
        if f.slag == "plan"
    )
    drawn = label.path.get_extents()
    half = HALO_PX["plan"] / 2
    assert label.box[1] <= drawn.y0 - half
    assert label.box[3] >= drawn.y1 + half
    assert label.box[0] <= drawn.x0 - half + 1  # letters begin a little right of where they are put


def test_the_number_of_a_thin_lot_stands_beside_it():
    for lot in (shapely.box(395, 100, 403, 700), shapely.box(100, 395, 700, 403)):
        (label,) = place(motiv(tomt=lot), RULES)
        assert not shapely.box(*label.box).intersects(lot)
        assert shapely.box(*label.box).distance(lot) < 10


def test_the_arrow_and_the_scale_bar_keep_clear_of_each_other():
    one = motiv()
    assert not overlap(ramme.north_arrow(one).box, ramme.scale_bar(one).box)


@pytest.mark.parametrize("text", ["$\\frac{1}{2", "a $x$ b", "\U0001f3e0 hus", "שלום", "", "\u202eabc", "x" * 300])
def test_hostile_text_becomes_letters_and_nothing_else(text):
    assert fitted(text, 20, most_px=300, least=12).bredde <= 300 or len(text) < 3


def test_text_is_measured_as_it_is_drawn():
    line = line_of("46/1", 20)
    assert line.bredde == pytest.approx(line.path.get_extents().x1, abs=0.01)
    assert line_of("12\u00a0345", 20).bredde == line_of("12 345", 20).bredde

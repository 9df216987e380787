"""Which lots get a picture, and what stays in a cell."""

from __future__ import annotations

from config.bilder import bilder
from tasks.crm.bilder.valg import Celle, Fil, choose, left_behind

NEW, OLD = "7001-000001-0123456789ab.png", "7001-000001-ba9876543210.png"


def cell(*files):
    return Celle.of("rec1", [{"id": f"att{n}", "filename": name} for n, name in enumerate(files)], None)


def test_stages_go_first_in_their_order_then_the_best():
    best = [f"7001-{n:06d}" for n in range(1, 7)]
    cells = {
        key: Celle("rec", fase=fase)
        for key, fase in zip(best[1:], [None, "Parkert", "Dialog", "LOI", "x"], strict=True)
    }
    rules = bilder().utvalg.model_copy(update={"antall": 4})
    assert choose(best, cells, rules) == [best[4], best[3], best[1], best[2]]


def test_only_ours_alone_is_right():
    assert cell(NEW).has_just([NEW])
    assert cell("kart.png", NEW).has_just([NEW])
    assert not cell(OLD).has_just([NEW])
    assert not cell(NEW, OLD).has_just([NEW])
    assert not cell(NEW, NEW).has_just([NEW])
    assert not cell().has_just([NEW])


def test_peoples_files_stay_in_their_order_behind_ours():
    assert cell("a.png", OLD, NEW, "b.pdf", NEW).kept([NEW]) == ["att2", "att0", "att3"]
    assert cell("a.png", OLD).kept([NEW]) == ["att0"]


def test_cells_of_another_form_are_passed_over():
    odd = Celle.of("rec", [{"id": "att1", "filename": None}, "x", {"filename": "y"}], 7)
    assert odd == Celle("rec", (Fil("att1", "", er_var=False),), None)
    assert Celle.of("rec", "text", None) == Celle("rec")


def test_a_file_of_our_name_that_weighs_otherwise_is_peoples():
    files = [{"id": "a", "filename": NEW, "size": 10}, {"id": "b", "filename": NEW, "size": 11}]
    found = Celle.of("rec1", files, None, sizes={NEW: [10]})
    assert found.has_just([NEW])
    assert found.kept([NEW]) == ["a", "b"]
    assert not Celle.of("rec1", files, None).has_just([NEW])  # where nobody knows what was sent


def test_lots_that_are_no_longer_chosen_are_left_behind_with_their_picture():
    cells = {"a": cell(NEW), "b": cell(OLD), "c": cell("kart.png"), "gone": cell(OLD)}
    assert left_behind(["a", "b", "c"], cells, ["a"]) == ["b"]

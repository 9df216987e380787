"""Which lots get a picture, and what stays in a cell."""

from __future__ import annotations

from config.bilder import bilder
from tasks.crm.bilder.valg import Celle, choose

NEW, OLD = "7001-000001-0123456789ab.png", "7001-000001-ba9876543210.png"


def cell(*files):
    return Celle("rec1", tuple((f"att{n}", name) for n, name in enumerate(files)))


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
    assert odd == Celle("rec", (("att1", ""),), None)
    assert Celle.of("rec", "text", None) == Celle("rec")

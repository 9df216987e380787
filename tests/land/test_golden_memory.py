"""The golden kommune over several runs: the memory, the second class of differanse, and what must not happen."""

from __future__ import annotations

import contextlib
import dataclasses

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from config.registers import regler
from tasks.errors import IdentityError
from tasks.land.find import Land, read_forrige, write_land
from tasks.land.identity import carry_ids, with_gone
from tasks.land.inndata import Core
from tasks.land.ledger import replay
from tasks.store import Geodata
from tests.land.golden import KOMMUNE, core, frame, place
from tests.land.golden_runs import assert_replays, lot, news, run, with_plan


@pytest.fixture(scope="module")
def land() -> Land:
    return run(tid="2026-11-21T02:00:00+00:00")


@pytest.fixture(scope="module")
def given() -> Core:
    """One more plan, which takes a piece of a lot."""
    return with_plan("R6", (1540, -50, 1550, 150))


@pytest.fixture(scope="module")
def direct(land, given) -> Land:
    """The run after `land` that has everything at hand."""
    return run(given, before=land)


# --- the memory ---


def test_what_a_run_leaves_on_disk_the_next_goes_on_from(land, given, direct, tmp_path):
    geodata = Geodata(tmp_path)
    write_land(land, geodata, KOMMUNE)
    after = run(given, forrige=read_forrige(geodata, KOMMUNE))
    pd.testing.assert_frame_equal(pd.DataFrame(after.tomter), pd.DataFrame(direct.tomter), check_dtype=False)
    pd.testing.assert_frame_equal(pd.DataFrame(after.hendelser), pd.DataFrame(direct.hendelser), check_dtype=False)


@pytest.mark.parametrize("damage", [pytest.param("gone", marks=pytest.mark.long), "half", "other", "version"])
def test_a_memory_that_cannot_be_used_costs_causes_and_no_lot(land, given, direct, tmp_path, damage, monkeypatch):
    geodata = Geodata(tmp_path)
    write_land(land, geodata, KOMMUNE)
    path = geodata.memory_path(KOMMUNE.nummer)
    if damage == "gone":
        path.unlink()
    elif damage == "half":
        path.write_bytes(path.read_bytes()[:2000])
    elif damage == "other":
        land.omraader.to_parquet(path)
    else:
        monkeypatch.setattr("tasks.land.minne.VERSJON", -1)
    after = run(given, forrige=read_forrige(geodata, KOMMUNE))
    assert list(after.tomter["tomt_id"]) == list(direct.tomter["tomt_id"])
    assert list(after.tomter["areal_m2"]) == list(direct.tomter["areal_m2"])
    causes = {why for _, why, *_ in news(after, land).values()}
    assert causes == ({"plan vedtatt"} if damage == "version" else {"ukjent"})


def test_files_of_the_version_before_are_read(land, tmp_path):
    geodata = Geodata(tmp_path)
    late = {"omraader": ["differanse", "andel_regulert", "reguleringsplaner"]}
    late["tomter"] = ["differanse", "kjerne_m2", "kjerne_grunnlag"]
    for name, columns in late.items():
        path = tmp_path / "out" / name / "9901.parquet"
        path.parent.mkdir(parents=True)
        getattr(land, name).drop(columns=columns).to_parquet(path)
    after = run(forrige=read_forrige(geodata, KOMMUNE))
    assert list(after.tomter["tomt_id"]) == list(land.tomter["tomt_id"])
    assert len(after.hendelser) == 8
    assert_replays(after)
    gone = core()
    gone.teiger.loc[gone.teiger["teig_id"] == "t7", "geometry"] = place(800, 500, 830, 550)
    kept = run(gone, forrige=read_forrige(geodata, KOMMUNE)).tomter
    assert (kept["tilstand"] == "borte").sum() == 1


# --- the second class ---


def test_land_that_a_plan_has_for_something_else_is_marked_apart():
    rules = regler()
    on = rules.model_copy(update={"differanse": rules.differanse.model_copy(update={"ikke_bolig_i_plan": True})})
    rows = {
        # R4 (x 550–650, y 50–150 of C): a park of 60 × 100, housing of 40 × 100; a tunnel; a code that nobody knows.
        "park": ("RpArealformålOmråde", "3040", "9901_R4", "2", (550, 50, 610, 150)),
        "bolig": ("RpArealformålOmråde", "1110", "9901_R4", "2", (610, 50, 650, 150)),
        "tunnel": ("RpArealformålOmråde", "2010", "9901_R4", "1", (610, 50, 650, 150)),
        "ukjent": ("RpArealformålOmråde", "9999", "9901_R4", "2", (550, 50, 560, 150)),
        # R5 is repealed, R1's purpose is housing of the old law.
        "opphevet": ("RpArealformålOmråde", "3040", "9901_R5", "2", (500, 0, 700, 200)),
        "gammel": ("RbFormålOmråde", "110", "9901_R1", "2", (150, 0, 250, 50)),
    }
    formaal = frame(
        [
            {"formaal_id": i, "objekttype": t, "kode": k, "plan_id": p, "vertikalnivaa": v}
            for i, (t, k, p, v, _) in rows.items()
        ],
        [r[-1] for r in rows.values()],
    )
    both = run(dataclasses.replace(core(), formaal=formaal), rules=on)
    second = both.omraader[both.omraader["differanse"] == "ikke bolig i plan"]
    # The park without the strip whose code nobody knows: 50 × 100.
    assert list(second["areal_m2"]) == pytest.approx([5_000])
    lots = both.tomter[both.tomter["differanse"] == "ikke bolig i plan"]
    # x 560–600 lies on t4; t5 is x 600–610: 10 × 100 = 1,000.
    assert dict(zip(lots["teig_id"], lots["areal_m2"], strict=True)) == pytest.approx({"t4": 4_000, "t5": 1_000})
    first = both.tomter[both.tomter["differanse"] == "uregulert"]
    assert list(first["areal_m2"]) == pytest.approx(list(run().tomter["areal_m2"]))
    overlap = shapely.intersection(
        shapely.union_all(first.geometry.to_numpy()), shapely.union_all(lots.geometry.to_numpy())
    )
    assert overlap.area == pytest.approx(0, abs=1e-6)
    step = both.accounts.step("reguleringsformål")
    assert step.utelatt["ukjent formål"].ider == ("ukjent",)
    assert step.utelatt["plan ikke vedtatt, eller ikke på bakken"].antall == 2


# --- what must not happen ---


def test_a_lot_that_comes_back_has_its_core_again(land):
    gone = run(with_plan("R8", (1500, 0, 1600, 100)), before=land)
    assert (gone.tomter.set_index("tomt_id").loc[lot(land, "t9"), "tilstand"]) == "borte"
    back = run(before=gone)
    assert list(back.tomter["kjerne_m2"]) == list(land.tomter["kjerne_m2"])
    assert list(back.kjerner["tomt_id"]) == list(land.kjerner["tomt_id"])


@pytest.mark.parametrize("written", [pytest.param(n, marks=() if n in {0, 3} else pytest.mark.long) for n in range(5)])
def test_a_run_that_stops_between_two_files_is_made_good_by_the_next(
    land, given, direct, tmp_path, written, monkeypatch
):
    geodata = Geodata(tmp_path)
    write_land(land, geodata, KOMMUNE)
    left = iter(range(written))

    def stops(*args, real=geodata.write, **options):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(geodata, "write", stops)
    with contextlib.suppress(KeyboardInterrupt):
        write_land(run(given, forrige=read_forrige(geodata, KOMMUNE)), geodata, KOMMUNE)
    monkeypatch.undo()
    after = run(given, forrige=read_forrige(geodata, KOMMUNE))
    for name in ("omraader", "tomter", "kjerner"):
        pd.testing.assert_frame_equal(
            pd.DataFrame(getattr(after, name)), pd.DataFrame(getattr(direct, name)), check_dtype=False
        )
    assert replay(after.hendelser)["areal_m2"].to_list() == replay(direct.hendelser)["areal_m2"].to_list()


@pytest.mark.parametrize("noun", ["tomter", "omraader"])
def test_ids_that_only_the_ledger_knows_stop_the_run(land, noun):
    forrige = land.as_forrige(epsg=KOMMUNE.epsg)
    for left in (None, getattr(land, noun).iloc[:3]):
        with pytest.raises(IdentityError, match=rf"the ledger tells of \d {noun} .* Bring back out/{noun}"):
            run(forrige=dataclasses.replace(forrige, **{noun: left}))


def test_the_account_of_the_cores_is_of_all_lots(land):
    steps = [run(before=land).accounts.step("kjerner"), land.accounts.step("kjerner")]
    assert [(s.inn, s.ut, s.merknader["areal_m2"]) for s in steps] == [
        (8, 8, pytest.approx(land.kjerner["areal_m2"].sum(), abs=0.1))
    ] * 2
    assert steps[0].merknader["som før"] == 8


def test_polygons_that_projecting_breaks_are_mended_and_old_broken_ones_met():
    # A spike 2 mm wide: in another zone its sides cross.
    broken = shapely.Polygon([(0, 0), (50, 0), (50, 50), (25, 50), (25, 90), (25, 50), (0, 50)])
    assert not broken.is_valid
    rows = gpd.GeoDataFrame(
        {"tomt_id": ["9901-000001"], "tilstand": ["aktiv"], "teig_id": ["t"], "aarsak": [None]},
        geometry=[broken],
        crs=25833,
    )
    new = rows.assign(geometry=[place(0, 0, 50, 45)]).drop(columns=["tilstand", "aarsak"])
    new = new.set_geometry([shapely.box(0, 0, 50, 45)], crs=25833)
    ids = carry_ids(new, rows, id_column="tomt_id", id_format="9901-{:06d}", group_column="teig_id", min_iou=0.5)
    assert list(ids) == ["9901-000001"]
    other = new.assign(tomt_id="9901-000002")
    told = with_gone(other, rows, id_column="tomt_id", aarsak="borte", sammen="Slått sammen med {}")
    assert told.set_index("tomt_id").loc["9901-000001", "aarsak"] == "Slått sammen med 9901-000002"


def test_the_second_class_names_the_plan_that_it_lies_in():
    rules = regler()
    on = rules.model_copy(update={"differanse": rules.differanse.model_copy(update={"ikke_bolig_i_plan": True})})
    row = {"objekttype": "RpArealformålOmråde", "kode": "3040", "plan_id": "9901_R4", "vertikalnivaa": "2"}
    formaal = frame([{"formaal_id": "park", **row}], [(550, 50, 650, 150)])
    both = run(dataclasses.replace(core(), formaal=formaal), rules=on)
    second = both.omraader[both.omraader["differanse"] == "ikke bolig i plan"]
    # The park is all of R4: 10,000 of C's 40,000.
    assert list(second["areal_m2"]) == pytest.approx([10_000])
    assert list(second["andel_regulert"]) == [0.25]
    assert list(second["reguleringsplaner"]) == [["9901_R4"]]


def test_a_plan_that_takes_a_lot_for_a_park_moves_it_to_the_second_class(land):
    rules = regler()
    on = rules.model_copy(update={"differanse": rules.differanse.model_copy(update={"ikke_bolig_i_plan": True})})
    row = {"objekttype": "RpArealformålOmråde", "kode": "3040", "plan_id": "9901_R8", "vertikalnivaa": "2"}
    formaal = frame([{"formaal_id": "park", **row}], [(1650, 0, 1700, 100)])
    before = run(dataclasses.replace(core(), formaal=formaal), rules=on)
    given = dataclasses.replace(with_plan("R8", (1650, 0, 1700, 100)), formaal=formaal)  # all of G, so all of t10
    after = run(given, before=before, rules=on)
    park = lot(after, "t10")
    assert park == lot(land, "t10")
    assert news(after, before) == {park: ("omklassifisert", "plan vedtatt", ("9901_R8",), 5_000, 5_000)}
    # Another purpose, and it is gone: the plan has not changed.
    homes = dataclasses.replace(given, formaal=formaal.assign(kode="1110"))
    assert news(run(homes, before=after, rules=on), after)[park][:3] == ("borte", "formål endret", ("park",))

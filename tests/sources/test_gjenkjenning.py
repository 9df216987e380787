"""Which object types a layer holds, by the names that services and files have in life."""

from __future__ import annotations

import doctest
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.sources import gjenkjenning, sosi
from tasks.sources.gjenkjenning import recognise

KF, KB, RF, RB = "KpArealformålOmråde", "KpArealbrukOmråde", "RpArealformålOmråde", "RbFormålOmråde"
PLAN = ["PLANID", "PLANNAVN", "PLANSTAT", "PLANTYPE"]


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(gjenkjenning).failed == 0


@pytest.mark.parametrize(
    ("layer", "columns", "types", "at_least"),
    [
        # by the type in the name
        ("KpOmråde", [], ("KpOmråde",), 0.9),
        ("app:RpOmråde", [], ("RpOmråde",), 0.9),
        ("kparealformalomrade", ["arealformål"], (KF,), 0.9),
        ("kparealformalomrade_mv", ["arealformål"], (KF,), 0.9),
        ("reguleringsplaner_rparealformalomrade_omrade_vn2", ["arealformål"], (RF,), 0.9),
        ("RbForm?lOmr?de", ["REGFORM"], (RB,), 0.9),
        ("KpArealformålOmråde_2018", ["KPAREALFORMAL", "AREALST"], (KF,), 0.9),
        ("KpDetaljeringSone", [], ("KpDetaljeringSone",), 0.9),
        # municipal services
        ("KPA2018/KPA_2018_Arealformål", ["KPAREALFORMAL", "AREALST", "PLANID"], (KF,), 0.8),
        ("Plan/Reguleringsplaner_på_grunnen", PLAN, ("RpOmråde",), 0.8),
        ("Plan/Reguleringsplaner_på_grunnen", ["REGFORM", "PLANID"], (RB,), 0.8),
        ("KommuneplanVedtatt21092023", ["KPAREALFOR", "NASJONAL00"], (KF,), 0.8),
        ("KommuneplanVedtatt21092023", ["OPLAREAL", "PLANID"], (KB,), 0.8),
        ("KommuneplanVedtatt21092023", PLAN, ("KpOmråde",), 0.8),
        ("Stavanger/Reguleringsplan", PLAN, ("RpOmråde",), 0.8),
        ("Reguleringsplan", ["arealformål", "feltnavn", "PLANID"], (RF,), 0.8),
        ("Reguleringsplan Planområde", PLAN, ("RpOmråde",), 0.8),
        ("Kommuneplan/Reguleringsplaner", ["PLANID", "PLANNAVN"], ("RpOmråde",), 0.7),
        ("Plangrense KDP", PLAN, ("KpOmråde",), 0.8),
        ("lag 12", ["KPAREALFORMAL", "OPLAREAL"], (KF, KB), 0.8),
        ("lag 12", ["KPFARE", "PLANID"], ("KpFareSone",), 0.7),
        # papers
        ("kommuneplaner_arealbruk", ["sonetype", "kommunenummer"], (KF,), 0.7),
        ("KP_arealformal", ["arealformal", "planstatus"], (KF,), 0.7),
        ("RP_gjeldende", ["planid", "planstatus"], ("RpOmråde",), 0.6),
        ("Arealformal", ["arealformal", "AREALST"], (KF,), 0.7),
        ("Arealformal", ["arealformal", "VERTNIV"], (RF,), 0.7),
    ],
)
def test_layers_by_name_and_columns(layer: str, columns: list[str], types: tuple[str, ...], at_least: float) -> None:
    found = recognise(layer, columns)
    assert found is not None
    assert found.objekttyper == types
    assert at_least <= found.tillit <= 1
    assert found.grunn


@pytest.mark.parametrize(
    ("layer", "types"),
    [
        ("Regulert_omrade", ("RpOmråde",)),
        ("Planomrade", ("KpOmråde", "RpOmråde")),
        ("Arealformal", (KF, KB, RF, RB)),
        ("Kommunedelplan arealformål", (KF, KB)),
        ("KommuneplanVedtatt21092023", ("KpOmråde", KF)),
        ("Reguleringsplan", ("RpOmråde",)),
    ],
)
def test_a_name_alone_is_never_sure(layer: str, types: tuple[str, ...]) -> None:
    found = recognise(layer, [])
    assert found is not None
    assert found.objekttyper == types
    assert found.tillit < 0.5
    # a layer whose columns are known and tell nothing is not believed for its name
    assert recognise(layer, ["OBJECTID", "SHAPE"]) is None


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        ("Reguleringsplanforslag", "forslag er ikke vedtatt"),
        ("Kommuneplan på høring 2026", "høring"),
        ("Reguleringsplaner under arbeid", "under arbeid"),
        ("Planlegging igangsatt", "igangsatt"),
        ("Opphevede reguleringsplaner", "opphevede"),
        ("Kommuneplan 2011 (utgått)", "utgåtte"),
        ("Kommuneplan illustrasjon", "illustrasjoner"),
        ("Hensynssoner KPA", "hensynssoner"),
        ("KpAngitthensyn_landskap_2018", "hensynssoner"),
        ("Juridisk linje KP", "linjer"),
        ("RpGrense", "grenselinjer"),
        ("KpBestemmelseOmråde", "bestemmelsesområder"),
        ("RpPåskrift", "påskrift"),
        ("Reguleringsplan raster", "bilde"),
    ],
)
def test_layers_that_are_no_plans_in_force_are_told_apart(layer: str, why: str) -> None:
    for columns in ([], ["PLANID", "PLANNAVN"]):
        found = recognise(layer, columns)
        assert found is not None
        assert (found.objekttyper, found.tillit) == ((), 0.0)
        assert why in found.grunn
        assert layer in found.grunn


def test_tunnels_are_no_ground_unless_the_rows_say_where_they_are() -> None:
    found = recognise("Reguleringsplaner_under_grunnen", PLAN)
    assert found is not None
    assert found.objekttyper == ()
    assert "grunnen" in found.grunn
    known = recognise("Reguleringsplaner_under_grunnen", [*PLAN, "VERTNIV"])
    assert known is not None
    assert known.objekttyper == ("RpOmråde",)
    assert recognise("reguleringsplaner_rpomrade_vn1", PLAN).objekttyper == ()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("layer", "columns"),
    [("Veg", ["navn"]), ("", []), ("Kommune", ["kommunenummer", "navn"]), ("FKB_Bygning", ["BYGGTYP_NBR"])],
)
def test_other_layers_are_not_recognised(layer: str, columns: list[str]) -> None:
    assert recognise(layer, columns) is None


def test_land_use_that_is_no_plan_is_not_trusted() -> None:
    found = recognise("Arealbruk SSB", ["arealbruk"])
    assert found is not None
    assert found.tillit < 0.5


# --- samples ---


def found_in(layer: str, **sample: Any) -> tuple[tuple[str, ...], float, str]:
    found = recognise(layer, list(sample), sample=sample)
    assert found is not None
    return found.objekttyper, found.tillit, found.grunn


def test_the_rows_know_best() -> None:
    types, tillit, grunn = found_in(
        "lag1", OBJTYPE=["KpArealform?lOmr?de", "KpArealbrukOmråde", None], KPAREALFOR=["0"]
    )
    assert set(types) == {KF, KB}
    assert tillit > 0.9
    assert "OBJTYPE" in grunn
    assert found_in("Kommuneplan", OBJTYPE=["KpGrense"], PLANID=["1"])[0] == ()
    # a layer called after proposals that holds only what its rows say
    assert found_in("Planforslag vedtatt", OBJTYPE=["RpOmråde"], PLANSTAT=["3"])[0] == ("RpOmråde",)


def test_codes_of_the_finer_list_tell_a_reguleringsplan() -> None:
    assert found_in("x", arealformål=["1110", "1111", "2012"])[0] == (RF,)
    assert found_in("x", arealformål=["1110", "5100", "2010", "3001"])[0] == (KF,)
    assert set(found_in("x", arealformål=["1110"])[0]) == {KF, RF}


def test_types_of_plans_tell_the_kind_of_extent() -> None:
    assert found_in("Planomrade", planid=["1", "2"], plantype=["20", "21"])[0] == ("KpOmråde",)
    assert found_in("Planomrade", planid=["1", "2"], plantype=["Detaljregulering", "30"])[0] == ("RpOmråde",)
    assert set(found_in("Planomrade", planid=["1", "2"], plantype=["20", "35"])[0]) == {"KpOmråde", "RpOmråde"}


def test_values_without_sense_cost_trust() -> None:
    _, sure, _ = found_in("KPA", KPAREALFORMAL=["1110"], PLANID=["1"])
    _, unsure, grunn = found_in("KPA", KPAREALFORMAL=["gul", "blå"], PLANID=["1"])
    assert unsure < 0.5 < sure
    assert "gul" in grunn
    _, tillit, grunn = found_in("RpOmråde", planstatus=["1", "2"])
    assert tillit < 0.5
    assert "planstatus" in grunn
    assert found_in("RpOmråde", planstatus=["2", "3"])[1] > 0.9


TEXT = st.text(max_size=30)


@settings(deadline=None, max_examples=60)
@given(TEXT, st.lists(TEXT, max_size=5), st.dictionaries(TEXT, st.lists(TEXT, max_size=3), max_size=3))
def test_hostile_layers_never_raise(layer: str, columns: list[str], sample: dict[str, list[str]]) -> None:
    found = recognise(layer, columns, sample=sample)
    assert found is None or set(found.objekttyper) <= set(sosi.OBJEKTTYPER)

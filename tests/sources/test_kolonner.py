"""Columns of any source → standardised frames, by worked examples in the spellings that occur."""

from __future__ import annotations

import doctest
from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import pytest
import shapely

from config.kilder import Kilde
from tasks.account import Account
from tasks.contracts import REGULERINGSFORMAAL, SONER
from tasks.errors import SourceError
from tasks.sources import flat, formaal, plan, sosi
from tasks.sources.kolonner import COLUMNS, standardise
from tasks.sources.numre import Numre

KP = ("KpOmråde", "KpArealformålOmråde", "KpArealbrukOmråde")
RP = ("RpOmråde",)
RF = ("RpArealformålOmråde", "RbFormålOmråde")
NUMRE = Numre("0301", frozenset({"0301"}), {})


def kilde(tema: Any = "kommuneplan", lag: Any = KP, **more: Any) -> Kilde:
    fixed = {"navn": "prove", "tema": tema, "protokoll": "innboks", "lag": lag, "lisens": "oppdiktet"}
    return Kilde.model_validate(fixed | more)


def rows(
    columns: Mapping[str, Sequence[Any]], source: Kilde | None = None
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Standardise columns and return what is set in each row, and what was noted."""
    frame, account = read(columns, source)
    records = frame.drop(columns="geometry").to_dict("records")
    return [{k: v for k, v in r.items() if v is not None} for r in records], account.merknader


def read(columns: Mapping[str, Sequence[Any]], source: Kilde | None = None) -> tuple[gpd.GeoDataFrame, Account]:
    number = len(next(iter(columns.values())))
    shapes = [shapely.box(100 * i, 0, 100 * i + 100, 100) for i in range(number)]
    account = Account("prove")
    frame = standardise(gpd.GeoDataFrame(dict(columns), geometry=shapes, crs=25833), source or kilde(), account)
    assert list(frame.columns) == [*COLUMNS, "geometry"]
    assert frame.crs.to_epsg() == 25833
    return frame, account


ZONE = {
    "objekttypenavn": "KpArealformålOmråde",
    "arealplanId.kommunenummer": "0301",
    "arealplanId.planidentifikasjon": "0112",
    "arealformål": "1110",
    "arealbruksstatus": "2",
    "områdenavn": "B1",
}
WRITTEN = {
    "NAP": {
        "objekttypenavn": "KpArealformålOmråde",
        "arealplanId.kommunenummer": "0301",
        "arealplanId.planidentifikasjon": "0112",
        "arealformål": "1110",
        "arealbruksstatus": "2",
        "områdenavn": "B1 ",
    },
    "GML with its types": {
        "objekttypenavn": "KpArealformålOmråde",
        "nasjonalArealplanId.NasjonalArealplanId.administrativEnhet.AdministrativEnhetskode.kommunenummer": "0301",
        "nasjonalArealplanId|NasjonalArealplanId|planidentifikasjon": "0112",
        "app:arealformål": "1110",
        "arealbruksstatus": "2",
        "områdenavn": "B1",
    },
    "SOSI": {
        "OBJTYPE": "KpArealformålOmråde",
        "NASJONALAREALPLANID/KOMM": "301",
        "NASJONALAREALPLANID/PLANID": "0112",
        "KPAREALFORMÅL": "1110",
        "AREALST": "2",
        "OMRNAVN": "B1",
    },
    "shapefile, FME": {
        "OBJTYPE": "KpArealform?lOmr?de",
        "NASJONALAR": "301.0",
        "NASJONAL00": "0112",
        "KPAREALFOR": "1110.0",
        "AREALST": "2.0",
        "OMRNAVN": "B1",
    },
    "shapefile, GDAL": {
        "OBJEKTTYPE": "KPAREALFORMALOMRADE",
        "AREALPLANI": "0301",
        "AREALPLA_1": "NO",
        "AREALPLA_2": "0112",
        "AREALFORM": "1110",
        "AREALBRUKS": "2",
        "OMR?DENAVN": "B1",
    },
    "ArcGIS": {
        "OBJECTID": 7,
        "OBJTYPE": "KpArealformålOmråde",
        "KOMM": 301.0,
        "PLANID": "0112",
        "KPAREALFORMAL": 1110,
        "AREALST": "Framtidig",
        "OMRNAVN": "B1",
        "SHAPE.STArea()": 10_000.0,
    },
    "ArcGIS, joined tables": {
        "objekttypenavn": "KpArealformålOmråde",
        "sde.DBO.KPA.KOMM": "0301",
        "sde.DBO.KPA.PLANID": "0112",
        "sde.DBO.KPA.KPAREALFORMAL": "1110 - Boligbebyggelse",
        "sde.DBO.KPA.AREALST": "2 - Framtidig",
        "sde.DBO.KPA.OMRNAVN": "B1",
    },
    "papers": {
        "objekttypenavn": "KpArealformålOmråde",
        "kommunenummer": "0301",
        "planidentifikasjon": "0112",
        "sonetype": "1110",
        "arealstatus": "fremtidig",
        "omr_navn": "B1",
    },
    "wrong encoding": {
        "objekttypenavn": "KpArealformÃ¥lOmrÃ¥de",
        "kommunenummer": "0301",
        "planid": "0112",
        "arealformÃ¥l": "1110",
        "arealbruksstatus": "2",
        "omrÃ¥denavn": "B1",
    },
}


@pytest.mark.parametrize("how", WRITTEN)
def test_one_zone_in_every_spelling(how: str) -> None:
    found, noted = rows({k: [v] for k, v in WRITTEN[how].items()})
    assert found == [ZONE]
    assert noted == {}


def test_a_plan_in_short_and_cut_names() -> None:
    wanted = {
        "objekttypenavn": "RpOmråde",
        "arealplanId.planidentifikasjon": "6170063",
        "planstatus": "3",
        "plantype": "35",
        "vertikalnivå": "2",
        "plannavn": "Sentrum",
        "vedtakEndeligPlanDato": "2010-06-15",
        "ikrafttredelsesdato": "2010-07-01",
        "link": "https://www.a.no",
    }
    short = {
        "PLANID": [6170063],
        "PLANSTAT": ["3 - Endelig vedtatt arealplan"],
        "PLANTYPE": ["Detaljregulering "],
        "VERTNIV": ["på grunnen"],
        "PLANNAVN": ["Sentrum "],
        "VEDTAKENDE": ["20100615.0"],
        "IKRAFT": ["1277935200000"],
        "URL": ["www.a.no"],
    }
    assert rows(short, kilde("reguleringsplan", RP)) == ([wanted], {})


def test_a_mixed_layer_of_purposes() -> None:
    found, noted = rows(
        {
            "OBJTYPE": ["RpArealform?lOmr?de", "RbForm?lOmr?de", "RpGrense", None, None],
            "RPAREALFOR": ["1110", "0", "0", "0", "1130"],
            "REGFORM": ["0", "110", " ", "130.0", "110"],
            "PLANID": list("abcde"),
        },
        kilde("reguleringsformaal", RF),
    )
    assert [(r.get("objekttypenavn"), r.get("arealformål"), r.get("reguleringsformål")) for r in found] == [
        ("RpArealformålOmråde", "1110", None),
        ("RbFormålOmråde", None, "110"),
        ("RpGrense", None, None),
        ("RbFormålOmråde", None, "130"),
        (None, None, None),  # two codes and no type: no guess
    ]
    assert noted == {"ukjent objekttype": 1}


def test_a_layer_named_after_one_generation_holds_both() -> None:
    columns = {
        "objekttypenavn": ["KpArealformålOmråde"] * 3,
        "KPAREALFORMAL": ["1110", "0", None],
        "OPLAREAL": ["0", "110", "0"],
    }
    found, _ = rows(columns)
    assert [r["objekttypenavn"] for r in found] == ["KpArealformålOmråde", "KpArealbrukOmråde", "KpArealformålOmråde"]
    assert [(r.get("arealformål"), r.get("arealbruk")) for r in found] == [("1110", None), (None, "110"), (None, None)]


def test_the_code_of_another_list_is_never_read() -> None:
    columns = {"OBJTYPE": ["RpArealformålOmråde"], "KPAREALFORMAL": ["1110"], "REGFORM": ["110"]}
    found, _ = rows(columns, kilde("reguleringsformaal", RF))
    assert found == [{"objekttypenavn": "RpArealformålOmråde"}]


def test_the_one_layer_of_a_source_names_what_says_nothing() -> None:
    source = kilde(lag={"KpArealformålOmråde": "12"})
    assert rows({"KPAREALFORMAL": ["1110"]}, source)[0][0]["objekttypenavn"] == "KpArealformålOmråde"


# --- belief ---


def test_the_first_of_two_names_wins_and_the_difference_is_counted() -> None:
    found, noted = rows(
        {
            "objekttypenavn": ["KpOmråde"] * 4,
            "planid": ["A", "B", "C", "-"],
            "planidentifikasjon": ["A", "X", "", "D"],
        }
    )
    assert [r["arealplanId.planidentifikasjon"] for r in found] == ["A", "X", "C", "D"]
    assert noted == {"ulike verdier for arealplanId.planidentifikasjon": 1}


def test_the_registry_goes_before_every_name_and_stands_alone() -> None:
    columns = {"objekttypenavn": ["KpArealformålOmråde"] * 2, "arealformål": ["1110", "1110"], "NYKODE": ["1130", ""]}
    found, noted = rows(columns, kilde(kolonner={"arealformal": "nykode"}))
    assert [r.get("arealformål") for r in found] == ["1130", None]
    assert noted == {}


def test_a_column_that_the_registry_uses_is_no_habit_of_another_name() -> None:
    columns = {"objekttypenavn": ["KpArealformålOmråde"], "SONETYPE": ["1110"]}
    found, _ = rows(columns, kilde(kolonner={"områdenavn": "SONETYPE"}))
    assert found == [{"objekttypenavn": "KpArealformålOmråde", "områdenavn": "1110"}]


def test_a_column_of_the_registry_must_be_there() -> None:
    columns = {"objekttypenavn": ["KpOmråde"], "PLANID": ["1"]}
    with pytest.raises(
        SourceError, match=r"prove: kolonner says that planstatus stands in 'ST'.*objekttypenavn, PLANID"
    ):
        rows(columns, kilde(kolonner={"planstatus": "ST"}))
    # no zone, so nothing misses its code
    rows(columns, kilde(kolonner={"arealformål": "KODE", "arealbruksstatus": "AS"}))
    with pytest.raises(SourceError, match=r"no attribute is called 'arealfromål'"):
        rows(columns, kilde(kolonner={"arealfromål": "PLANID"}))
    with pytest.raises(SourceError, match=r"no attribute is called 'status'"):
        rows(columns, kilde(faste={"status": "3"}))


def test_names_inside_other_objects_and_cut_names_that_fit_two_are_not_read() -> None:
    columns = {
        "objekttypenavn": ["KpOmråde"],
        "kopidata.kommunenummer": ["9999"],
        "opprinneligplanid": ["gammel"],
        "UTNYTTINGS": ["16"],
        "arealplanId": ["{}"],
    }
    assert rows(columns)[0] == [{"objekttypenavn": "KpOmråde"}]


def test_plan_ids_that_look_like_kommuner() -> None:
    columns = {"objekttypenavn": ["KpOmråde"] * 3, "NASJONAL_1": ["4601"] * 3, "NASJONALAR": ["1001", "1002", "1003"]}
    found, _ = rows(columns)
    assert [r["arealplanId.planidentifikasjon"] for r in found] == ["1001", "1002", "1003"]
    assert {r["arealplanId.kommunenummer"] for r in found} == {"4601"}


# --- values ---


@pytest.mark.parametrize("nothing", [None, "", "-", " ", "<Null>", "0", 0, 0.0, float("nan")])
def test_nothing_is_never_a_key_nor_a_code(nothing: Any) -> None:
    columns = {"objekttypenavn": ["KpArealformålOmråde"], "planid": [nothing], "arealformål": [nothing]}
    assert rows(columns)[0] == [{"objekttypenavn": "KpArealformålOmråde"}]


def test_what_was_destroyed_is_unreadable_and_not_unset() -> None:
    columns = {
        "objekttypenavn": ["KpArealformålOmråde"] * 2,
        "utnytting.utnyttingstall": ["[Ljava.lang.Double;@493a67bb", "30"],
        "ubrukt": ["[Ljava.lang.Double;@493a67bb"] * 2,
    }
    found, noted = rows(columns)
    assert [r.get("utnytting.utnyttingstall") for r in found] == [None, "30"]
    assert noted == {"unlesbar": 1}


def test_fixed_values_fill_only_what_is_missing() -> None:
    source = kilde(faste={"planstatus": "3", "plantype": "20", "arealbruk": "110"})
    found, _ = rows({"objekttypenavn": ["KpOmråde", "KpOmråde"], "PLANSTAT": ["2", ""]}, source)
    assert [r["planstatus"] for r in found] == ["2", "3"]
    assert [r["plantype"] for r in found] == ["20", "20"]
    assert not any("arealbruk" in r for r in found)


def test_letter_labels_become_codes_only_where_the_registry_says_so() -> None:
    columns = {
        "objekttypenavn": ["KpArealformålOmråde"] * 6,
        "arealformål": ["B", "BL", "1130", None, None, "b "],
        "områdenavn": ["x", "B", "B", "b", "B7", "BL"],
    }
    codes = lambda source: [r.get("arealformål") for r in rows(columns, source)[0]]  # noqa: E731
    assert codes(kilde()) == ["B", "BL", "1130", None, None, "b"]
    assert codes(kilde(koder={"B": "1110"})) == ["1110", "BL", "1130", "1110", None, "1110"]
    # BL is Lager: the longest prefix and the whole label go first
    assert codes(kilde(koder={"B*": "1110", "BL*": "1350"})) == ["1110", "1350", "1130", "1110", None, "1110"]
    assert codes(kilde(koder={"B*": "1110", "bl": "1300"}))[1] == "1300"
    _, noted = rows(columns, kilde(koder={"B": "1110"}))
    assert noted == {"bokstavkode oversatt": 3, "formål uten kjent kode": 2}
    assert rows(columns)[1] == {"formål uten kjent kode": 3}


# --- with what reads it ---


def test_standardised_frames_become_contracts() -> None:
    frame, _ = read({k: [v] for k, v in WRITTEN["shapefile, FME"].items()})
    made, _ = plan.soner(frame, NUMRE, manglende_arealstatus="1")
    SONER.check(made)
    assert made.loc[0, ["kode", "arealstatus", "plan_id", "navn"]].to_list() == ["1110", "2", "0301_0112", "B1"]
    purposes, _ = read({"REGFORM": ["110"], "PLANID": ["7"]}, kilde("reguleringsformaal", ("RbFormålOmråde",)))
    done, _ = formaal.reguleringsformaal(purposes, NUMRE, manglende_nivaa="2")
    REGULERINGSFORMAAL.check(done)
    assert done.loc[0, ["objekttype", "kode", "plan_id"]].to_list() == ["RbFormålOmråde", "110", "0301_7"]


def test_no_rows() -> None:
    nothing = flat.concat([], epsg=25833)
    source = kilde(omrade_av_soner=True, kolonner={"arealformål": "X"}, faste={"planstatus": "3"})
    assert standardise(nothing, source, Account("prove")).empty


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(sosi).failed == 0


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("RbForm?lOmr?de", "RbFormålOmråde"),
        ("RbFormlOmrde", "RbFormålOmråde"),
        ("app:KpOmraade", "KpOmråde"),
        ("KPOMRADE", "KpOmråde"),
        ("KpStøySone", "KpStøySone"),
        ("RpGrense", "RpGrense"),
        ("RpP?skrift", "RpP?skrift"),
        ("kpa", None),
        ("Flate", None),
        (None, None),
    ],
)
def test_object_types(written: str | None, read_as: str | None) -> None:
    assert sosi.objekttype(written) == read_as


def test_a_word_that_begins_with_a_letter_label_is_no_label() -> None:
    columns = {
        "objekttypenavn": ["KpArealformålOmråde"] * 7,
        "feltbetegnelse": ["B12a", "b-3", "BL", "BU1", "Barnehage", None, None],
        "områdenavn": [*["x"] * 5, "Bergsåsen friområde", "B7"],
    }
    found, _ = rows(columns, kilde(koder={"B*": "1110"}))
    assert [r.get("arealformål") for r in found] == ["1110", "1110", *[None] * 5]

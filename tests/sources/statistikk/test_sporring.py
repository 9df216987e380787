"""Questions: expressions, what must be chosen, and parts that are disjoint, cover everything and fit."""

from __future__ import annotations

import itertools
import math
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.sources.statistikk.feil import TooManyCellsError, UnknownCodeError, UnknownVariableError
from tasks.sources.statistikk.metadata import Metadata, Variabel
from tasks.sources.statistikk.sporring import MAX_PARTS, Sporring, Valgt, plan

YEARS = ["2021", "2022", "2023", "2024"]


def metadata(**variabler: list[str]) -> Metadata:
    """Return a table whose variables must all be chosen, but Kjonn."""
    return Metadata(
        tabell="06913",
        etikett="Befolkning",
        oppdatert="1",
        variabler={
            name: Variabel("06913", name, name, dict.fromkeys(codes, ""), name == "Kjonn", ("agg_KommSummer",))
            for name, codes in variabler.items()
        },
    )


TABLE = metadata(Region=["0301", "3207", "3218"], Kjonn=["1", "2"], ContentsCode=["Folk"], Tid=YEARS)


def every(table: Metadata, *names: str) -> list[Valgt]:
    return [Valgt(name, tuple(table.variabler[name].koder)) for name in names or ("Region", "ContentsCode", "Tid")]


ALL = every(TABLE)


def one(*utvalg: Valgt, table: Metadata = TABLE) -> Sporring:
    (found,) = plan(utvalg, table, maks_celler=800_000)
    return found


def test_get_and_post_say_the_same():
    asked = one(Valgt("Region", ("K-3207",), "agg_KommSummer"), *ALL[1:])
    assert asked.params() == {
        "lang": "no",
        "outputFormat": "json-stat2",
        "codelist[Region]": "agg_KommSummer",
        "valueCodes[Region]": "K-3207",
        "valueCodes[ContentsCode]": "Folk",
        "valueCodes[Tid]": "2021,2022,2023,2024",
    }
    assert asked.body() == {
        "selection": [
            {"variableCode": "Region", "valueCodes": ["K-3207"], "codelist": "agg_KommSummer"},
            {"variableCode": "ContentsCode", "valueCodes": ["Folk"]},
            {"variableCode": "Tid", "valueCodes": YEARS},
        ]
    }


def test_the_same_question_has_the_same_key_however_it_is_put():
    other = one(Valgt("Tid", ("2022", "2021", "2024", "2023", "2021")), ALL[0], Valgt("ContentsCode", ("Folk",)))
    assert other.nokkel == one(*ALL).nokkel
    assert other.nokkel != one(Valgt("Tid", ("2021",)), *ALL[:2]).nokkel


def test_the_address_counts_as_it_is_sent():
    asked = one(*ALL)
    exact = len("http://x?") + len(
        "lang=no&outputFormat=json-stat2&valueCodes%5BRegion%5D=0301%2C3207%2C3218"
        "&valueCodes%5BContentsCode%5D=Folk&valueCodes%5BTid%5D=2021%2C2022%2C2023%2C2024"
    )
    assert asked.fits_address("http://x", exact)
    assert not asked.fits_address("http://x", exact - 1)


def test_a_code_with_a_comma_is_never_put_into_an_address():
    table = metadata(Region=["a,b", "c"], ContentsCode=["Folk"], Tid=YEARS)
    assert not one(*every(table), table=table).fits_address("http://x", 10_000)
    assert one(Valgt("Region", ("c",)), *ALL[1:], table=table).fits_address("http://x", 10_000)


@pytest.mark.parametrize(
    ("utvalg", "error", "words"),
    [
        ([ALL[0], ALL[2]], UnknownVariableError, "'ContentsCode' (ContentsCode) must be chosen"),
        (ALL[1:], UnknownVariableError, "'Region' (Region) must be chosen"),
        ([*ALL, ALL[0]], UnknownVariableError, "'Region' is chosen twice"),
        ([*ALL, Valgt("Regoin", ("0301",))], UnknownVariableError, "no variable 'Regoin'. It has 'Region'"),
        ([Valgt("Region", ("3270",)), *ALL[1:]], UnknownCodeError, "Region: no code '3270'. It has '3207'"),
        ([Valgt("Region", ("*",)), *ALL[1:]], UnknownCodeError, "no code '*'"),
        ([Valgt("Region", ()), *ALL[1:]], UnknownCodeError, "no code is chosen"),
        ([Valgt("Region", ("K-1",), "agg_Fylker"), *ALL[1:]], UnknownVariableError, "no code list 'agg_Fylker'"),
    ],
)
def test_what_the_table_does_not_have_is_named(utvalg, error, words):
    with pytest.raises(error) as caught:
        plan(utvalg, TABLE, maks_celler=800_000)
    assert words in str(caught.value)
    assert "SSB 06913" in str(caught.value)
    assert "config/statistikk.toml" in str(caught.value)


def test_the_longest_variable_is_split_into_as_few_parts_as_can_be():
    table = metadata(
        Region=[str(n) for n in range(400)], Alder=[str(n) for n in range(106)], ContentsCode=["F"], Tid=YEARS
    )
    everything = every(table, "Region", "Alder", "ContentsCode", "Tid")
    parts = plan(everything, table, maks_celler=60_000)
    assert [len(p.valg[0].koder) for p in parts] == [133, 133, 134]
    assert {len(p.valg[1].koder) for p in parts} == {106}
    with pytest.raises(TooManyCellsError, match="169600 cells would take"):
        plan(everything, table, maks_celler=1_000)


@settings(max_examples=30)
@given(sizes=st.lists(st.integers(1, 12), min_size=2, max_size=4), most=st.integers(1, 400))
def test_parts_are_disjoint_cover_everything_and_fit(sizes, most):
    names = ["Tid", "ContentsCode", "Region", "Kjonn"][: len(sizes)]
    table = metadata(**{name: [f"{name}{n}" for n in range(size)] for name, size in zip(names, sizes, strict=True)})
    try:
        parts = plan(every(table, *names), table, maks_celler=most)
    except TooManyCellsError:
        assert math.prod(sizes) > most * MAX_PARTS / 2 ** len(sizes)
        return
    assert len(parts) <= MAX_PARTS
    cells = [cell for part in parts for cell in itertools.product(*(v.koder for v in part.valg))]
    whole = itertools.product(*(table.variabler[name].koder for name in names))
    assert len(cells) == math.prod(sizes)
    assert set(cells) == set(whole)
    assert all(part.celler <= most for part in parts)
    assert len({part.nokkel for part in parts}) == len(parts)


CODE = st.text(st.characters(exclude_characters=",[]*?", exclude_categories=["Cs"]), min_size=1, max_size=6)


@settings(max_examples=10)
@given(codes=st.lists(CODE, min_size=1, max_size=5, unique=True))
def test_any_code_survives_the_address(codes):
    table = metadata(Region=codes, ContentsCode=["F"], Tid=["1"])
    asked = one(*every(table), table=table)
    query = httpx.URL("http://x/y").copy_merge_params(asked.params()).query.decode()
    assert parse_qs(query, keep_blank_values=True)["valueCodes[Region]"] == [",".join(codes)]

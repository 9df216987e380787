"""Formulas: what filters find over HTTP, and that no text makes the parser do anything but answer or refuse."""

from __future__ import annotations

import operator
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyairtable import formulas
from pyairtable.formulas import match

from tasks.sandbox.airtable.errors import ApiError
from tasks.sandbox.airtable.formula import MAX_CHARACTERS, compile_formula, truth
from tests.sandbox.conftest import answer, names, refusal

NAVN, TALL, ODD = ((lambda record, n=n: record.get(n)) for n in ("fld1", "fld2", "fld3"))
FIELDS = {"Navn": NAVN, "Tall": TALL, "fld1": NAVN, "a}b": ODD, "a\\b": ODD}
compiled = partial(compile_formula, fields=FIELDS, record_id=lambda record: "rec1")


def holds(formula, **cells):
    """Return whether a record of these cells passes, by field id."""
    return truth(compiled(formula)(cells))


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("{Navn}='a'", True),
        ('{Navn}="a"', True),
        ("Navn = 'a'", True),
        ("{fld1}='a'", True),
        ("{Navn}!='a'", False),
        ("{Navn}='A'", False),
        ("{Tall}=5", True),
        ("{Tall}=5.0", True),
        ("{Tall}>4.5", True),
        ("{Tall}>-1", True),
        ("{Tall}<=.5", False),
        ("{Tall}<1e3", True),
        ("'a'<'b'", True),
        ("{Navn}=5", False),
        ("{Navn}!=5", True),
        ("'5'=5", False),
        ("{Navn}<5", False),
        ("{Navn}>=5", False),
        ("'5'&''=5&''", True),
        ("{Navn}&{Tall}='a5'", True),
        ("2.50&'' = '2.5'", True),
        ("AND({Navn}='a',{Tall}=5)", True),
        ("AND({Navn}='a',NOT({Tall}=5))", False),
        ("or({Navn}='b',And(true(),NOT(FALSE())))", True),
        ("OR(AND(NOT(OR({Tall}=1,{Tall}=2)),{Navn}),FALSE())", True),
        ("(({Tall}=5))", True),
        ("RECORD_ID()='rec1'", True),
        ("RECORD_ID()!='rec1'", False),
        ("{Navn}", True),
        ("0", False),
        ("''", False),
        ("BLANK()", False),
        ("1<2=TRUE()", True),
        ("'it\\'s'=\"it's\"", True),
        ("'a\\\\'='a\\\\'", True),
        ("{a\\}b}='x'", True),
        ("{a\\b}='x'", True),
    ],
)
def test_a_formula_over_a_record(formula, expected):
    assert holds(formula, fld1="a", fld2=5, fld3="x") is expected


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("{Navn}=''", True),
        ("{Navn}=BLANK()", True),
        ("BLANK()={Navn}", True),
        ("{Navn}!=''", False),
        ("{Navn}!=BLANK()", False),
        ("{Navn}='a'", False),
        ("{Navn}!='a'", True),
        ("{Tall}=0", True),
        ("{Tall}=FALSE()", True),
        ("{Tall}=BLANK()", True),
        ("{Tall}=''", True),
        ("{Tall}<1", True),
        ("{Tall}>=0", True),
        ("{Tall}<0", False),
        ("{Navn}<'a'", True),
        ("NOT({Tall})", True),
        ("{Tall}&''=''", True),
    ],
)
def test_an_empty_cell_is_blank_text_zero_and_false(formula, expected):
    assert holds(formula) is expected


@pytest.mark.parametrize(
    ("formula", "expected"), [("{Tall}=BLANK()", True), ("{Tall}=''", False), ("{Tall}&''='0'", True)]
)
def test_zero_equals_blank_and_yet_shows(formula, expected):
    assert holds(formula, fld2=0) is expected


@pytest.mark.parametrize(
    "formula",
    [
        " ",
        "{Navn",
        "{}",
        "Navn}",
        "{Navn}=",
        "={Navn}",
        "{Navn}=='a'",
        "'a",
        "\"a'",
        "AND()",
        "AND('a',)",
        "NOT(1,2)",
        "TRUE(1)",
        "(1",
        "1)",
        "1 2",
        "LOWER('a','b')",
        "FROMNOW(TODAY())",
        "LAST_MODIFIED_TIME()",
        "values",
        "__import__('os')",
        "'a'-",
        "{Tall}+*1",
        "; DROP TABLE record",
        "NOT(" * 3000 + "1" + ")" * 2999,
        "(" * 10_000,
        "'" + "x" * MAX_CHARACTERS + "'",
    ],
)
def test_a_bad_formula_is_refused(formula):
    with pytest.raises(ApiError) as caught:
        compiled(formula)
    assert caught.value.status == 422
    assert caught.value.body["error"]["type"] == "INVALID_FILTER_BY_FORMULA"


def test_an_unknown_field_is_named():
    with pytest.raises(ApiError) as caught:
        compiled("{Ukjent}=1")
    wanted = "The formula for filtering records is invalid: Unknown field names: ukjent"
    assert caught.value.body["error"]["message"] == wanted


def test_many_terms_and_parentheses_are_taken():
    assert holds("OR(" + ",".join(f"{{Tall}}={n}" for n in range(1500)) + ")", fld2=1499)
    assert holds("(" * 8000 + "1" + ")" * 8000)
    assert holds("&".join(["'a'"] * 1000) + "!=''")
    assert holds("NOT(" * 1000 + "1" + ")" * 1000)
    assert holds("+".join(["1"] * 2000) + "=2000")
    assert holds("-" * 2000 + "1")


NESTED = {
    "OR": ("OR(", lambda terms: "OR(" + ",OR(".join(terms) + ")" * len(terms)),
    "AND": ("AND(", lambda terms: "AND(" + ",AND(".join(terms) + ")" * len(terms)),
    "XOR": ("XOR(", lambda terms: "XOR(" + ",XOR(".join(terms) + ")" * len(terms)),
}


@settings(max_examples=12, deadline=None)
@given(
    name=st.sampled_from(sorted(NESTED)),
    terms=st.lists(
        st.sampled_from(["{Navn}='a'", "{Navn}='b'", "{Tall}=5", "{Tall}>5", "FALSE()", "1"]), min_size=1, max_size=500
    ),
)
def test_500_terms_give_the_same_flat_and_nested(name, terms):
    begin, nest = NESTED[name]
    assert holds(f"{begin}{','.join(terms)})", fld1="a", fld2=5) is holds(nest(terms), fld1="a", fld2=5)


@pytest.mark.parametrize("wanted", [0, 499, 500])
def test_500_choices_give_the_same_flat_and_nested(wanted):
    flat = "SWITCH({Tall}," + ",".join(f"{n},'v{n}'" for n in range(500)) + ",'none')"
    nested = "".join(f"IF({{Tall}}={n},'v{n}'," for n in range(500)) + "'none'" + ")" * 500
    expected = f"v{wanted}" if wanted < 500 else "none"
    assert compiled(flat)({"fld2": wanted}) == compiled(nested)({"fld2": wanted}) == expected


@settings(max_examples=80, deadline=None)
@given(text=st.one_of(st.text(max_size=60), st.text("{}()'\"\\,&=<>!-.0 1aNOTANDOR", max_size=40)))
def test_any_text_is_answered_or_refused(text):
    try:
        function = compiled(text)
    except ApiError:
        return
    for cells in ({}, {"fld1": "a", "fld2": 5}, {"fld1": "", "fld2": 0}):
        assert truth(function(cells)) in {True, False}


@settings(max_examples=60, deadline=None)
@given(value=st.text(max_size=40), other=st.text(max_size=40))
def test_a_quoted_text_matches_itself_alone(value, other):
    formula = str(match({"Navn": value}))
    assert holds(formula, **({"fld1": value} if value else {}))
    assert holds(formula, fld1=other) is (other == value)


@settings(max_examples=60, deadline=None)
@given(
    left=st.one_of(st.integers(-1000, 1000), st.floats(-1e9, 1e9)),
    right=st.one_of(st.integers(-1000, 1000), st.floats(-1e9, 1e9)),
    sign=st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
)
def test_numbers_compare_as_in_python(left, right, sign):
    compare = {"=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le}
    compare |= {">": operator.gt, ">=": operator.ge}
    assert holds(f"{{Tall}}{sign}{right!r}", fld2=left) is compare[sign](left, right)


# --- over HTTP ---


def test_filters_over_http(tomter, omraader):
    a, b = (omraader.create({"Navn": n})["id"] for n in ("Nes", "Ås"))
    made = tomter.batch_create(
        [
            {"Navn": "1", "Tall": 10, "Klasse": "bolig", "Klar": True, "Område": [a, b], "Merker": ["A"]},
            {"Navn": "2", "Tall": 20, "Område": [b], "Dato": "2026-01-02"},
            {"Navn": "3"},
        ]
    )
    cases = {
        "{Klasse}='bolig'": ["1"],
        "{Klar}": ["1"],
        "{Klar}=FALSE()": ["2", "3"],
        "{Område}='Nes, Ås'": ["1"],
        "{Område}='Ås'": ["2"],
        "{Område}=''": ["3"],
        "{Merker}='A'": ["1"],
        "{Dato}='2026-01-02'": [],
        "IS_SAME({Dato},'2026-01-02')": ["2"],
        "{Dato}<TODAY()": ["2"],
        "{Dato}<'2026-01-03'": ["2"],
        "AND({Tall}>=10,{Tall}<20)": ["1"],
        "{Notat / åpen {x\\}}=BLANK()": ["1", "2", "3"],
        f"OR(RECORD_ID()='{made[2]['id']}',{{Navn}}='1')": ["1", "3"],
    }
    for formula, expected in cases.items():
        assert names(tomter.all(formula=formula)) == expected, formula
    assert names(tomter.all(formula=match({"Klar": True, "Tall": (">", 5)}))) == ["1"]
    assert names(
        tomter.all(formula=formulas.OR(*[formulas.EQ(formulas.Field("Navn"), str(n)) for n in range(500)]))
    ) == ["1", "2", "3"]


def test_what_the_sync_asks_finds_what_it_should(tomter, base):
    made = tomter.batch_create([{"Navn": f"3207-{n:06}", "Tall": n, "Klasse": "bolig"} for n in range(60)])
    empty = tomter.create({"Tall": 1})["id"]
    ids = [r["id"] for r in made]
    navn = base.schema().table("Tomter").field("Navn").id

    def found(formula):
        return [r["id"] for r in tomter.all(formula=formula)]

    some = [f"3207-{n:06}" for n in range(0, 100, 2)]
    assert found("{Navn}='3207-000007'") == found(f"{{{navn}}}='3207-000007'") == ids[7:8]
    assert found("OR(" + ",".join(f"{{Navn}}='{s}'" for s in some) + ")") == ids[::2]
    assert found("OR(" + ",".join(f"RECORD_ID()='{i}'" for i in reversed(ids[5:55])) + ")") == ids[5:55]
    assert found(f"OR({{Navn}}='3207-000001',RECORD_ID()='{ids[3]}',{{{navn}}}='3207-000002',{{Tall}}>58)") == [
        ids[1], ids[2], ids[3], ids[59],
    ]  # fmt: skip
    assert found("AND({Navn}='3207-000007',{Klasse}='bolig')") == ids[7:8]
    assert found("AND({Navn}='3207-000007',{Klasse}='annet')") == []
    assert found("AND({Tall}=1,OR({Navn}='',{Navn}='x'))") == found("{Navn}=''") == [empty]
    assert found(f"RECORD_ID()='{empty}'") == [empty]
    assert found("NOT(OR({Navn}='',{Klasse}='bolig'))") == []


@pytest.mark.parametrize(
    "value", ["x' OR '1'='1", "'", "\\", "\\'", "a\\", "') OR TRUE() OR ('", '"', "{Navn}", "æ\nø\tå", "}", "\\n"]
)
def test_a_hostile_value_finds_itself_alone(tomter, value):
    tomter.batch_create([{"Navn": value}, {"Navn": "annet"}])
    assert names(tomter.all(formula=match({"Navn": value}))) == [value]


def test_a_refused_formula_over_http(web, base, tomter):
    status, kind, message = refusal(lambda: tomter.all(formula="{Navn"))
    assert (status, kind) == (422, "INVALID_FILTER_BY_FORMULA")
    assert message == "The formula for filtering records is invalid: Invalid formula. Please check your formula text."
    long = {"filterByFormula": "'" + "x" * 17_000 + "'"}
    assert answer(web.post(f"/v0/{base.id}/Tomter/listRecords", json=long))[1] == "INVALID_FILTER_BY_FORMULA"

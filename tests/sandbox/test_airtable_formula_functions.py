"""Each function of the formula language, worked by hand: values, blanks, errors, and what would do harm."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime

import pytest

from config.formel import FUNCTIONS as KNOWN
from tasks.sandbox.airtable.errors import ApiError
from tasks.sandbox.airtable.formula import ERROR, Shape, Source, compile_formula
from tasks.sandbox.airtable.formula.program import FUNCTIONS
from tasks.sandbox.airtable.formula.value import _moment_of, compare_dated, moment_of

NOW = datetime(2026, 3, 15, 13, 30, 5, 250_000, tzinfo=UTC)
VALUES = {
    "T": "Åsen 12",
    "N": 7,
    "Z": 0,
    "Blank": None,
    "Day": datetime(2026, 1, 31, tzinfo=UTC),
    "Later": datetime(2026, 3, 1, 6, tzinfo=UTC),
    "Words": ["b", "a", None, "b", ""],
    "Numbers": [3, None, 10, 2.5],
    "Days": [datetime(2026, 1, 1, tzinfo=UTC), None, datetime(2025, 1, 1, tzinfo=UTC)],
    "One": ["x"],
    "None": [],
    "Bad": ERROR,
}
SHAPES = {"Day": Shape("date"), "Words": Shape("list", "text"), "Days": Shape("list", "date")}


def compiled(formula):
    fields = {n: Source(lambda record, n=n: VALUES[n], SHAPES.get(n, Shape("any"))) for n in VALUES}
    return compile_formula(
        formula,
        fields,
        record_id=lambda _: "rec1",
        created=lambda _: NOW,
        modified=lambda names: lambda _: VALUES["Later"] if names else NOW,
        now=lambda: NOW,
    )


def value(formula):
    return compiled(formula)({})


def day(*parts):
    return datetime(*parts, tzinfo=UTC)


EXAMPLES = [
    # text
    ("'a'&1&{Blank}&2.5&TRUE()", "a12.51"),
    ("CONCATENATE('a',{Words},1)", "abab1"),
    ("{Words}&''", "b, a, , b, "),
    ("{One}='x'", True),
    ("{None}=''", True),
    ("LOWER({T})&UPPER('æ')", "åsen 12Æ"),
    ("LEN({T})", 7),
    ("LEN({Blank})", 0),
    ("LEFT({T},4)&'|'&RIGHT({T},2)&'|'&MID({T},2,3)", "Åsen|12|sen"),
    ("LEFT({T},-1)&RIGHT({T},0)", ""),
    ("LEFT({T},99)", "Åsen 12"),
    ("TRIM('  a b ')", "a b"),
    ("FIND('s',{T})", 2),
    ("FIND('S',{T})", 0),
    ("FIND('2','1212',3)", 4),
    ("SEARCH('x',{T})", None),
    ("SEARCH('1',{T})", 6),
    ("SUBSTITUTE('a-b-c','-','+')", "a+b+c"),
    ("SUBSTITUTE('a-b-c','-','+',2)", "a-b+c"),
    ("SUBSTITUTE('a-b','-','+',9)", "a-b"),
    ("SUBSTITUTE('ab','','x')", "ab"),
    ("REPLACE('database',2,5,'o')", "dose"),
    ("REPT('ab',3)", "ababab"),
    ("REPT('ab',1000000)", ERROR),
    ("EXACT('a','A')", False),
    ("T(1)", None),
    ("T('1')", "1"),
    ("VALUE('kr 1,234.50')", 1234.5),
    ("VALUE('-3')", -3.0),
    ("VALUE('')", None),
    ("ENCODE_URL_COMPONENT('å b/c~')", "%C3%A5%20b%2Fc~"),
    ("REGEX_MATCH({T},'^Å.*\\\\d+$')", True),
    ("REGEX_EXTRACT({T},'[0-9]+')", "12"),
    ("REGEX_EXTRACT({T},'x')", ERROR),
    ("REGEX_REPLACE('a1b2','([a-z])([0-9])','$2$1')", "1a2b"),
    ("REGEX_MATCH('a','(')", ERROR),
    ("REGEX_MATCH('aa','(a)\\\\1')", ERROR),
    # logic
    ("IF({N}>5,'big','small')", "big"),
    ("IF({Z},1)", None),
    ("IF({Bad},1,2)", ERROR),
    ("IF({N},1,{Bad})", 1.0),
    ("AND({N},{T})", True),
    ("AND({Z},{Bad})", False),
    ("AND({N},{Bad})", ERROR),
    ("OR({N},{Bad})", True),
    ("OR({Bad},{N})", ERROR),
    ("OR({Words})", True),
    ("AND({Words})", False),
    ("NOT({Blank})", True),
    ("XOR(1,1,1)", True),
    ("SWITCH({N},1,'a',7,'b')", "b"),
    ("SWITCH({N},1,'a')", None),
    ("SWITCH({Bad},1,'a','b')", ERROR),
    ("SWITCH({T},'Åsen 12',{N},0)", 7),
    ("ISERROR({N}/0)", True),
    ("ISERROR({Bad})", True),
    ("ISERROR({N})", False),
    ("ERROR()", ERROR),
    ("BLANK()", None),
    ("{Bad}&'a'", ERROR),
    ("{Bad}={Bad}", ERROR),
    # numbers
    ("1+2*3-4/2", 5.0),
    ("-(2)-3", -5.0),
    ("{Blank}+1", 1.0),
    ("7/0", math.inf),
    ("-7/0", -math.inf),
    ("ROUND(2.5)&'|'&ROUND(-2.5)&'|'&ROUND(1.005,2)&'|'&ROUND(1234,-2)", "3|-2|1.01|1200"),
    ("ROUNDUP(-1.1,0)&'|'&ROUNDDOWN(-1.9,0)&'|'&ROUNDUP(1.21,1)", "-2|-1|1.3"),
    ("INT(-1.5)&'|'&ABS(-2)&'|'&EVEN(3.2)&'|'&ODD(-3.2)", "-2|2|4|-5"),
    ("CEILING(7.1,5)&'|'&FLOOR(-7.1)&'|'&FLOOR(0.3,0.1)", "10|-8|0.3"),
    ("MOD(7,3)", 1.0),
    ("POWER(2,10)&'|'&SQRT(16)&'|'&LOG(1000)&'|'&LOG(8,2)&'|'&EXP(0)", "1024|4|3|3|1"),
    ("POWER(10,1000)", math.inf),
    ("EXP(10000)", math.inf),
    ("MAX(1,{Numbers})&'|'&MIN({Numbers},{N})&'|'&SUM({Numbers})&'|'&AVERAGE(1,{Blank},3)", "10|2.5|15.5|2"),
    ("MAX({None})", None),
    ("SUM({None})", 0.0),
    ("MAX({Days})", day(2026, 1, 1)),
    ("MIN({Days})", day(2025, 1, 1)),
    ("COUNT({Words},{Numbers})&'|'&COUNTA({Words})&'|'&COUNTALL({Words})", "3|3|5"),
    # lists
    ("ARRAYJOIN({Words},'/')", "b/a//b/"),
    ("ARRAYJOIN(ARRAYUNIQUE({Words}))", "b, a"),
    ("ARRAYJOIN(ARRAYCOMPACT({Words}),'+')", "b+a+b"),
    ("ARRAYSLICE({Numbers},3)", [10, 2.5]),
    ("ARRAYSLICE({Numbers},1,2)", [3, None]),
    ("ARRAYSLICE({Numbers},-1)", [2.5]),
    ("ARRAYFLATTEN({Numbers})", [3, None, 10, 2.5]),
    # dates
    ("TODAY()", day(2026, 3, 15)),
    ("NOW()", NOW),
    ("DATETIME_DIFF({Later},{Day},'days')", 29),
    ("DATETIME_DIFF({Day},{Later},'days')", -29),
    ("DATETIME_DIFF({Later},{Day},'hours')", 702),
    ("DATETIME_DIFF({Later},{Day})", 702 * 3600),
    ("DATETIME_DIFF({Later},{Day},'nonsense')", 702 * 3_600_000),
    ("DATETIME_DIFF('2026-03-30','2026-01-31','months')", 1),
    ("DATETIME_DIFF('2026-03-31','2026-01-31','M')", 2),
    ("DATETIME_DIFF('2026-01-31','2026-03-30','months')", -1),
    ("DATETIME_DIFF('2028-01-31','2026-01-31','years')", 2),
    ("DATETIME_DIFF('2026-07-31','2026-01-31','quarters')", 2),
    ("DATETIME_DIFF({Blank},{Day},'days')", ERROR),
    ("DATEADD({Day},1,'month')", day(2026, 2, 28)),
    ("DATEADD({Day},-1,'weeks')", day(2026, 1, 24)),
    ("DATEADD({Day},90,'minutes')", day(2026, 1, 31, 1, 30)),
    ("DATEADD({Day},1000000000,'years')", ERROR),
    ("DATEADD({Day},100000000,'days')", ERROR),
    ("IS_AFTER({Later},{Day})", True),
    ("IS_BEFORE({Later},'2026-03-02')", True),
    ("IS_BEFORE({Blank},TODAY())", ERROR),
    ("IS_SAME({Later},'2026-03-01','day')", True),
    ("IS_SAME({Later},'2026-03-01')", False),
    ("IS_SAME('2026-03-14','2026-03-08','week')", True),
    ("IS_SAME('2026-03-15','2026-03-14','week')", False),
    ("{Day}='2026-01-31'", False),
    ("{Day}!='2026-01-31'", True),
    ("{Day}<='2026-01-31'", True),
    ("{Day}>'2026-01-30'", True),
    ("{Day}<'tekst'", False),
    ("{Day}>''", False),
    ("{Day}<{Later}", True),
    ("{Day}=BLANK()", False),
    ("{Blank}<{Day}", False),
    ("{Blank}>={Day}", False),
    ("{Day}!=BLANK()", True),
    ("{Day}='tekst'", False),
    ("DATETIME_PARSE('2026-03-01T06:00:00.000Z')={Later}", True),
    ("DATETIME_PARSE('1 Mar 2026 6:05 pm','D MMM YYYY h:mm a')", day(2026, 3, 1, 18, 5)),
    ("DATETIME_PARSE('20260301','YYYYMMDD')", day(2026, 3, 1)),
    ("DATETIME_PARSE('3/1/2026')", day(2026, 3, 1)),
    ("DATETIME_PARSE('2026-02-30')", ERROR),
    ("DATETIME_PARSE('x','D MMM')", ERROR),
    ("DATETIME_PARSE('2026'&REPT('-',196),'YYYY'&REPT('-',196))", day(2026, 1, 1)),
    ("DATETIME_PARSE('2026'&REPT('-',197),'YYYY'&REPT('-',197))", ERROR),
    ("DATETIME_FORMAT({Later},'dddd Do MMMM YYYY, HH:mm [kl] Q WW')", "Sunday 1st March 2026, 06:00 kl 1 09"),
    ("DATETIME_FORMAT(SET_TIMEZONE({Later},'Europe/Oslo'),'HH:mm Z')", "07:00 +01:00"),
    ("DATETIME_FORMAT({Later},'gg')", ERROR),
    ("SET_TIMEZONE({Later},'Europe/../x')", ERROR),
    ("DATESTR({Later})&' '&TIMESTR({Later})", "2026-03-01 06:00:00"),
    ("YEAR({Day})&'-'&MONTH({Day})&'-'&DAY({Day})", "2026-1-31"),
    ("HOUR(NOW())&':'&MINUTE(NOW())&':'&SECOND(NOW())", "13:30:5"),
    ("WEEKDAY({Later})&WEEKDAY({Later},'Monday')", "06"),
    # the record
    ("RECORD_ID()", "rec1"),
    ("CREATED_TIME()", NOW),
    ("LAST_MODIFIED_TIME()", NOW),
    ("LAST_MODIFIED_TIME({T})", VALUES["Later"]),
]


@pytest.mark.parametrize(("formula", "expected"), EXAMPLES, ids=[f for f, _ in EXAMPLES])
def test_worked_examples(formula, expected):
    found = value(formula)
    assert (type(found) is bool) == (type(expected) is bool)
    assert found == expected


@pytest.mark.parametrize("formula", ["0/0", "{T}*1", "'5'+1", "SQRT(-1)", "MOD(1,0)", "VALUE('1.2.3')", "MAX('a')"])
def test_what_is_no_number(formula):
    assert math.isnan(value(formula))


def test_every_function_that_is_known_is_shown_or_refused():
    shown = " ".join(f for f, _ in EXAMPLES)
    special = {"IF", "AND", "OR", "SWITCH", "ISERROR", "TRUE", "FALSE", "BLANK", "RECORD_ID", "CREATED_TIME"}
    special |= {"LAST_MODIFIED_TIME", "NOW", "TODAY"}
    assert set(FUNCTIONS) | special <= set(KNOWN)
    assert [f for f in FUNCTIONS if f"{f}(" not in shown] == []
    for name in set(KNOWN) - set(FUNCTIONS) - special:
        with pytest.raises(ApiError, match="not known to the local Airtable"):
            compiled(f"{name}({','.join(['1'] * KNOWN[name][0])})")


@pytest.mark.parametrize(
    ("formula", "kind"),
    [
        ("{Day}", "date"),
        ("NOW()", "dateTime"),
        ("TODAY()", "date"),
        ("IF(1,{Day})", "date"),
        ("IF(1,{Day},NOW())", "dateTime"),
        ("IF(1,{Day},'')", "text"),
        ("IF(1,2,3)", "number"),
        ("IF(1,2,'a')", "text"),
        ("SWITCH(1,1,2,3)", "number"),
        ("SWITCH(1,1,'x',3)", "text"),
        ("MAX({Days})", "date"),
        ("MAX(1,2)", "number"),
        ("DATEADD({Day},1,'day')", "date"),
        ("DATEADD(NOW(),1,'day')", "dateTime"),
        ("ARRAYUNIQUE({Words})", "list"),
        ("1=1", "number"),
        ("-1", "number"),
        ("'a'&1", "text"),
        ("AND(1,1)", "number"),
        ("BLANK()", "blank"),
    ],
)
def test_what_a_formula_gives_shows_in_its_text(formula, kind):
    assert compiled(formula).shape.kind == kind


HOSTILE = [
    "ENCODE_URL_COMPONENT(" * 40 + "REPT('€',100000)" + ")" * 40,
    "&".join(["LEN(DATETIME_FORMAT({Later},REPT('LLLL',25000)))"] * 40),
    "&".join(f"ISERROR(DATETIME_PARSE('x',REPT('é',90000)&'{n}'))" for n in range(200)),
    "REGEX_MATCH(REPT('a',100000),'(a+)+$|(a|a)*b|(.*.*.*.*)x')",
    "REGEX_REPLACE(REPT('a',100000),'','" + "b" * 10_000 + "')",
    "SUBSTITUTE(REPT('a',1000000),'a',REPT('b',1000))",
    "&".join(["REPT('a',1000000)"] * 300),
    "ARRAYJOIN({Numbers},REPT('a',1000000))",
    "LEN('a\x00b')",
    "REGEX_MATCH('a\x00b\ud800','\x00')",
    "POWER(9999999,9999999)*POWER(-9,99999)",
    "ROUND(1e300,300)+ROUND(1e-300,-300)",
    "DATETIME_PARSE('" + "1" * 10_000 + "','YYYY')",
    "WEEKDAY({Later},REPT('x',100))",
    "REPT('a',1e308)",
    "MID('a',-1e300,1e300)",
]


@pytest.mark.parametrize("formula", HOSTILE, ids=range(len(HOSTILE)))
def test_what_would_do_harm_is_answered_at_once(formula):
    began = time.process_time()
    value(formula)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "formula",
    [
        "ENCODE_URL_COMPONENT(REPT('€',20000))",
        "DATETIME_FORMAT({Later},REPT('LLLL',25000))",
        "LOWER(REPT('İ',60000))",
        "UPPER(REPT('ß',60000))",
    ],
)
def test_no_function_makes_a_text_that_no_cell_holds(formula):
    assert value(formula) is ERROR


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">="])
def test_a_blank_is_neither_before_nor_after_what_a_date_is_compared_with(sign):
    for other in ("2026-01-31", day(2026, 1, 31), None, ""):
        assert compare_dated(None, sign, other) is compare_dated(other, sign, None) is False
    assert compare_dated(None, sign, ERROR) is ERROR
    assert compare_dated(day(2026, 1, 31), sign, "2026-01-30") is (sign in {">", ">="})


def test_a_long_text_is_not_kept_as_one_that_names_no_moment():
    before = _moment_of.cache_info().currsize
    assert moment_of("x" * 100_000) is None
    assert _moment_of.cache_info().currsize == before

"""The grammar of formulas: what it takes, however deep, and what the guide's formulas are held to beyond it."""

from __future__ import annotations

import pytest

from config.formel import check_formula, fields_of, literal_of, parse, texts_of, tree_of, walk


def test_a_formula_as_deep_as_a_filter_may_be_is_walked():
    deep = tree_of("IF({A},{B}," * 1500 + "'x'" + ")" * 1500)
    assert fields_of(deep) == ["A", "B"]
    assert texts_of(deep) == ("x",)


def test_names_and_texts_stand_for_what_they_say():
    tree = tree_of(r"""{a\}b {c} & 'it\'s\n' & "\"\\" & {æ\d}""")
    assert fields_of(tree) == ["a}b {c", "æ\\d"]
    assert [text for n in walk(tree) if (text := literal_of(n)) is not None] == ["it's\n", '"\\']


@pytest.mark.parametrize("text", ["", "1 2", "{A", "{}", "'a", "AND(", "AND(1,)", "1+", "*1", "a b", "{A}=='x'"])
def test_what_is_no_formula_is_said_to_be_none(text):
    with pytest.raises(ValueError, match="no formula"):
        tree_of(text)


def test_what_people_copy_is_short_and_has_plain_numbers():
    check_formula("{A} * 2.5 - -1", {"A": ()})
    for number in ("1e3", ".5", "5."):
        with pytest.raises(ValueError, match="write it with digits"):
            check_formula(f"{{A}} + {number}", {"A": ()})
    with pytest.raises(ValueError, match="longer than 1000"):
        parse("1+" * 600 + "1")

"""Airtable's formula language: parsed by `config.formel`, compiled to a small stack machine, run per record."""

from tasks.sandbox.airtable.formula.compiler import FILTERING, Source, refuse
from tasks.sandbox.airtable.formula.kinds import Kind, Shape
from tasks.sandbox.airtable.formula.machine import Formula, Reader
from tasks.sandbox.airtable.formula.program import MAX_CHARACTERS, compile_formula
from tasks.sandbox.airtable.formula.value import ERROR, Value, as_text, compare, truth

__all__ = [
    "ERROR",
    "FILTERING",
    "MAX_CHARACTERS",
    "Formula",
    "Kind",
    "Reader",
    "Shape",
    "Source",
    "Value",
    "as_text",
    "compare",
    "compile_formula",
    "refuse",
    "truth",
]

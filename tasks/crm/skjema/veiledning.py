"""The guide: what is made by hand in Airtable, as numbered steps in Markdown; and which of it a base shows.

Names, formulas and operators come from config/airtable.toml, where loading has checked them. What stands in `code`
is typed or chosen exactly so; Airtable's own words stay English, as on its screens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from config.base import BaseRegister, reverse_links
from config.haand import (
    Automatisering,
    Betingelse,
    Deling,
    Filter,
    Formelfelt,
    Grensesnitt,
    Gruppe,
    Rettighet,
    Sortering,
    Visning,
)
from config.haandsjekk import Kolonne, Kolonner

Del = Formelfelt | Visning | Automatisering | Grensesnitt | Rettighet | Deling
"""A manual part."""

FIELD_TYPES = {
    "formula": "Formula",
    "rollup": "Rollup",
    "multipleLookupValues": "Lookup",
    "count": "Count",
    "lastModifiedTime": "Last modified time",
    "lastModifiedBy": "Last modified by",
}
HEAD = """# Det som gjøres for hånd i Airtable

`tomt base setup` lager tabeller og felt. Resten kan ikke lages gjennom Airtables API og gjøres her, i denne
rekkefølgen: et felt som regnes ut, bruker felt fra stegene før. Skriv navnene nøyaktig slik de står. Bare en som er
Owner eller Creator i basen kan gjøre det. `tomt base check` sier etterpå hvilke felt og visninger som mangler: den ser
navn, typer og formler, men ikke filtre, sortering, gruppering eller hvilke felt en visning viser. Automatiseringer,
grensesnitt, rettigheter og deling ser den ikke."""
FIRST = "Før `tomt base setup`"

SORTS = {
    "number": ("*1 → 9* (minste først)", "*9 → 1* (største først)"),
    "date": ("*1 → 9* (eldste først)", "*9 → 1* (nyeste først)"),
    **dict.fromkeys(("select", "selects"), ("*First → Last* (første valg først)", "*Last → First* (siste valg først)")),
    "checkbox": ("*☐ → ☑*", "*☑ → ☐*"),
}
"""Kind of field → how the screen names the two directions of a sort."""
LETTERS = ("*A → Z*", "*Z → A*")


@dataclass(frozen=True)
class Steg:
    """One step: its number, the part it belongs to, its title, and what is done."""

    nummer: int
    avsnitt: str
    tittel: str
    linjer: tuple[str, ...]
    del_: Del


def steps(register: BaseRegister) -> list[Steg]:
    """Return every step, numbered from 1 in the order they are done."""
    columns = register.columns()
    parts: list[tuple[str, str, list[str], Del]]
    parts = [(FIRST, d.hvem, _deling(d), d) for d in register.deling if d.foer_oppsett]
    parts += [
        ("Felt som regnes ut", f"{_code(f.tabell)}: {_code(f.navn)}", _formel(f, register), f) for f in register.formel
    ]
    parts += [("Visninger", f"{_code(v.tabell)}: {_code(v.navn)}", _visning(v, columns), v) for v in register.visning]
    parts += [("Automatiseringer", _code(a.navn), list(_automatisering(a)), a) for a in register.automatisering]
    parts += [("Grensesnitt", _code(g.navn), _grensesnitt(g, register), g) for g in register.grensesnitt]
    parts += [("Rettigheter", _code(r.tabell), _rettighet(r, register), r) for r in register.rettighet]
    parts += [("Deling", d.hvem, _deling(d), d) for d in register.deling if not d.foer_oppsett]
    return [Steg(n, part, title, tuple(lines), of) for n, (part, title, lines, of) in enumerate(parts, start=1)]


def guide(register: BaseRegister) -> str:
    """Return the guide as Markdown."""
    text = [HEAD]
    for part, group in groupby(steps(register), key=lambda s: s.avsnitt):
        text.append(f"## {part}")
        if part in NOTES:
            text.append(NOTES[part])
        for step in group:
            text.append(f"### Steg {step.nummer}. {step.tittel}")
            text.append("\n".join(step.linjer))
    return "\n\n".join(text) + "\n"


NOTES = {
    FIRST: "Setup skriver med denne brukerens token: den må være der først.",
    "Felt som regnes ut": "I tabellen: *+* til høyre for det siste feltet, velg typen, lim inn formelen, *Create "
    "field*.",
    "Visninger": "I tabellen: *Create…* nederst til venstre, velg typen, gi den navnet. Velg *Collaborative* under "
    "*Who can edit*. Tabellens hovedfelt (*primary field*) står alltid først og kan ikke skjules. Andre felt som ikke "
    "er nevnt, skjules under *Hide fields*.",
    "Automatiseringer": "Det som skal skje av seg selv, gjør programmets flyt `oppfolging` hver morgen. Disse to "
    "sparer bare salg for å skrive en dato, og kan utelates. *Automations* → *Create automation*. Prøv hvert steg med "
    "*Test* før den slås på. En utløser som går, er én kjøring (*run*) av de 25 000 i måneden som planen gir.",
    "Grensesnitt": "*Interfaces* → *Start building*.",
    "Rettigheter": "Pilen ved tabellens navn → *Edit table permissions*; pilen ved feltets navn → *Edit field "
    "permissions*. Flere felt merkes sammen med Shift. Krever Team-planen. Saker i Kontroll som ber noen slette en "
    "kopi eller tømme `Tomt-id`, må derfor gjøres av en som er Creator eller Owner.",
    "Deling": "Eiere, kontakter og aktiviteter er personopplysninger: lag ingen åpne delingslenker (*Share* → *Create "
    "a public link*) til basen, visningene eller grensesnittet.",
}


def _deling(share: Deling) -> list[str]:
    return [f"*Share* → *{share.rolle}*. {share.hvorfor}"]


def _formel(felt: Formelfelt, register: BaseRegister) -> list[str]:
    lines = [f"- Type: *{FIELD_TYPES[felt.type]}*"]
    if felt.lenke is not None:
        lines.append(f"- Linked record field: {_code(felt.lenke)}")
    if felt.felt is not None:
        lines.append(f"- Field in the linked table: {_code(felt.felt)}")
    if felt.ser:
        lines.append("- *Specific fields*, bare disse: " + ", ".join(_code(name) for name in felt.ser))
    if felt.filter:
        lines += ["- *Only include linked records that meet certain conditions*:", *_conditions(felt.filter)]
    if felt.formel is not None:
        title = "Formula" if felt.type == "formula" else "Aggregation formula"
        lines += [f"- {title}:", "", "  ```", f"  {felt.formel}", "  ```", ""]
    if felt.desimaler is not None:
        shape = f"*Decimal*, *Precision* `{1:.{felt.desimaler}f}`" if felt.desimaler else "*Integer*"
        lines.append(f"- Formatting: {shape}")
    if felt.gir == "date":
        lines.append("- Formatting: datoformat *ISO*, tidssone `Europe/Oslo`")
    lines.append(f"- Beskrivelse: {felt.betyr}")
    if felt.hovedfelt:
        key = register.table(felt.tabell).felt[0].navn
        lines.append(
            f"- Når feltet er laget: pilen ved tabellens første felt, {_code(key)} → *Change primary field* → velg "
            f"{_code(felt.navn)} → *Change primary field*. {_code(key)} blir stående som et vanlig felt"
        )
    return lines


def _visning(view: Visning, columns: Kolonner) -> list[str]:
    lines = [f"- Type: *{view.type.capitalize()}*", f"- Til hva: {view.hvorfor}"]
    return lines + _shown(view, columns)


def _shown(view: Visning, columns: Kolonner) -> list[str]:
    lines = [f"- *Stacked by*: {_code(view.stabel)}"] if view.stabel is not None else []
    if view.stabel is not None and (cover := next((n for n in view.felt if _is_files(columns[view.tabell][n])), None)):
        lines.append(f"- *Customize cards* → *Cover field*: {_code(cover)}")
    if view.dato is not None:
        lines.append(f"- *Date field*: {_code(view.dato)}")
    if view.filter:
        lines += ["- *Filter* (alle må stemme):", *_conditions(view.filter)]
    for word, sorts in (("Group", view.gruppering), ("Sort", view.sortering)):
        if sorts:
            told = (f"{_code(s.felt)} {direction(s, columns[view.tabell][s.felt].kind)}" for s in sorts)
            lines.append(f"- *{word}*: " + ", ".join(told))
    return [*lines, "- Felt som vises, i rekkefølge: " + ", ".join(_code(f) for f in view.felt)]


def _is_files(column: Kolonne) -> bool:
    return column.kind == "files"


def direction(sort: Sortering, kind: str) -> str:
    """Return the direction of a sort as the screen names it for a kind of field.

    Examples
    --------
    >>> direction(Sortering(felt="Score", retning="synkende"), "number")
    '*9 → 1* (største først)'
    """
    return SORTS.get(kind, LETTERS)[sort.retning == "synkende"]


def _conditions(conditions: Filter, indent: str = "  ") -> Iterator[str]:
    for one in conditions:
        if isinstance(one, Gruppe):
            yield f"{indent}- *Condition group*, én av dem er nok (*Or*):"
            yield from _conditions(one.eller, indent + "  ")
        else:
            yield f"{indent}- {_code(one.felt)} *{one.er}*{_value(one)}"


def _value(condition: Betingelse) -> str:
    """Return the value as it is chosen on the screen."""
    value = condition.verdi
    if value is None:
        return ""
    if isinstance(value, tuple):
        return " " + ", ".join(_code(v) for v in value)
    if isinstance(value, str) and (days := re.fullmatch(r"(the (?:past|next)|)\s?(\d+) days ?(.*)", value)):
        words = " ".join(w for w in (days[1], "number of days", days[3]) if w)
        return f" *{words}*: {days[2]}"
    if value in ("checked", "unchecked"):
        return " ☑" if value == "checked" else " ☐"
    return f" {_code(f'{value:g}' if isinstance(value, float | int) else value)}"


def _automatisering(automation: Automatisering) -> Iterator[str]:
    yield f"- Til hva: {automation.hvorfor}"
    yield "- *Trigger*: *When record matches conditions*"
    yield f"  - *Table*: {_code(automation.utloeser.tabell)}"
    yield "  - *Conditions* (alle må stemme):"
    yield from _conditions(automation.utloeser.filter, "    ")
    for action in automation.handling:
        yield "- *Action*: *Update record*"
        yield f"  - *Table*: {_code(automation.utloeser.tabell)}"
        yield "  - *Record ID*: `{Airtable record ID}` fra utløseren"
        for one in action.sett:
            yield f"  - *Field* {_code(one.felt)}: {_code(one.verdi)}"


def _grensesnitt(interface: Grensesnitt, register: BaseRegister) -> list[str]:
    lines = [f"- Til hva: {interface.hvorfor}"]
    columns = register.columns()
    for page in interface.side:
        lines.append(f"- Side {_code(page.visning)}: *{page.layout}*, tabell {_code(page.tabell)}")
        lines += [f"  {line}" for line in _shown(register.page(page), columns)]
    return lines


def _rettighet(right: Rettighet, register: BaseRegister) -> list[str]:
    lines = [f"- *Who can create records?* *{right.opprette}*", f"- *Who can delete records?* *{right.slette}*"]
    if right.laas is None:
        return lines
    own = [f.navn for f in register.table(right.tabell).felt if f.eier == "pipeline" and f.navn not in right.unntatt]
    others = [m.navn for m in reverse_links(register.tabell).get(right.tabell, []) if m.is_ours]
    names = ", ".join(_code(n) for n in (*own, *others))
    return [*lines, f"- *Who can edit values in this field?* *{right.laas}*, for disse feltene: {names}"]


def _code(text: str) -> str:
    return f"`{text}`"

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
    Handling,
    Rettighet,
    Side,
    Visning,
)

Del = Formelfelt | Visning | Automatisering | Grensesnitt | Rettighet | Deling
"""A manual part."""

FIELD_TYPES = {"formula": "Formula", "rollup": "Rollup", "multipleLookupValues": "Lookup", "count": "Count"}
HEAD = """# Det som gjøres for hånd i Airtable

`tomt base setup` lager tabeller og felt. Resten kan ikke lages gjennom Airtables API og gjøres her, i denne
rekkefølgen: et felt som regnes ut, bruker felt fra stegene før. Skriv navnene nøyaktig slik de står. Bare en som er
Owner eller Creator i basen kan gjøre det. `tomt base check` sier etterpå hvilke felt og visninger som mangler;
automatiseringer, grensesnitt, rettigheter og deling kan den ikke se."""


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
    parts: list[tuple[str, str, list[str], Del]]
    parts = [("Felt som regnes ut", f"{_code(f.tabell)}: {_code(f.navn)}", _formel(f), f) for f in register.formel]
    parts += [("Visninger", f"{_code(v.tabell)}: {_code(v.navn)}", _visning(v), v) for v in register.visning]
    parts += [("Automatiseringer", _code(a.navn), _automatisering(a), a) for a in register.automatisering]
    parts += [("Grensesnitt", _code(g.navn), _grensesnitt(g), g) for g in register.grensesnitt]
    parts += [("Rettigheter", _code(r.tabell), _rettighet(r, register), r) for r in register.rettighet]
    parts += [("Deling", d.hvem, [f"*Share* → *{d.rolle}*. {d.hvorfor}"], d) for d in register.deling]
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
    "Felt som regnes ut": "I tabellen: *+* til høyre for det siste feltet, velg typen, lim inn formelen, *Create "
    "field*.",
    "Visninger": "I tabellen: *Create…* nederst til venstre, velg typen, gi den navnet. Velg *Collaborative* under "
    "*Who can edit*. Felt som ikke er nevnt, skjules under *Hide fields*.",
    "Automatiseringer": "*Automations* → *Create automation*. Ord i krøllparentes settes inn med *+* i tekstfeltet: de "
    "er felt i raden det gjelder. Prøv hvert steg med *Test* før den slås på.",
    "Grensesnitt": "*Interfaces* → *Start building*.",
    "Rettigheter": "Pilen ved tabellens navn → *Edit table permissions*; pilen ved feltets navn → *Edit field "
    "permissions*. Flere felt merkes sammen med Shift. Krever Team-planen.",
    "Deling": "Eiere, kontakter og aktiviteter er personopplysninger: lag ingen åpne delingslenker (*Share* → *Create "
    "a public link*) til basen, visningene eller grensesnittet.",
}


def _formel(felt: Formelfelt) -> list[str]:
    lines = [f"- Type: *{FIELD_TYPES[felt.type]}*"]
    if felt.lenke is not None:
        lines.append(f"- Linked record field: {_code(felt.lenke)}")
    if felt.felt is not None:
        lines.append(f"- Field in the linked table: {_code(felt.felt)}")
    if felt.filter:
        lines += ["- *Only include linked records that meet certain conditions*:", *_conditions(felt.filter)]
    if felt.formel is not None:
        title = "Formula" if felt.type == "formula" else "Aggregation formula"
        lines += [f"- {title}:", "", "  ```", f"  {felt.formel}", "  ```", ""]
    if felt.desimaler is not None:
        lines.append(f"- Formatting: *Decimal* eller *Integer* med {felt.desimaler} desimaler")
    if felt.gir == "date":
        lines.append("- Formatting: datoformat *ISO*, tidssone `Europe/Oslo`")
    return [*lines, f"- Beskrivelse: {felt.betyr}"]


def _visning(view: Visning) -> list[str]:
    lines = [f"- Type: *{view.type.capitalize()}*", f"- Til hva: {view.hvorfor}"]
    if view.stabel is not None:
        lines.append(f"- *Stacked by*: {_code(view.stabel)}")
    if view.dato is not None:
        lines.append(f"- *Date field*: {_code(view.dato)}")
    return lines + _shown(view)


def _shown(page: Visning | Side) -> list[str]:
    lines = ["- *Filter* (alle må stemme):", *_conditions(page.filter)] if page.filter else []
    if page.gruppering:
        lines.append("- *Group*: " + ", ".join(f"{_code(g.felt)} {g.retning}" for g in page.gruppering))
    if page.sortering:
        lines.append("- *Sort*: " + ", ".join(f"{_code(s.felt)} {s.retning}" for s in page.sortering))
    return [*lines, "- Felt som vises, i rekkefølge: " + ", ".join(_code(f) for f in page.felt)]


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


def _automatisering(automation: Automatisering) -> list[str]:
    trigger = automation.utloeser
    lines = [f"- Til hva: {automation.hvorfor}", f"- *Trigger*: *{trigger.type}*"]
    if trigger.tabell is not None:
        lines.append(f"  - *Table*: {_code(trigger.tabell)}")
    if trigger.naar is not None:
        lines.append(f"  - Når: {trigger.naar}")
    if trigger.felt:
        lines.append("  - *Fields*: " + ", ".join(_code(f) for f in trigger.felt))
    if trigger.filter:
        lines += ["  - *Conditions* (alle må stemme):", *_conditions(trigger.filter, "    ")]
    for action in automation.handling:
        lines += _handling(action)
    return lines


def _handling(action: Handling) -> Iterator[str]:
    yield f"- *Action*: *{action.type}*"
    if action.for_hver:
        yield "  - I en *Repeating group* over radene fra steget før (*List of records*)"
    if action.hvis:
        yield "  - I en *Conditional group*, når alle stemmer:"
        yield from _conditions(action.hvis, "    ")
    if action.tabell is not None:
        yield f"  - *Table*: {_code(action.tabell)}"
    if action.type == "Update record":
        yield "  - *Record ID*: `{Airtable record ID}` fra utløseren"
    if action.filter:
        yield "  - *Conditions* (alle må stemme):"
        yield from _conditions(action.filter, "    ")
    for one in action.sett:
        yield f"  - *Field* {_code(one.felt)}: {_code(one.verdi)}"
    for word, text in (("To", action.til), ("Subject", action.emne), ("Message", action.tekst)):
        if text is not None:
            yield f"  - *{word}*: {_code(text)}"


def _grensesnitt(interface: Grensesnitt) -> list[str]:
    lines = [f"- Til hva: {interface.hvorfor}"]
    for page in interface.side:
        lines += _side(page)
    return lines


def _side(page: Side) -> list[str]:
    lines = [f"- Side {_code(page.navn)}: *{page.layout}*, tabell {_code(page.tabell)}"]
    if page.stabel is not None:
        lines.append(f"  - *Stacked by*: {_code(page.stabel)}")
    return lines + [f"  {line}" for line in _shown(page)]


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

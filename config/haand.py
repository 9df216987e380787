"""What is made by hand in Airtable, as data: computed fields, views, automations, interfaces, permissions, sharing.

The Web API can create none of it. Every name, option, operator and formula is checked against the tables when it is
loaded (`config.haandsjekk`), so that a guide with a wrong name cannot be written. What Airtable's own screens say
stands in English here, as it does there.

Sources: Airtable's help pages on rollups, views, automation triggers and actions, interface layouts, field and table
permissions (support.airtable.com, 2024).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from config.registers import Register


class Betingelse(Register):
    """One condition of a filter: the field, the operator as Airtable spells it, the value."""

    felt: str
    er: str
    verdi: str | float | tuple[str, ...] | None = None


class Gruppe(Register):
    """A condition group: one of them is enough."""

    eller: tuple[Betingelse, ...] = Field(min_length=2)


Filter = tuple[Betingelse | Gruppe, ...]


class Formelfelt(Register):
    """A computed field.

    Attributes
    ----------
    gir
        What it shows, which decides how it can be filtered by.
    formel
        Of a formula; of a rollup, over `values`.
    lenke, felt
        The link it follows, and the field of the linked table (not for counts).
    ser
        The fields whose change it tells of (the time or the person of the last change).
    filter
        Which linked records count.
    hovedfelt
        True when people make it the table's primary field: always shown first, and the name of a record in links.
    """

    tabell: str
    navn: str
    type: Literal["formula", "rollup", "multipleLookupValues", "count", "lastModifiedTime", "lastModifiedBy"]
    gir: Literal["text", "number", "date", "list", "person"]
    betyr: str = Field(min_length=1)
    formel: str | None = None
    lenke: str | None = None
    felt: str | None = None
    ser: tuple[str, ...] = ()
    desimaler: int | None = Field(None, ge=0, le=8)
    filter: Filter = ()
    hovedfelt: bool = False


class Sortering(Register):
    """One sort of a view."""

    felt: str
    retning: Literal["stigende", "synkende"] = "stigende"


class Visning(Register):
    """A view; `stabel` is what a kanban stacks by, `dato` what a calendar shows."""

    tabell: str
    navn: str
    type: Literal["grid", "kanban", "calendar", "gallery"] = "grid"
    hvorfor: str
    filter: Filter = ()
    sortering: tuple[Sortering, ...] = ()
    gruppering: tuple[Sortering, ...] = Field((), max_length=3)
    stabel: str | None = None
    dato: str | None = None
    felt: tuple[str, ...] = Field(min_length=1)


class Verdi(Register):
    """What an action writes into a field."""

    felt: str
    verdi: str


class Utloeser(Register):
    """What starts an automation: a record that comes to match conditions."""

    tabell: str
    filter: Filter = Field(min_length=1)


class Handling(Register):
    """What an automation does: it writes into the record that started it."""

    sett: tuple[Verdi, ...] = Field(min_length=1)


class Automatisering(Register):
    """An automation."""

    navn: str
    hvorfor: str
    utloeser: Utloeser
    handling: tuple[Handling, ...] = Field(min_length=1)


class Side(Register):
    """A page of an interface: called as a view of its table and as that one, but for what stands here.

    Attributes
    ----------
    filter
        On top of the view's.
    gruppering
        Instead of the view's.
    """

    tabell: str
    visning: str
    layout: Literal["List", "Grid", "Kanban", "Calendar", "Gallery", "Record review"]
    filter: Filter = ()
    gruppering: tuple[Sortering, ...] = Field((), max_length=3)

    def seen(self, view: Visning) -> Visning:
        """Return what the page shows, as a view."""
        grouping = self.gruppering or view.gruppering
        return view.model_copy(update={"filter": (*view.filter, *self.filter), "gruppering": grouping})


class Grensesnitt(Register):
    """An interface."""

    navn: str
    hvorfor: str
    side: tuple[Side, ...] = Field(min_length=1)


Hvem = Literal["Creators and up", "Editors and up", "Nobody"]


class Rettighet(Register):
    """Who may do what in a table; `laas` is for the program's fields, but those of `unntatt`."""

    tabell: str
    opprette: Hvem
    slette: Hvem
    laas: Hvem | None = None
    unntatt: tuple[str, ...] = ()


class Deling(Register):
    """Who the base is shared with, and as what; `foer_oppsett` when it must be so before `tomt base setup`."""

    hvem: str
    rolle: Literal["Owner", "Creator", "Editor", "Commenter", "Read-only"]
    hvorfor: str
    foer_oppsett: bool = False

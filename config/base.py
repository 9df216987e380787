"""The Airtable base as code: config/airtable.toml as a model, checked when it is loaded.

A table is what the program or sales keeps one row of; a field says who may write it. What Airtable's API cannot create
(`config.haand`) stands in the same file and is checked against the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, cached_property, partial
from typing import Literal, NamedTuple, Self, TypeVar, get_args

from pydantic import Field, model_validator

from config.formel import parse, texts_of
from config.haand import Automatisering, Deling, Formelfelt, Grensesnitt, Rettighet, Side, Visning
from config.haandsjekk import (
    KINDS,
    Kolonne,
    Kolonner,
    check_automatisering,
    check_formelfelt,
    check_side,
    check_visning,
)
from config.registers import Register, load_model, read_toml

Eier = Literal["pipeline", "sales", "initial"]
Type = Literal[
    "singleLineText",
    "multilineText",
    "email",
    "phoneNumber",
    "url",
    "number",
    "percent",
    "currency",
    "checkbox",
    "singleSelect",
    "multipleSelects",
    "date",
    "dateTime",
    "singleCollaborator",
    "multipleAttachments",
    "multipleRecordLinks",
]
TYPES: tuple[str, ...] = get_args(Type)
NUMBERS = frozenset({"number", "percent", "currency"})
SELECTS = frozenset({"singleSelect", "multipleSelects"})
TEXTS = frozenset({"singleLineText", "multilineText"})

MAX_NAME = 255
MAX_DESCRIPTION = 20_000
"""Characters that Airtable takes."""


class Naar(Register):
    """When an initial field is set: on rows whose pipeline field `felt` is `er`."""

    felt: str
    er: str


class Felt(Register):
    """One field of the base: name, type, who owns it, what it means.

    Attributes
    ----------
    desimaler
        Of numbers, percentages and amounts.
    symbol
        Of amounts: ``kr``.
    valg
        Options of selects.
    til
        The table that a link points to.
    minste_endring
        Of numbers that drift: a row in which nothing else has changed is not written while it differs by less, in the
        field's own unit (0.1 of a percentage is ten points).
    drivende_linje
        Of texts with a line that tells such a number: how that line begins. A row in which nothing else has changed is
        not written for it.
    start, naar
        What the program sets once, on its own new row where the field is empty; on every one, or only when `naar` fits.
        Of an initial field without `start`, the row says it.
    """

    navn: str = Field(min_length=1, max_length=MAX_NAME)
    type: Type
    eier: Eier
    betyr: str = Field(min_length=1, max_length=MAX_DESCRIPTION)
    desimaler: int | None = Field(None, ge=0, le=8)
    symbol: str | None = Field(None, min_length=1, max_length=10)
    valg: tuple[str, ...] = ()
    til: str | None = None
    minste_endring: float | None = Field(None, gt=0, allow_inf_nan=False)
    drivende_linje: str | None = Field(None, min_length=1)
    start: str | bool | None = None
    naar: Naar | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        needs = {
            "valg": self.type in SELECTS,
            "desimaler": self.type in NUMBERS,
            "symbol": self.type == "currency",
            "til": self.type == "multipleRecordLinks",
        }
        for name, needed in needs.items():
            if (getattr(self, name) not in (None, ())) != needed:
                wants = "needs" if needed else "takes no"
                raise ValueError(f"{self.navn}: {self.type} of {self.eier} {wants} `{name}`")
        if self.minste_endring is not None and self.type not in NUMBERS:
            raise ValueError(f"{self.navn}: `minste_endring` is for numbers, not for a {self.type}")
        if self.drivende_linje is not None and self.type != "multilineText":
            raise ValueError(f"{self.navn}: `drivende_linje` is for texts of several lines, not for a {self.type}")
        if self.start is not None and self.eier != "initial":
            raise ValueError(f"{self.navn}: `start` is for initial fields")
        if self.naar is not None and self.start is None:
            raise ValueError(f"{self.navn}: `naar` goes with `start`")
        if len(set(self.valg)) != len(self.valg) or any(not v.strip() or v != v.strip() for v in self.valg):
            raise ValueError(f"{self.navn}: an option is blank, padded or stands twice")
        if self.start is not None and not self._takes(self.start):
            raise ValueError(f"{self.navn}: `start` is no value of a {self.type}")
        return self

    def _takes(self, value: str | bool) -> bool:
        """Return True for a value that the field can be set to at the start."""
        if self.type == "checkbox":
            return value is True  # an unticked box is the same as an empty one
        return isinstance(value, str) and (value in self.valg if self.valg else self.type in TEXTS)


class Tabell(Register):
    """One table of the base: its fields, the first of them the primary one when the base is made.

    Attributes
    ----------
    noekkel
        The field that tells rows apart: the program's, or the primary one of a table that only people write in.
    """

    navn: str = Field(min_length=1, max_length=MAX_NAME)
    noekkel: str
    beskrivelse: str = Field(min_length=1, max_length=MAX_DESCRIPTION)
    felt: tuple[Felt, ...] = Field(min_length=1)

    def field(self, navn: str) -> Felt:
        """Return the field called `navn`."""
        return self._by_name[navn]

    @cached_property
    def _by_name(self) -> dict[str, Felt]:
        return {f.navn: f for f in self.felt}

    @property
    def is_written(self) -> bool:
        """True for a table that the program writes rows of: its key is the program's."""
        return self.field(self.noekkel).eier == "pipeline"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _distinct(f.navn for f in self.felt)
        key = self._by_name.get(self.noekkel)
        if key is None or key.type != "singleLineText" or key.eier == "initial":
            raise ValueError(f"{self.navn}: the key {self.noekkel} is no field, or no singleLineText of one owner")
        if key.eier == "sales" and any(f.eier != "sales" for f in self.felt):
            raise ValueError(f"{self.navn}: a table whose key is sales' has no field that the program writes")
        options = {f.navn: f for f in self.felt if f.eier == "pipeline"}
        for felt in self.felt:
            if felt.naar and felt.naar.er not in getattr(options.get(felt.naar.felt), "valg", ()):
                raise ValueError(f"{self.navn}.{felt.navn}: `naar` wants an option of a pipeline select of this table")
        return self


class Grenser(Register):
    """What Airtable's plan allows, and what a run may use of it.

    Attributes
    ----------
    poster_per_base
        Records of one base, all tables together.
    kall_per_maaned
        Calls a month of the workspace.
    kall_per_kjoring
        Calls that one run may plan.
    varsle_fra
        Share of a limit, 0-1, from which a run warns.
    telles_hver_dager
        How old a count of the base's records may be.
    kjoringer_per_kommune
        Rows of Kjøringer that a kommune keeps; the next run takes the place of the oldest.
    """

    poster_per_base: int = Field(gt=0)
    kall_per_maaned: int = Field(gt=0)
    kall_per_kjoring: int = Field(gt=0)
    varsle_fra: float = Field(gt=0, le=1)
    telles_hver_dager: int = Field(ge=0)
    kjoringer_per_kommune: int = Field(gt=0)


class Publisering(Register):
    """Which lots sales sees: those with at least this score (0-100); those sales has touched stay whatever it is."""

    minste_score: float = Field(ge=0, le=100)


class BaseRegister(Register):
    """The base as code: what setup creates, and what is made by hand after it."""

    tabell: tuple[Tabell, ...]
    grenser: Grenser
    publisering: Publisering
    formel: tuple[Formelfelt, ...] = ()
    visning: tuple[Visning, ...] = ()
    automatisering: tuple[Automatisering, ...] = ()
    grensesnitt: tuple[Grensesnitt, ...] = ()
    rettighet: tuple[Rettighet, ...] = ()
    deling: tuple[Deling, ...] = ()

    def table(self, navn: str) -> Tabell:
        """Return the table called `navn`."""
        return next(t for t in self.tabell if t.navn == navn)

    def primary(self, tabell: str) -> str:
        """Return the field that is a table's primary one when the guide is followed: always first, never hidden."""
        by_hand = (f.navn for f in self.formel if f.tabell == tabell and f.hovedfelt)
        return next(by_hand, self.table(tabell).felt[0].navn)

    def page(self, side: Side) -> Visning:
        """Return what a page of an interface shows, as a view."""
        return side.seen(self._views()[side.tabell, side.visning])

    def columns(self) -> Kolonner:
        """Return table → field → what it is: those of the register, the other ends of links, the computed ones."""
        columns = self._columns()
        for felt in self.formel:
            columns[felt.tabell][felt.navn] = _computed(felt)
        return columns

    def _views(self) -> dict[tuple[str, str], Visning]:
        return {(v.tabell, v.navn): v for v in self.visning}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _distinct(t.navn for t in self.tabell)
        above: set[str] = set()
        for tabell in self.tabell:
            above.add(tabell.navn)
            wrong = [f.navn for f in tabell.felt if f.til is not None and f.til not in above]
            if wrong:
                raise ValueError(f"{tabell.navn}.{wrong[0]}: `til` names no table that stands above, nor its own")
        columns = self._columns()
        self._check_hand(columns)
        return self

    def _columns(self) -> dict[str, dict[str, Kolonne]]:
        """Return table → field → what it is: those of the register, then the other ends of links."""
        reverse = reverse_links(self.tabell)
        columns = {}
        for tabell in self.tabell:
            others = reverse.get(tabell.navn, [])
            _distinct([*(f.navn for f in tabell.felt), *(field.navn for field in others)])
            columns[tabell.navn] = {
                **{f.navn: Kolonne(KINDS[f.type], f.valg, f.til, f.eier != "pipeline") for f in tabell.felt},
                **{field.navn: Kolonne("link", (), field.navn, not field.is_ours) for field in others},
            }
        return columns

    def _check_hand(self, columns: dict[str, dict[str, Kolonne]]) -> None:
        """Raise for a manual part that does not fit; a computed field may name those above it."""
        for felt in self.formel:
            _named(f"formel {felt.tabell}.{felt.navn}", check_formelfelt, felt, columns)
            columns[felt.tabell][felt.navn] = _computed(felt)
        _distinct(f.tabell for f in self.formel if f.hovedfelt)
        for tabell in self.tabell:
            _distinct(columns[tabell.navn])
            _distinct(v.navn for v in self.visning if v.tabell == tabell.navn)
        for view in self.visning:
            _named(f"visning {view.tabell}/{view.navn}", check_visning, view, columns)
            if view.felt[0] != self.primary(view.tabell):
                raise ValueError(f"visning {view.tabell}/{view.navn}: {self.primary(view.tabell)} always stands first")
        for automation in self.automatisering:
            _named(f"automatisering {automation.navn}", check_automatisering, automation, columns)
        for interface in self.grensesnitt:
            for page in interface.side:
                check = partial(check_side, views=self._views())
                _named(f"grensesnitt {interface.navn}/{page.visning}", check, page, columns)
        for right in self.rettighet:
            known = {f.navn for f in self.table(right.tabell).felt} if right.tabell in columns else set()
            if not known or not set(right.unntatt) <= known:
                raise ValueError(f"rettighet {right.tabell}: no such table, or `unntatt` names no field of it")


def _computed(felt: Formelfelt) -> Kolonne:
    """Return what filters see of a computed field; of a formula's text, the texts that it can show."""
    is_text = felt.gir == "text" and felt.type == "formula" and felt.formel is not None
    return Kolonne(felt.gir, texts_of(parse(str(felt.formel))) if is_text else ())


class Motpart(NamedTuple):
    """The field that Airtable adds to a table for a link from another one: called as that table."""

    navn: str
    is_ours: bool


def reverse_links(tables: tuple[Tabell, ...]) -> dict[str, list[Motpart]]:
    """Return table → the other ends of the links that point to it; one is the program's when the link is."""
    found: dict[str, list[Motpart]] = {}
    for tabell in tables:
        for felt in tabell.felt:
            if felt.til not in (None, tabell.navn):
                found.setdefault(str(felt.til), []).append(Motpart(tabell.navn, felt.eier == "pipeline"))
    return found


Part = TypeVar("Part", bound=Register)


def _named(where: str, check: Callable[[Part, Kolonner], None], part: Part, columns: Kolonner) -> None:
    """Run a check; what it raises tells where."""
    try:
        check(part, columns)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _distinct(names: Iterable[str]) -> None:
    """Raise for names that Airtable holds for the same, and for those that break a reference in a formula."""
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise ValueError(f"the name {name!r} stands twice, whatever the case")
        if name != name.strip() or set(name) & set("{}\\\n\r\t"):
            raise ValueError(f"the name {name!r} is padded or holds a character that a formula cannot name")
        seen.add(name.casefold())


@cache
def base_register() -> BaseRegister:
    """Load config/airtable.toml and check that names, keys, links, choices and start values fit together.

    Raises
    ------
    ConfigError
        Naming what does not fit.
    """
    return load_model(BaseRegister, read_toml("airtable.toml"), "airtable.toml")

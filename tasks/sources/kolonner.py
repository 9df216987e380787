"""Columns of any plan source → the names that `plan` and `formaal` read; a row stays a row, EPSG:25833.

Order of belief for each name: what the registry says (`kilde.kolonner`), then the names of `sosi.Navn` in their order.
Of two columns that say different things the first one wins, row by row, and the difference is counted. The functions
are pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import geopandas as gpd
import pandas as pd

from config.kilder import Kilde
from tasks.account import Account
from tasks.errors import SourceError
from tasks.sources import koder, sosi
from tasks.sources.planomriss import with_extents
from tasks.sources.planrader import Texts
from tasks.sources.sosi import ATTRIBUTTER, KODER, KOMMUNE, OBJEKTTYPE, PLANIDENT, SOESKEN, Navn

COLUMNS = (OBJEKTTYPE.sosi, *(n.sosi for n in ATTRIBUTTER), *dict.fromkeys(n.sosi for n in KODER.values()))
"""What a standardised frame has beside its geometry, always and in this order."""

PER_SONE = frozenset({"arealbruksstatus", "områdenavn", "feltbetegnelse"})
"""What a zone alone has. What belongs to the plan is read on zones too: services of zones alone write it there."""

NAME = "områdenavn"
LABELS = ("feltbetegnelse", NAME)
"""Where a letter label stands when the code column holds none; a name is one when it is the whole label alone."""

_AFTER_PREFIX = re.compile(r"[ ._/-]?[0-9]+ ?[a-zæøå]?")
"""What may follow a letter label: B, B12, B-12a; neither BL nor Bergsåsen is a B."""


def standardise(raw: gpd.GeoDataFrame, kilde: Kilde, account: Account) -> gpd.GeoDataFrame:
    """Return the rows of a source with the columns `COLUMNS`: text in the form of the product, None for nothing.

    Parameters
    ----------
    raw
        As the source wrote it, any columns.
    kilde
        Its kolonner, faste and koder say what the source itself does not.
    account
        Takes what was unreadable, contradictory or unknown; it is not closed.

    Raises
    ------
    SourceError
        When the registry names an attribute that does not exist or a column that the rows do not have.
    """
    rows = _Rader(raw, kilde, account)
    types = _types(rows)
    account.note("ukjent objekttype", types.count(None))
    made: dict[str, Texts] = {OBJEKTTYPE.sosi: types}
    for navn in ATTRIBUTTER:
        concerned = [i for i, t in enumerate(types) if t in KODER or navn.sosi not in PER_SONE]
        made[navn.sosi] = rows.read(navn, concerned)
    made |= _codes(rows, types, made)
    _fill(made, types, kilde)
    data = {name: pd.Series(made[name], dtype=object) for name in COLUMNS}
    shapes = gpd.GeoSeries(list(raw.geometry), crs=raw.crs)
    frame = gpd.GeoDataFrame(data, geometry=shapes, crs=raw.crs)
    return extents_of_zones(frame, kilde, account) if kilde.omrade_av_soner else frame


def extents_of_zones(frame: gpd.GeoDataFrame, kilde: Kilde, account: Account) -> gpd.GeoDataFrame:
    """Return a standardised frame with an extent for each plan that has none: the union of its zones.

    `standardise` does so itself for a source with `omrade_av_soner`.
    """
    made = with_extents(frame, account)
    columns = {name: list(made[name]) for name in COLUMNS}
    _fill(columns, columns[OBJEKTTYPE.sosi], kilde)
    return made.assign(**{name: pd.Series(values, dtype=object) for name, values in columns.items()})


# --- reading columns ---


@dataclass
class _Rader:
    """A raw frame read by name; each column is cleaned once."""

    raw: gpd.GeoDataFrame
    kilde: Kilde
    account: Account
    texts: dict[str, Texts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        geometry = self.raw.geometry.name
        self.columns = [str(c) for c in self.raw.columns if c != geometry]
        self.said = {_attribute(name, self.kilde): column for name, column in self.kilde.kolonner.items()}
        self.cut = self._cut_plan_ids()

    def text(self, column: str) -> Texts:
        """Return the cells of a column; unreadable ones are counted and nothing."""
        if column not in self.texts:
            values = list(self.raw[column])
            self.account.note("unlesbar", sum(koder.is_unreadable(v) for v in values))
            self.texts[column] = [koder.cell(v) for v in values]
        return self.texts[column]

    def read(self, navn: Navn, concerned: Sequence[int]) -> Texts:
        """Return an attribute of the concerned rows: the first of its columns that says something."""
        found: Texts = [None] * len(self.raw)
        differing = 0
        for column in self.columns_of(navn, needed=len(concerned) > 0):
            clean = _once(navn.clean)
            texts = self.text(column)
            for i in concerned:
                value = None if texts[i] is None else clean(texts[i])
                if found[i] is None:
                    found[i] = value
                elif value is not None and value != found[i]:
                    differing += 1
        self.account.note(f"ulike verdier for {navn.sosi}", differing)
        return found

    def columns_of(self, navn: Navn, *, needed: bool) -> list[str]:
        """Return the columns of an attribute, the one that goes first first; the registry's word stands alone.

        Raises
        ------
        SourceError
            When the column of the registry is needed and is not there.
        """
        if navn.sosi in self.said:
            column = self._configured(self.said[navn.sosi])
            if column is None and needed:
                raise SourceError(
                    f"{self.kilde.navn}: kolonner says that {navn.sosi} stands in {self.said[navn.sosi]!r}, and no row "
                    f"has that. The columns are {', '.join(self.columns)[:600]}. Correct kolonner of the source."
                )
            return [] if column is None else [column]
        claimed = {c for c in map(self._configured, self.said.values()) if c is not None}
        by_name = sosi.columns_of(navn, self.columns)
        own = [c for c in by_name if c not in claimed or not sosi.is_habit(navn, c)]
        return own + [c for c in self.cut.get(navn.sosi, []) if c not in own]

    def _configured(self, written: str) -> str | None:
        if written in self.columns:
            return written
        return next((c for c in sorted(self.columns) if koder.fold(c) == koder.fold(written)), None)

    def _cut_plan_ids(self) -> dict[str, list[str]]:
        """Return which of the columns whose names collided holds the kommune and which the plan: the values tell."""
        found: dict[str, list[str]] = {KOMMUNE.sosi: [], PLANIDENT.sosi: []}
        for group in sosi.cut_plan_ids(self.columns):
            values = {c: {v for v in self.text(c) if v is not None} for c in group}
            left = [c for c in group if values[c] and not {v.upper() for v in values[c]} <= sosi.LANDKODER]
            numbers = [c for c in left if all(koder.kommunenummer_of(v) for v in values[c])]
            # Plan ids may look like numbers of kommuner too: there are fewer kommuner than plans, and they come first.
            kommune = min(numbers, key=lambda c: (len(values[c]), group.index(c)), default=None)
            found[KOMMUNE.sosi] += [kommune] if kommune is not None else []
            found[PLANIDENT.sosi] += [c for c in left if c != kommune]
        return found


def _once(clean: Callable[[object], str | None]) -> Callable[[str | None], str | None]:
    """Return `clean`, computed once for each value."""
    known: dict[str | None, str | None] = {}

    def cleaned(value: str | None) -> str | None:
        if value not in known:
            known[value] = clean(value)
        return known[value]

    return cleaned


def _attribute(name: str, kilde: Kilde) -> str:
    """Return the standardised name that the registry means.

    Raises
    ------
    SourceError
        When there is none.
    """
    found = next((c for c in COLUMNS if koder.fold(c) == koder.fold(name)), None)
    if found is None:
        raise SourceError(f"{kilde.navn}: no attribute is called {name!r}. Correct the source: {', '.join(COLUMNS)}.")
    return found


# --- object types ---


def _types(rows: _Rader) -> Texts:
    """Return the object type of each row: what it says itself, what its layer is called, or which code it has."""
    columns = rows.columns_of(OBJEKTTYPE, needed=len(rows.raw) > 0)
    # A protocol writes the name of the layer into `objekttypenavn`: a column of the source's own knows better.
    layered = [c for c in columns if koder.fold(c) == koder.fold(OBJEKTTYPE.sosi)]
    own = [c for c in columns if c not in layered]
    found: Texts = [None] * len(rows.raw)
    typed = _once(lambda v: sosi.objekttype(v if isinstance(v, str) else None))
    for column in own:
        found = [t if t is not None else typed(v) for t, v in zip(found, rows.text(column), strict=True)]
    layer = [typed(v) for v in rows.text(layered[0])] if layered else found
    if len(rows.kilde.lag) == 1:
        only = sosi.objekttype(next(iter(rows.kilde.lag)))
        layer = [t or only for t in layer]
    filled = {t: _filled(rows, t) for t in _family(rows.kilde)}
    by_code = zip(found, layer, range(len(found)), strict=True)
    return [own_type or _by_code(layer_type, i, filled) for own_type, layer_type, i in by_code]


def _family(kilde: Kilde) -> list[str]:
    """Return the types of zones that a source of this theme can hold."""
    start = "Kp" if kilde.tema in {"kommuneplan", "kommunedelplan"} else "R"
    return [t for t in KODER if t.startswith(start)]


def _filled(rows: _Rader, objekttype: str) -> list[bool]:
    """Return which rows have a code in a column that belongs to this type; 0 stands where it does not apply."""
    navn = KODER[objekttype]
    columns = [c for c in rows.columns_of(navn, needed=False) if not sosi.is_habit(navn, c)]
    clean = _once(navn.clean)
    return [any(clean(rows.text(c)[i]) is not None for c in columns) for i in range(len(rows.raw))]


def _by_code(layer: str | None, row: int, filled: Mapping[str, Sequence[bool]]) -> str | None:
    """Return the type of a row that does not say it itself: its layer's, or the generation whose code it has."""
    if layer is None:
        found = [t for t in filled if filled[t][row]]
        return found[0] if len(found) == 1 else None
    other = SOESKEN.get(layer)
    if other is None or other not in filled or layer not in filled:
        return layer
    return other if filled[other][row] and not filled[layer][row] else layer


# --- codes ---


def _codes(rows: _Rader, types: Texts, made: Mapping[str, Texts]) -> dict[str, Texts]:
    """Return the code of each zone in the column of its type; letter labels become codes where the registry says so."""
    found: dict[str, Texts] = {navn.sosi: [None] * len(types) for navn in KODER.values()}
    for objekttype, navn in KODER.items():
        concerned = [i for i, t in enumerate(types) if t == objekttype]
        if concerned:
            values = rows.read(navn, concerned)
            for i in concerned:
                found[navn.sosi][i] = values[i]
    _translate(found, types, made, rows)
    return found


def _translate(codes: dict[str, Texts], types: Texts, made: Mapping[str, Texts], rows: _Rader) -> None:
    labels = _Bokstavkoder(rows.kilde.koder)
    translated = unknown = 0
    for i, objekttype in enumerate(types):
        if objekttype not in KODER:
            continue
        column = codes[KODER[objekttype].sosi]
        value = column[i]
        if value is not None and re.fullmatch(r"[0-9]+", value):
            continue
        written = [(value, False)] if value is not None else [(made[n][i], n == NAME) for n in LABELS]
        found = (labels.code(label, whole=whole) for label, whole in written if label is not None)
        code = next((c for c in found if c is not None), None)
        if code is not None:
            column[i] = code
        translated += code is not None
        unknown += code is None and (value is not None or bool(labels.exact or labels.prefixes))
    rows.account.note("bokstavkode oversatt", translated)
    rows.account.note("formål uten kjent kode", unknown)


class _Bokstavkoder:
    """The letter labels of a source (`kilde.koder`): whole labels, and prefixes where the registry ends one with *."""

    def __init__(self, koder_: Mapping[str, str]) -> None:
        plain = {label.strip().casefold(): code for label, code in koder_.items()}
        self.exact = {label: code for label, code in plain.items() if not label.endswith("*")}
        prefixes = {label[:-1]: code for label, code in plain.items() if label.endswith("*")}
        self.prefixes = sorted(prefixes.items(), key=lambda pair: -len(pair[0]))

    def code(self, label: str, *, whole: bool) -> str | None:
        """Return the code of a label, None for one that the registry does not know.

        Parameters
        ----------
        whole
            Whether nothing may follow a prefix.
        """
        plain = label.casefold()
        if plain in self.exact:
            return self.exact[plain]
        for prefix, code in self.prefixes:
            if plain == prefix or (
                not whole and plain.startswith(prefix) and _AFTER_PREFIX.fullmatch(plain[len(prefix) :])
            ):
                return code
        return None


def _fill(made: dict[str, Texts], types: Texts, kilde: Kilde) -> None:
    """Write the fixed values of the registry where a row has none."""
    for name, value in kilde.faste.items():
        column = _attribute(name, kilde)
        is_code = column in {navn.sosi for navn in KODER.values()}
        fits = [not is_code or (t in KODER and KODER[t].sosi == column) for t in types]
        made[column] = [value if v is None and fit else v for v, fit in zip(made[column], fits, strict=True)]

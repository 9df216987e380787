"""SOSI names: what plan attributes and object types are called, and by which other names sources write them.

One `Navn` per attribute, with its names in the order in which they are believed: SOSI's own of any generation, SOSI's
short names, these cut at ten characters as shapefiles cut them, and the habits of municipal services.
Source: SOSI Plan 4.5–5.0, NAP product specifications 20190401, services of Bergen, Sandefjord and Stavanger.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial

from tasks.sources import koder
from tasks.sources.koder import blank_is_none, coded

Clean = Callable[[object], str | None]


@dataclass(frozen=True)
class Navn:
    """An attribute.

    Attributes
    ----------
    sosi
        As the NAP services write it: the column of a standardised frame.
    andre
        Other names that SOSI gives it, in GML of any generation.
    kort
        SOSI's short names, as in .sos files and what is made of them.
    vaner
        What municipal services and older exports call it.
    clean
        Value → the form that the product uses, None for nothing.
    """

    sosi: str
    andre: tuple[str, ...] = ()
    kort: tuple[str, ...] = ()
    vaner: tuple[str, ...] = ()
    clean: Clean = blank_is_none


_code = partial(coded, zero_is_none=True)
PLANIDENT = Navn(
    "arealplanId.planidentifikasjon",
    ("nasjonalArealplanId.planidentifikasjon", "nasjonalArealplanId.planid", "planidentifikasjon"),
    ("NASJONALAREALPLANID.PLANID", "PLANID"),
    ("PLAN_ID", "PLANIDENT", "PLANNR", "PLANNUMMER"),
    koder.plan_ident,
)
KOMMUNE = Navn(
    "arealplanId.kommunenummer",
    ("nasjonalArealplanId.kommunenummer", "kommunenummer"),
    ("NASJONALAREALPLANID.KOMM", "KOMM"),
    ("KOMMUNENR", "KOMMNR", "KOMNR", "KNR", "KOMMUNE"),
    koder.kommunenummer_of,
)
OBJEKTTYPE = Navn("objekttypenavn", (), ("OBJTYPE",), ("OBJEKTTYPE", "FEATURETYPE", "OBJ_TYPE"))

ATTRIBUTTER: tuple[Navn, ...] = (
    KOMMUNE,
    PLANIDENT,
    Navn(
        "arealbruksstatus",
        (),
        ("AREALST",),
        ("AREALSTATUS", "AREALBRUKSTATUS"),
        partial(_code, names=koder.AREALSTATUS),
    ),
    Navn("områdenavn", (), ("OMRNAVN",), ("OMR_NAVN", "BETEGNELSE")),
    Navn("feltbetegnelse", ("feltnavn",), (), ("FELT", "FELTNR")),
    Navn("utnytting.utnyttingstype", ("utnyttingstype",), ("UTNTYP",)),
    Navn("utnytting.utnyttingstall", ("utnyttingstall",), ("UTNTALL", "UNTALL")),
    Navn("planstatus", (), ("PLANSTAT",), (), koder.status_or_text),
    Navn("plantype", (), (), ("PLAN_TYPE",), partial(_code, names=koder.PLANTYPE)),
    Navn("plannavn", (), (), ("PLAN_NAVN",)),
    Navn("vertikalnivå", (), ("VERTNIV",), ("VERTIKALNIV", "NIVAA"), koder.nivaa_or_text),
    Navn("vedtakEndeligPlanDato", (), (), ("VEDTAKSDATO", "VEDTAKDATO", "VEDTATT", "VEDTATTDATO"), koder.iso_date),
    Navn("ikrafttredelsesdato", (), ("IKRAFT",), ("IKRAFTDATO",), koder.iso_date),
    Navn("link", (), (), ("LENKE", "URL", "PLANLINK", "PLANURL"), koder.link),
    Navn("identifikasjon.lokalId", ("lokalId",), (), ("GLOBALID",)),
    Navn("kopidata.områdeId", ("områdeId",), ("KOPIDATA.OMRÅDEID",), (), koder.kommunenummer_of),
    Navn("kopidata.kopidato", ("kopidato",), (), ("KOPIDATADATO",), koder.iso_date),
)
"""Attributes that do not depend on the object type."""

_FORMAAL = (
    "AREALFORMAL_KODE",
    "AREALFORMALKODE",
    "AREALFORMALSKODE",
    "FORMALSKODE",
    "FORMALKODE",
    "FORMAL",
    "SONETYPE",
)
KODER: dict[str, Navn] = {
    "KpArealformålOmråde": Navn("arealformål", (), ("KPAREALFORMÅL",), ("KPFORMAL", *_FORMAAL), _code),
    "KpArealbrukOmråde": Navn("arealbruk", (), ("OPLAREAL",), ("KPAREALBRUK", "AREALBRUKSKODE"), _code),
    "RpArealformålOmråde": Navn("arealformål", (), ("RPAREALFORMÅL",), ("RPFORMAL", *_FORMAAL), _code),
    "RbFormålOmråde": Navn("reguleringsformål", (), ("REGFORM",), ("RBFORMAL", "REGULERINGSFORMALKODE"), _code),
}
"""Object type of a zone or purpose → its code: KP and RP have different lists, and so has each generation."""

SOESKEN = {
    "KpArealformålOmråde": "KpArealbrukOmråde",
    "KpArealbrukOmråde": "KpArealformålOmråde",
    "RpArealformålOmråde": "RbFormålOmråde",
    "RbFormålOmråde": "RpArealformålOmråde",
}
"""Object type → the one of the other generation (PBL 2008, PBL 1985)."""

HENSYN: dict[str, Navn] = {
    "SikringSone": Navn("sikring", (), ("KPSIKRING", "RPSIKRING"), (), _code),
    "StøySone": Navn("støy", (), ("KPSTØY", "RPSTØY"), (), _code),
    "FareSone": Navn("fare", (), ("KPFARE", "RPFARE"), (), _code),
    "InfrastrukturSone": Navn("infrastruktur", (), ("KPINFRASTRUKTUR", "RPINFRASTRUKTUR"), (), _code),
    "AngittHensynSone": Navn("angittHensyn", (), ("KPANGITTHENSYN", "RPANGITTHENSYN"), (), _code),
    "BåndleggingSone": Navn("båndlegging", (), ("KPBÅNDLEGGING", "RPBÅNDLEGGING"), (), _code),
    "GjennomføringSone": Navn("gjennomføring", (), ("KPGJENNOMFØRING", "RPGJENNOMFØRING"), (), _code),
    "DetaljeringSone": Navn("detaljering", (), ("KPDETALJERING", "RPDETALJERING"), (), _code),
}
"""Hensynssone without its Kp or Rp → its code."""

ALLE = (*ATTRIBUTTER, *KODER.values(), *HENSYN.values())
OMRAADER = {"Kp": "KpOmråde", "R": "RpOmråde"}
OBJEKTTYPER = ("KpOmråde", "RpOmråde", *KODER, *(family + sone for sone in HENSYN for family in ("Kp", "Rp")))

# --- names as they are written ---

CUT = 10
"""Characters, or bytes, of a column name in a shapefile."""

CONTAINERS = (
    "identifikasjon",
    "kopidata",
    "kvalitet",
    "utnytting",
    "arealplanid",
    "nasjonalarealplanid",
    "vertikallag",
)
"""What is inside one of these is never the attribute of the same name outside."""

_ONE = str.maketrans({"å": "a", "ø": "o", "æ": "ae"})
_TWO = str.maketrans({"å": "aa", "ø": "oe", "æ": "ae"})
_SPECIAL = {"å": "(?:å|aa|a|[^a-z0-9]{1,3})?", "ø": "(?:ø|oe|o|[^a-z0-9]{1,3})?", "æ": "(?:æ|ae|a|e|[^a-z0-9]{1,3})?"}


@cache
def pattern(name: str) -> re.Pattern[str]:
    """Return what a name looks like however æøå were written, lost or destroyed; separators do not count."""
    plain = re.sub(r"[._]", "", name.lower())
    return re.compile("".join(_SPECIAL.get(c, re.escape(c)) for c in plain))


def same(name: str, written: str) -> bool:
    """Return whether `written` is `name`, in any case and spelling.

    Examples
    --------
    >>> [same("RbFormålOmråde", w) for w in ("RbForm?lOmr?de", "RBFORMALOMRADE", "RbFormÃ¥lOmrÃ¥de", "RpOmråde")]
    [True, True, True, False]
    """
    return pattern(name).fullmatch(_plain(written)) is not None


def _plain(written: str) -> str:
    return re.sub(r"[\s._:|/\\-]", "", written.lower())


@cache
def cuts(name: str) -> frozenset[str]:
    """Return ten characters, or bytes, of a name with å as a or aa, a dot as _ or nothing; none for a short name."""
    plain = name.lower()
    forms = {f for n in (plain, plain.replace(".", "_")) for f in (n, n.translate(_ONE), n.translate(_TWO))}
    forms = {f.replace(".", "") for f in forms}
    cut = {f[:CUT] for f in forms if len(f) > CUT}
    cut |= {f.encode()[:CUT].decode(errors="ignore") for f in forms if len(f.encode()) > CUT}
    return frozenset(c for c in cut if c not in forms)


@cache
def _clear_cuts(navn: Navn) -> tuple[re.Pattern[str], ...]:
    """Return what the cut names of an attribute look like, without those that another attribute shares."""
    names = (navn.sosi, *navn.andre, *navn.kort)
    others = {c for n in ALLE if n.sosi != navn.sosi for name in (n.sosi, *n.andre, *n.kort) for c in cuts(name)}
    return tuple(pattern(cut) for name in names for cut in sorted(cuts(name) - others))


def _path(column: str) -> list[str]:
    """Return the nested parts of a column's name; a type that repeats the name of its attribute is no part."""
    parts = [p for p in re.split(r"[.|/\\:]", column.lower()) if p]
    return [p for i, p in enumerate(parts) if i == 0 or p != parts[i - 1]]


def _is_named(alias: str, column: str) -> bool:
    """Return whether a column, perhaps nested or behind a table's name, is called so."""
    if same(alias, column):
        return True
    path, wanted = _path(column), _path(alias)
    if len(path) < 2 or not same(wanted[-1], path[-1]):
        return False
    outer = path[:-1]
    if len(wanted) == 1:
        return not any(same(c, part) for c in CONTAINERS for part in outer)
    return any(same(wanted[0], part) for part in outer)


@cache
def belief(navn: Navn, column: str) -> tuple[int, int] | None:
    """Return how much a column is believed to hold an attribute: the less the better, None for not at all."""
    for level, names in enumerate(((navn.sosi, *navn.andre), navn.kort, (), navn.vaner)):
        for order, name in enumerate(names):
            if _is_named(name, column):
                return level, order
    if len(column) <= CUT:
        found = (order for order, cut in enumerate(_clear_cuts(navn)) if cut.fullmatch(_plain(column)))
        return next(((2, order) for order in found), None)
    return None


def columns_of(navn: Navn, columns: Iterable[str]) -> list[str]:
    """Return the columns that claim an attribute, the one that is believed first first."""
    found = [(rank, koder.fold(c), c) for c in columns if (rank := belief(navn, c)) is not None]
    return [c for *_, c in sorted(found)]


_OTHER = re.compile(
    r"(?:kp|rp|rb|pblmidl).{0,40}(?:omr.{0,3}de|sone|grense|linje|punkt|h.{0,3}yde|p.{0,3}skrift|terreng|anlegg)"
)
"""What other object types of the plan model look like."""


def is_habit(navn: Navn, column: str) -> bool:
    """Return whether a column claims an attribute by a habit alone, by no name that SOSI gives it."""
    rank = belief(navn, column)
    return rank is not None and rank[0] == 3


def objekttype(written: str | None) -> str | None:
    """Return the object type as SOSI spells it, another one of the plan model as it stands, None for anything else."""
    if written is None:
        return None
    local = re.split(r"[:.]", written.strip())[-1]
    known = next((t for t in OBJEKTTYPER if same(t, local)), None)
    if known is None and _OTHER.fullmatch(_plain(local)):
        return local
    return known


# --- plan ids in ten characters ---

_STEMS = ("nasjonalar", "arealplani")
LANDKODER = frozenset({"NO", "NOR", "578"})


def cut_plan_ids(columns: Sequence[str]) -> list[list[str]]:
    """Return columns whose names collided when they were cut (NASJONALAR, NASJONAL00 …), in their order, by stem."""
    groups = []
    for stem in _STEMS:
        found = {i: c for c in sorted(columns) if (i := _collision(stem, _bare(c))) is not None}
        if found:
            groups.append([found[i] for i in sorted(found)])
    return groups


def _bare(column: str) -> str:
    return column.lower().strip()


def _collision(stem: str, column: str) -> int | None:
    """Return the place of a column among those of one cut name: ``_1`` (GDAL, Esri) and ``00`` (FME) are the second."""
    if column == stem:
        return 0
    match = re.fullmatch(re.escape(stem[:8]) + r"(?:_(\d)|(\d\d))", column)
    if match is None:
        return None
    return int(match[1]) if match[1] else int(match[2]) + 1

"""Recognition: which SOSI object types a layer holds, told by its name, its columns and a sample of their values.

What a layer says of itself row by row goes first, then columns that belong to one type alone, then its name. Layers of
proposals, repealed plans, lines and illustrations are told apart from plans in force, and the reason is given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tasks.sources import koder, sosi
from tasks.sources.sosi import ATTRIBUTTER, HENSYN, KODER, OBJEKTTYPE

Family = str
"""``Kp`` for kommune(del)planer, ``R`` for reguleringsplaner, "" while it is not known."""

NOT_IN_FORCE = {
    "forslag": "planforslag er ikke vedtatt",
    "horing": "planer på høring er ikke vedtatt",
    "underarbeid": "planer under arbeid er ikke vedtatt",
    "igangsatt": "igangsatt planlegging er ikke vedtatt",
    "oppstart": "igangsatt planlegging er ikke vedtatt",
    "opphev": "opphevede planer gjelder ikke",
    "utgatt": "utgåtte planer gjelder ikke",
    "erstattet": "erstattede planer gjelder ikke",
    "historisk": "historiske planer gjelder ikke",
    "arkiv": "arkiverte planer gjelder ikke",
}
NOT_A_ZONE = {
    "illustrasjon": "illustrasjoner er ikke planinnhold",
    "linje": "laget holder linjer, ikke flater",
    "grense": "laget holder grenselinjer, ikke flater",
    "punkt": "laget holder punkter, ikke flater",
    "paskrift": "laget holder påskrift",
    "tekst": "laget holder påskrift",
    "hoyde": "laget holder høyder",
    "bestemmelse": "bestemmelsesområder er ikke arealformål",
    "hensyn": "hensynssoner er ikke arealformål",
    "restriksjon": "restriksjonsområder er ikke arealformål",
    "raster": "laget er et bilde av planen",
}
OFF_GROUND = ("undergrunn", "overgrunn", "tunnel", "vn1", "vn3", "vn4", "vn5", "vannsoyle")
FAMILY_WORDS: dict[Family, tuple[str, ...]] = {
    "Kp": ("kommuneplan", "kommunedelplan", "arealdel", "kpa", "kdp", "kp"),
    "R": ("regulering", "regulert", "bebyggelsesplan", "detaljplan", "rp", "rb", "rpl"),
}
FAMILY_NAMES = {"Kp": "kommuneplan", "R": "reguleringsplan"}
EXTENT_WORDS = ("planomrade", "planomriss", "planavgrensning", "plangrense", "omriss")
ZONE_WORDS = ("arealformal", "arealbruk", "formal")

KP_2008 = frozenset(
    {1000, 1001, 1110, 1120, 1130, 1140, 1150, 1160, 1170, 1200, 1300, 1400, 1500, 1600, 1700, 1800, 2000, 2001, 2010}
    | {2020, 2030, 2040, 2044, 2050, 2060, 2070, 2080, 2100, 2800, 3000, 3001, 3002, 3020, 3030, 3040, 3050, 3100, 3800}
    | {4000, 4001, 4010, 4020, 4030, 4800, 5000, 5001, 5100, 5200, 5210, 5220, 5230, 6000, 6001, 6100, 6110, 6120, 6130}
    | {6200, 6220, 6230, 6300, 6400, 6500, 6600, 6700, 6800}
)
"""Codes of KpArealformål (SOSI code list, DiBK): that of RP is finer, so a code outside this one tells them apart."""

KP_TYPES, RP_TYPES = frozenset({"20", "21", "22"}), frozenset({"30", "31", "32", "33", "34", "35"})
VEDTATT = "3"
"""planstatus of an adopted plan."""

_ATTRIBUTT = {navn.sosi: navn for navn in ATTRIBUTTER}
_PLANTYPE, _PLANSTATUS = _ATTRIBUTT["plantype"], _ATTRIBUTT["planstatus"]


@dataclass(frozen=True)
class Recognised:
    """What a layer holds.

    Attributes
    ----------
    objekttyper
        SOSI object types; none when the layer is known to hold nothing of use.
    tillit
        0–1: how sure that is; 0 where there are no types.
    grunn
        Why, in Norwegian.
    """

    objekttyper: tuple[str, ...]
    tillit: float
    grunn: str


@dataclass(frozen=True)
class _Lag:
    name: str
    columns: Sequence[str]
    sample: Mapping[str, Sequence[str]]
    words: str = field(init=False)
    tokens: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        parts = re.sub(r"([a-zæøå])([A-ZÆØÅ])", r"\1 \2", self.name)
        tokens = [koder.fold(t) for t in re.split(r"[\W_]+|(?<=\D)(?=\d{4,})", parts)]
        object.__setattr__(self, "tokens", frozenset(t for t in tokens if t))
        object.__setattr__(self, "words", koder.fold(self.name))

    def values(self, navn: sosi.Navn) -> list[str]:
        """Return what the sample holds of an attribute, cleaned."""
        found = sosi.columns_of(navn, self.sample)
        cells = (koder.cell(v) for c in found[:1] for v in self.sample[c])
        return [value for cell in cells if cell is not None and (value := navn.clean(cell)) is not None]

    def has(self, name: str) -> str | None:
        """Return the column that holds an attribute."""
        return next(iter(sosi.columns_of(_ATTRIBUTT[name], self.columns)), None)


def recognise(
    layer: str, columns: Sequence[str], *, sample: Mapping[str, Sequence[str]] | None = None
) -> Recognised | None:
    """Return which object types a layer holds, None when nothing tells.

    Parameters
    ----------
    layer
        Its name or title, with that of its service or file where there is one.
    columns
        Names of its attributes; none when they are not known.
    sample
        Column → some of its values.

    Examples
    --------
    >>> recognise("KPA_2018_Arealformål", ["KPAREALFORMAL", "AREALST", "PLANID"]).objekttyper
    ('KpArealformålOmråde',)
    >>> recognise("Reguleringsplanforslag", ["PLANID", "PLANSTAT"]).grunn
    'Reguleringsplanforslag: planforslag er ikke vedtatt'
    """
    lag = _Lag(layer, columns, sample or {})
    by_rows = _said_by_rows(lag)
    if by_rows is None and (refused := _refused(lag)) is not None:
        return refused
    found = by_rows or _named(lag) or _by_code_columns(lag) or _hensyn(lag) or _extent(lag) or _by_words(lag)
    return found if found is None or not found.objekttyper else _on_the_ground(lag, _sensible(lag, found))


# --- what is not wanted ---


def _refused(lag: _Lag) -> Recognised | None:
    exact = sosi.objekttype(_last(lag.name))
    why = [reason for word, reason in NOT_IN_FORCE.items() if word in lag.words]
    if not why and exact not in sosi.OBJEKTTYPER:
        why = [reason for word, reason in NOT_A_ZONE.items() if word in lag.words]
    # A layer of plan extents may be called after their border: its columns say so.
    if why and "grenselinjer" in why[0] and lag.has("planstatus") and lag.has("plantype"):
        why = []
    return Recognised((), 0.0, f"{lag.name}: {why[0]}") if why else None


def _on_the_ground(lag: _Lag, found: Recognised) -> Recognised:
    """Refuse a layer of tunnels or bridges that does not say so row by row: it would be read as ground."""
    word = next((w for w in OFF_GROUND if (w in lag.tokens if w.startswith("vn") else w in lag.words)), None)
    if word is None or not any(t.startswith("R") for t in found.objekttyper) or lag.has("vertikalnivå"):
        return found
    return Recognised((), 0.0, f"{lag.name}: laget gjelder ikke på grunnen, og radene sier ikke vertikalnivå")


# --- what tells ---


def _said_by_rows(lag: _Lag) -> Recognised | None:
    column = next(iter(sosi.columns_of(OBJEKTTYPE, lag.sample)), None)
    if column is None:
        return None
    cells = (sosi.objekttype(koder.cell(v)) for v in lag.sample[column])
    types = tuple(sorted({t for t in cells if t is not None}))
    known = tuple(t for t in types if t in sosi.OBJEKTTYPER)
    if not types:
        return None
    if not known:
        return Recognised((), 0.0, f"{lag.name}: radene er {', '.join(types)[:120]}")
    return Recognised(known, 0.98, f"radene sier det selv i {column}")


def _named(lag: _Lag) -> Recognised | None:
    """Recognise the name of an object type in that of the layer."""
    parts = [_last(lag.name), lag.name, *re.split(r"[\s_/]+", lag.name)]
    found = next((t for p in parts if (t := sosi.objekttype(p)) in sosi.OBJEKTTYPER), None)
    longest_first = sorted(sosi.OBJEKTTYPER, key=len, reverse=True)
    found = found or next((t for t in longest_first if koder.fold(t) in lag.words), None)
    if found is None:
        return None
    if found in KODER and lag.columns and not sosi.columns_of(KODER[found], lag.columns):
        return Recognised((found,), 0.5, f"laget heter {found}, men ingen kolonne holder formålet")
    return Recognised((found,), 0.95, f"laget heter {found}")


def _by_code_columns(lag: _Lag) -> Recognised | None:
    """Recognise zones by their code columns: some belong to one type, `arealformål` and habits to either family."""
    sure: dict[str, str] = {}
    shared: dict[str, str] = {}
    for objekttype, navn in KODER.items():
        for column in sosi.columns_of(navn, lag.columns):
            both = sum(sosi.belief(n, column) is not None for n in KODER.values()) > 1
            (shared if both else sure).setdefault(objekttype, column)
    if sure:
        column, types = ", ".join(dict.fromkeys(sure.values())), tuple(sure)
        is_word = all(sosi.belief(KODER[t], c) == (0, 0) for t, c in sure.items())
        if is_word and not lag.has("arealplanId.planidentifikasjon") and not _family_word(lag):
            return Recognised(types, 0.4, f"kolonnen {column} kan være planformål, men laget sier ikke hvilken plan")
        return Recognised(types, 0.9, f"kolonnen {column} hører til {', '.join(types)}")
    if not shared:
        return None
    column = next(iter(shared.values()))
    family, why = _family(lag)
    if family == "":
        return Recognised(tuple(shared), 0.3, f"kolonnen {column} holder formål, men ikke om planen er en kommuneplan")
    objekttype = "KpArealformålOmråde" if family == "Kp" else "RpArealformålOmråde"
    grunn = f"kolonnen {column} holder formål, og {why} sier {FAMILY_NAMES[family]}"
    return Recognised((objekttype,), 0.6 if why == "kodene" else 0.8, grunn)


def _hensyn(lag: _Lag) -> Recognised | None:
    for sone, navn in HENSYN.items():
        column = next(iter(sosi.columns_of(navn, lag.columns)), None)
        if column is not None and (lag.has("arealplanId.planidentifikasjon") or sosi.belief(navn, column) != (0, 0)):
            family = "Rp" if column.lower().startswith("rp") or _family(lag)[0] == "R" else "Kp"
            return Recognised((family + sone,), 0.8, f"kolonnen {column} er en hensynssone, ikke arealformål")
    return None


def _extent(lag: _Lag) -> Recognised | None:
    """Recognise extents: a plan's status or type or name beside its id, and no purpose."""
    plan = lag.has("arealplanId.planidentifikasjon")
    told = [c for name in ("planstatus", "plantype", "plannavn", "ikrafttredelsesdato") if (c := lag.has(name))]
    if plan is None or not told:
        return None
    family, why = _family(lag)
    columns = ", ".join([plan, *told][:3])
    if family == "":
        return Recognised(("KpOmråde", "RpOmråde"), 0.3, f"kolonnene {columns} er planens, men ikke hvilken slags plan")
    grunn = f"kolonnene {columns} er planens, og {why} sier {FAMILY_NAMES[family]}"
    return Recognised((sosi.OMRAADER[family],), 0.85 if len(told) > 1 else 0.7, grunn)


def _by_words(lag: _Lag) -> Recognised | None:
    """Recognise a layer by its name alone, where no column tells: never sure."""
    if lag.columns and not any(sosi.columns_of(n, lag.columns) for n in ATTRIBUTTER):
        return None
    family = _family_word(lag)
    is_zone = any(w in lag.words for w in ZONE_WORDS)
    types: tuple[str, ...]
    if any(w in lag.words for w in EXTENT_WORDS):
        types = (sosi.OMRAADER[family],) if family else ("KpOmråde", "RpOmråde")
    elif is_zone:
        types = tuple(t for t in KODER if t.startswith(family or ("Kp", "R")))
    elif family == "R":
        types = ("RpOmråde",)
    elif family == "Kp":
        types = ("KpOmråde", "KpArealformålOmråde")
    else:
        return None
    return Recognised(types, 0.4 if family else 0.2, f"bare navnet {lag.name} tyder på det; kolonnene sier det ikke")


def _family(lag: _Lag) -> tuple[Family, str]:
    """Return the kind of plan and what tells it: types of plans in the sample, columns, the name, codes."""
    plantypes = set(lag.values(_PLANTYPE))
    if plantypes and plantypes <= KP_TYPES | RP_TYPES and not (plantypes & KP_TYPES and plantypes & RP_TYPES):
        return ("Kp" if plantypes <= KP_TYPES else "R"), "plantypene"
    if family := _family_word(lag):
        return family, "navnet"
    for name, family in (("arealbruksstatus", "Kp"), ("vertikalnivå", "R"), ("feltbetegnelse", "R")):
        if column := lag.has(name):
            return family, f"kolonnen {column}"
    codes = {int(c) for c in lag.values(KODER["KpArealformålOmråde"]) if re.fullmatch(r"[1-6][0-9]{3}", c)}
    if codes - KP_2008:
        return "R", "kodene"
    return ("Kp", "kodene") if len(codes) >= 3 else ("", "")


def _family_word(lag: _Lag) -> Family:
    """Return the kind of plan in the layer's name: the later word counts, the service often stands before the layer."""
    places = {family: max(_place(lag, w) for w in words) for family, words in FAMILY_WORDS.items()}
    best = max(places, key=lambda family: places[family])
    return best if places[best] >= 0 else ""


def _place(lag: _Lag, word: str) -> int:
    """Return where a word stands last in the layer's name; a short one must stand alone."""
    return lag.words.rfind(word) if len(word) > 3 or word in lag.tokens else -1


def _sensible(lag: _Lag, found: Recognised) -> Recognised:
    """Return what was found, trusted less when the sample holds no code of its lists."""
    for objekttype in found.objekttyper:
        values = lag.values(KODER[objekttype]) if objekttype in KODER else []
        digits = r"[1-6][0-9]{3}" if objekttype.endswith("alformålOmråde") else r"[1-9][0-9]{2}"
        if values and not any(re.fullmatch(digits, v) for v in values):
            strange = ", ".join(sorted(set(values))[:3])
            return Recognised(found.objekttyper, min(found.tillit, 0.4), f"{found.grunn}; men kodene er {strange[:80]}")
    if (statuses := set(lag.values(_PLANSTATUS))) and VEDTATT not in statuses:
        seen = ", ".join(sorted(statuses))[:80]
        return Recognised(found.objekttyper, min(found.tillit, 0.4), f"{found.grunn}; men planstatus er {seen}")
    return found


def _last(name: str) -> str:
    return re.split(r"[/\\:.]", name.strip())[-1]

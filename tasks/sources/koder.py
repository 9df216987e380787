"""Words and codes as sources write them → the form that the product uses."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from datetime import date
from numbers import Integral
from urllib.parse import urlsplit

# Names of the SOSI code lists (planstatus, plantype, vertikalnivå, arealbruksstatus) that occur in place of codes.
PLANSTATUS = {
    "planinitiativ": "0",
    "planlegging igangsatt": "1",
    "planforslag": "2",
    "endelig vedtatt arealplan": "3",
    "endelig vedtatt": "3",
    "vedtatt": "3",
    "gjeldende": "3",
    "gjeldende plan": "3",
    "i kraft": "3",
    "stadfestet": "3",
    "under arbeid": "1",
    "opphevet": "4",
    "utgått/erstattet": "5",
    "utgått": "5",
    "erstattet": "5",
    "vedtatt plan med utsatt rettsvirkning": "6",
    "endelig vedtatt plan underlagt tidsbegrensning": "7",
    "overstyrt": "8",
    "avvist": "9",
    "trukket/uaktuelt": "10",
}
PLANTYPE = {
    "kommuneplanens arealdel": "20",
    "kommuneplan": "20",
    "kommunedelplan": "21",
    "mindre endring av kommune(del)plan": "22",
    "eldre reguleringsplan": "30",
    "mindre reguleringsendring": "31",
    "bebyggelsesplan ihht. reguleringsplan": "32",
    "bebyggelsesplan ihht kommuneplanens arealdel": "33",
    "områderegulering": "34",
    "detaljregulering": "35",
}
VERTIKALNIVAA = {
    "under grunnen (tunnel)": "1",
    "under grunnen": "1",
    "på grunnen/vannoverflate": "2",
    "på grunnen": "2",
    "på bakken": "2",
    "bakkenivå": "2",
    "bakken": "2",
    "over grunnen (bru)": "3",
    "over grunnen": "3",
    "på bunnen (vann/sjø)": "4",
    "i vannsøylen": "5",
}
AREALSTATUS = {
    "nåværende": "1",
    "framtidig": "2",
    "fremtidig": "2",
    "videreutvikling av nåværende": "3",
    "videreutvikling": "3",
}

_KINDS = {
    *("plan", "planen", "arealplan", "reguleringsplan", "områderegulering", "detaljregulering", "bebyggelsesplan"),
    *("kommuneplan", "kommunedelplan"),
}
_SAYS_NOTHING = dict.fromkeys(PLANSTATUS.values(), _KINDS)
_SAYS_NOTHING["3"] = _KINDS | {"endelig", "vedtatt", "gjeldende", "og", "i", "kraft"}
"""Words beside a status that leave it what it is, by its code; any other may turn it: *med utsatt rettsvirkning*,
*ikke*, *delvis*."""

_DESTROYED = re.compile(
    r"(\[*L?[A-Za-z_$]\w*(\.[\w$]+)+;?|\[+[BCDFIJSZ])@[0-9a-f]+|System\.\w+(\.\w+)*(\[\])*", re.ASCII
)
"""What Java and .NET print for a value that they cannot print."""

_NULLS = frozenset({"", "-", "--", "<null>", "null", "nan", "<na>"})

MAX_LINK = 2000
OLDEST = 1900
"""A date before this year is a filler such as 1800-01-01 or 1899-12-30."""

_LETTERS = str.maketrans({"æ": "ae", "ø": "o", "å": "a", "ä": "a", "ö": "o"})


def fold(word: str) -> str:
    """Return a name for comparison: small letters, æøå as ASCII, letters and digits only.

    Both ways of writing å (a, aa) and ø (o, oe) fold to the same.

    Examples
    --------
    >>> fold("KpArealformålOmråde") == fold("kparealformaalomraade") == fold("kparealformalomrade")
    True
    """
    plain = re.sub(r"[^a-z0-9]", "", word.lower().translate(_LETTERS))
    return plain.replace("aa", "a").replace("oe", "o")


def blank_is_none(value: object) -> str | None:
    """Return text with single inner blanks, or None for nothing, "" and "-"."""
    if not isinstance(value, str):
        return None
    text = value if value.isprintable() else "".join(c if c.isprintable() else " " for c in value)
    plain = " ".join(text.split())
    return None if plain in {"", "-"} else plain


def is_unreadable(value: object) -> bool:
    """Return whether a value was destroyed on its way: it is not known, which is not the same as not set.

    Examples
    --------
    >>> is_unreadable("[Ljava.lang.Double;@493a67bb"), is_unreadable("System.Byte[]"), is_unreadable("post@x.no")
    (True, True, False)
    """
    return isinstance(value, str) and _DESTROYED.fullmatch(value.strip()) is not None


def cell(value: object) -> str | None:
    """Return a cell of a raw frame as text, None for nothing: "", "-", nulls that became words, what is unreadable.

    Examples
    --------
    >>> cell(" B1  "), cell(4601.0), cell("0301"), cell("<Null>"), cell(float("nan")), cell("[D@1b6d3586")
    ('B1', '4601', '0301', None, None, None)
    """
    if isinstance(value, float):
        value = None if not math.isfinite(value) else str(int(value)) if value.is_integer() else repr(value)
    elif isinstance(value, Integral):
        value = str(value)
    plain = None if is_unreadable(value) else blank_is_none(value)
    return None if plain is None or plain.lower() in _NULLS else plain


def coded(value: object, names: dict[str, str] | None = None, *, zero_is_none: bool = False) -> str | None:
    """Return a code that stands alone or before its name (`3 - Vedtatt` → `3`); a name in `names` becomes its code.

    Parameters
    ----------
    zero_is_none
        0 is no code of the list: exports write it where nothing is set.

    Examples
    --------
    >>> coded("1110 - Boligbebyggelse"), coded("0", zero_is_none=True), coded("B3"), coded("vedtatt", PLANSTATUS)
    ('1110', None, 'B3', '3')
    """
    plain = code(value, names)
    if plain is not None and (match := re.match(r"([0-9]{1,4})(?: *[-–:=] *| +)[^\W\d]{2}", plain)):
        plain = match[1]
    return None if zero_is_none and plain is not None and re.fullmatch(r"0+", plain) else plain


def code(value: object, names: dict[str, str] | None = None) -> str | None:
    """Return a code without a false fraction (`3.0` → `3`); a name in `names` becomes its code, others stay.

    Examples
    --------
    >>> code("Detaljregulering ", PLANTYPE), code("3.0"), code("-"), code("noe annet", PLANTYPE)
    ('35', '3', None, 'noe annet')
    """
    plain = blank_is_none(value)
    if plain is None:
        return None
    plain = re.sub(r"^(\d+)\.0+$", r"\1", plain)
    return (names or {}).get(plain.lower(), plain)


def status(value: object) -> str | None:
    """Return the planstatus (SOSI code) that a value says, None where that cannot be told: it is never guessed.

    Examples
    --------
    >>> [status(v) for v in ("03", "3 - Endelig vedtatt", "vedtatt (3)", "Gjeldende reguleringsplan", "Vedtatt 2012")]
    ['3', '3', '3', '3', '3']
    >>> [status(v) for v in ("Vedtatt plan med utsatt rettsvirkning", "Forslag til vedtatt plan", "2 - Vedtatt", "20")]
    ['6', None, None, None]
    """
    return _listed(value, PLANSTATUS, says_nothing=_SAYS_NOTHING)


def nivaa(value: object) -> str | None:
    """Return the vertikalnivå (SOSI code) that a value says, None where that cannot be told.

    Examples
    --------
    >>> [nivaa(v) for v in ("02", "VN2", "På grunnen (2)", "Bakkenivå", "Under grunnen (tunnel)", "1+2", "0")]
    ['2', '2', '2', '2', '1', None, None]
    """
    plain = blank_is_none(value)
    bare = plain and re.sub(r"^(?:vn|vertikalnivå|nivå)[ _-]?(?=[0-9])", "", plain, flags=re.IGNORECASE)
    return _listed(bare, VERTIKALNIVAA)


def status_or_text(value: object) -> str | None:
    """Return the planstatus, or the words as they stand where they cannot be read."""
    return status(value) or blank_is_none(value)


def nivaa_or_text(value: object) -> str | None:
    """Return the vertikalnivå, or the words as they stand where they cannot be read; 0 is not set."""
    text = nivaa(value) or blank_is_none(value)
    return None if text is not None and re.fullmatch(r"0+(\.0+)?", text) else text


def _listed(
    value: object, names: dict[str, str], *, says_nothing: Mapping[str, Collection[str]] | None = None
) -> str | None:
    """Return the code of a list that stands alone, before its name or in brackets after it, or that its name means."""
    plain = (blank_is_none(value) or "").casefold().rstrip(" .,;:")
    if plain in names:
        return names[plain]
    match = _CODE_FIRST.fullmatch(plain) or _CODE_LAST.fullmatch(plain)
    words, number = (match["ord"] or "", str(int(match["kode"]))) if match else (plain, None)
    said = _meant(words.strip(), names, says_nothing)
    if number is None:
        return said
    # A list of the source's own may count otherwise: what word and code say differently, nobody knows.
    return number if number in names.values() and said in {None, number} else None


_CODE_FIRST = re.compile(r"(?P<kode>[0-9]{1,3})(?:\.0+)?(?:(?: *[-–:=] *| +)(?P<ord>[^\W\d].*))?")
_CODE_LAST = re.compile(r"(?P<ord>[^\W\d].*?) *(?:\((?P<kode>[0-9]{1,2})\))")
_DATE = re.compile(r"[0-9]{4}|[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{2,4}|[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _meant(words: str, names: dict[str, str], says_nothing: Mapping[str, Collection[str]] | None) -> str | None:
    """Return the code of the longest name that the words begin with, when the rest of them says nothing."""
    for name in sorted(names, key=len, reverse=True):
        if words == name:
            return names[name]
        if words.startswith(name) and not words[len(name)].isalnum():
            if says_nothing is None:
                return None
            rest = [w.strip("(),.;:-–") for w in words[len(name) :].split()]
            harmless = says_nothing[names[name]]
            is_said = all(not w or w in harmless or _DATE.fullmatch(w) for w in rest)
            return names[name] if is_said else None
    return None


def plan_ident(value: object) -> str | None:
    """Return a planidentifikasjon as text; 0, which exports write where nothing is set, is none."""
    plain = code(value)
    return None if plain is None or re.fullmatch(r"0+", plain) else plain


def kommunenummer_of(value: object) -> str | None:
    """Return four digits (`301`, `301.0` → `0301`), or None when it is no kommunenummer."""
    plain = code(value)
    return plain.zfill(4) if plain is not None and re.fullmatch(r"[0-9]{3,4}", plain) else None


def iso_date(value: object) -> str | None:
    """Return a date as ISO text from the forms that occur, or None when there is none.

    ``2011-06-16``, ``2011-06-16Z``, ``2011-06-16T00:00:00``, ``20100615``, ``20100615.0``, ``16.06.2011`` and
    milliseconds since 1970. A UTC time of 22 or 23 o'clock sharp is midnight in Norway: the day after.
    """
    plain = code(value)
    if plain is None:
        return None
    try:
        found = _date(plain)
    except (ValueError, OverflowError):
        return None
    return found.isoformat() if found is not None and found.year >= OLDEST else None


def _date(plain: str) -> date | None:
    if match := re.fullmatch(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})(.*)", plain):
        year, month, day = (int(g) for g in match.groups()[:3])
        tail = match[4]
        if tail and not re.match(r"[TZ +-]", tail):
            return _from_milliseconds(plain)
        local_midnight = re.fullmatch(r"[T ]2[23]:00(:00(\.0+)?)?(Z|\+00:?00)", tail) is not None
        return date.fromordinal(date(year, month, day).toordinal() + local_midnight)
    if match := re.fullmatch(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", plain):
        return date(int(match[3]), int(match[2]), int(match[1]))
    return _from_milliseconds(plain)


def _from_milliseconds(plain: str) -> date | None:
    if not re.fullmatch(r"-?[0-9]{9,14}", plain):
        return None
    hours = int(plain) // 3_600_000
    return date.fromordinal(date(1970, 1, 1).toordinal() + (hours + 2 if hours % 24 >= 22 else hours) // 24)


def link(value: object) -> str | None:
    """Return an http(s) address, or None; ``www.…`` gets https."""
    if not isinstance(value, str):
        return None
    plain = value.strip()
    if plain.lower().startswith("www."):
        plain = f"https://{plain}"
    if len(plain) > MAX_LINK or not plain.isprintable() or any(c in plain for c in " <>\"'`\\"):
        return None
    try:
        parts = urlsplit(plain)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        return None
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        return None
    return plain if port_is_valid else None

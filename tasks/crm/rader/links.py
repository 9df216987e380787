"""Deep links that a salesperson opens: the plan, the map, the aerial photo, the property.

Addresses are built from numbers and ids alone; a link that came with the data is used only when it is http(s).
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote, urlsplit

from tasks.crm.rader.matrikkel import read_number
from tasks.crm.rader.rad import line

MAX_LINK = 2_000
"""Characters; what is longer, browsers and Airtable may cut."""

_LETTERS = str.maketrans({"æ": "ae", "ø": "o", "å": "a", "đ": "d", "ŋ": "n", "ŧ": "t"})
_SAMI_FIRST = frozenset(
    {
        "Aarborte",
        "Deatnu",
        "Dielddanuorri",
        "Guovdageaidnu",
        "Gáivuotna",
        "Hábmer",
        "Kárášjohka",
        "Loabák",
        "Raarvihke",
        "Rosse",
        "Snåase",
        "Unjárga",
    }
)
"""Kommuner whose official name begins with the Sámi one; the Norwegian one stands second. Source: Kartverket,
kommuneinfo (kommunenavn, kommunenavnNorsk), 2023-11."""


def norgeskart(*, nord_25833: float, ost_25833: float, zoom: int = 15) -> str:
    """Return a link to norgeskart.no with a marker.

    Parameters
    ----------
    nord_25833, ost_25833
        Metres in EPSG:25833, which the page wants as lat and lon; eastings are negative in the west.

    Examples
    --------
    >>> norgeskart(nord_25833=6735304.0, ost_25833=-31841.97)
    'https://norgeskart.no/#!?project=norgeskart&layers=1002&zoom=15&lat=6735304&lon=-31842&markerLat=6735304&markerLon=-31842'
    """
    lat, lon = round(nord_25833), round(ost_25833)
    return (
        f"https://norgeskart.no/#!?project=norgeskart&layers=1002&zoom={zoom}"
        f"&lat={lat}&lon={lon}&markerLat={lat}&markerLon={lon}"
    )


def norgeibilder(*, nord_25833: float, ost_25833: float) -> str:
    """Return a link to the aerial photos of a place.

    Parameters
    ----------
    nord_25833, ost_25833
        Metres in EPSG:25833 (``utm=33`` of the page).

    Examples
    --------
    >>> norgeibilder(nord_25833=6735304.0, ost_25833=-31841.97)
    'https://www.norgeibilder.no/?x=-31842&y=6735304&level=17&utm=33'
    """
    return f"https://www.norgeibilder.no/?x={round(ost_25833)}&y={round(nord_25833)}&level=17&utm=33"


def seeiendom(matrikkelenhet: str) -> str | None:
    """Return a link to the property at Kartverket, None for what is no matrikkelnummer.

    Examples
    --------
    >>> seeiendom("3207-46/1"), seeiendom("3207-46/../1")
    ('https://seeiendom.kartverket.no/eiendom/3207/46/1/0/0', None)
    """
    number = read_number(matrikkelenhet)
    if number is None:
        return None
    return "https://seeiendom.kartverket.no/eiendom/" + "/".join(str(part) for part in number)


def own_link(lenke: object) -> str | None:
    """Return a plan's own link when it is http(s) and of a sensible length; what could end it early is encoded.

    Examples
    --------
    >>> own_link(" https://plan.example.no/a b "), own_link("javascript:alert(1)"), own_link("https://a@b.no/")
    ('https://plan.example.no/a%20b', None, None)
    """
    if not isinstance(lenke, str):
        return None
    plain = re.sub(r"[ <>\"'`\\^{|}]", lambda unsafe: quote(unsafe[0], safe=""), lenke.strip())
    if len(plain) > MAX_LINK or not plain.isprintable():
        return None
    try:
        parts = urlsplit(plain)
        is_reachable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    is_web = parts.scheme.lower() in {"http", "https"} and not re.search("[@%]", parts.netloc)
    return plain if is_web and is_reachable else None


def arealplaner(*, kommunenummer: str, kommunenavn: str, planidentifikasjon: str) -> str | None:
    """Return a link to a plan at arealplaner.no, for plans that came without a link of their own; None without an id.

    The page's name is the kommune's and its number. Names of one word are seen so (``bergen4601``); that spaces,
    hyphens and accents go, and that the Norwegian of two names counts, is the likeliest reading.

    Examples
    --------
    >>> arealplaner(kommunenummer="3207", kommunenavn="Nordre Follo", planidentifikasjon="KPA 2023")
    'https://www.arealplaner.no/nordrefollo3207/gi?funksjon=VisPlan&planidentifikasjon=KPA%202023&kommunenummer=3207'
    """
    ident = line(planidentifikasjon, MAX_LINK)
    if ident is None:
        return None
    link = (
        f"https://www.arealplaner.no/{page_name(kommunenavn)}{kommunenummer}/gi?funksjon=VisPlan"
        f"&planidentifikasjon={quote(ident, safe='')}&kommunenummer={kommunenummer}"
    )
    return link if len(link) <= MAX_LINK else None


def page_name(kommunenavn: str) -> str:
    """Return a kommune's name as an address writes it.

    Examples
    --------
    >>> [page_name(n) for n in ("Ås", "Aurskog-Høland", "Hábmer - Hamarøy", "Porsanger - Porsáŋgu - Porsanki")]
    ['as', 'aurskogholand', 'hamaroy', 'porsanger']
    """
    first, *others = kommunenavn.split(" - ")
    norwegian = others[0] if others and first in _SAMI_FIRST else first
    plain = unicodedata.normalize("NFKD", norwegian.lower().translate(_LETTERS))
    return re.sub(r"[^a-z]", "", plain)

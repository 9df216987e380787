"""Deep links that a salesperson opens: the plan, the map, the property.

Addresses are built from numbers and ids alone; a link that came with the data is used only when it is http(s).
"""

from __future__ import annotations

import re
from urllib.parse import quote

_LETTERS = str.maketrans({"æ": "ae", "ø": "o", "å": "a"})


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
    lat, lon = f"{nord_25833:.0f}", f"{ost_25833:.0f}"
    return (
        f"https://norgeskart.no/#!?project=norgeskart&layers=1002&zoom={zoom}"
        f"&lat={lat}&lon={lon}&markerLat={lat}&markerLon={lon}"
    )


def seeiendom(matrikkelenhet: str) -> str:
    """Return a link to the property at Kartverket.

    Examples
    --------
    >>> seeiendom("3207-46/1/0/0")
    'https://seeiendom.kartverket.no/eiendom/3207/46/1/0/0'
    """
    kommunenummer, _, rest = matrikkelenhet.partition("-")
    return f"https://seeiendom.kartverket.no/eiendom/{kommunenummer}/{rest}"


def arealplaner(*, kommunenummer: str, kommunenavn: str, planidentifikasjon: str) -> str:
    """Return a link to a plan at arealplaner.no, for plans that came without a link of their own.

    Examples
    --------
    >>> arealplaner(kommunenummer="3207", kommunenavn="Nordre Follo", planidentifikasjon="KPA 2023")
    'https://www.arealplaner.no/nordrefollo3207/gi?funksjon=VisPlan&planidentifikasjon=KPA%202023&kommunenummer=3207'
    """
    first = kommunenavn.split(" - ", maxsplit=1)[0].lower().translate(_LETTERS)
    name = re.sub(r"[^a-z]", "", first)
    return (
        f"https://www.arealplaner.no/{name}{kommunenummer}/gi?funksjon=VisPlan"
        f"&planidentifikasjon={quote(planidentifikasjon, safe='')}&kommunenummer={kommunenummer}"
    )

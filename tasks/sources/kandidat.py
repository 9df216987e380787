"""A service that a catalogue names and that may hold plans: its address made plain, its protocol, who says so.

An address comes from a catalogue that anybody can write to. Only https to port 443 of a public host is asked; in the
sandbox only this machine.
"""

from __future__ import annotations

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from config.settings import is_loopback
from tasks.errors import SourceError
from tasks.sources.unntak import shorten

Tjenesteslag = Literal["ogc_features", "wfs", "arcgis"]

MAX_ADDRESS = 500
HTTPS = 443
LOOKUP_S = 5.0
"""For the name of a host: the resolver itself may wait for minutes."""
# Parameters of a request, which are no part of a service's address; others (`map=…`) are.
_REQUEST = frozenset({"service", "request", "version", "acceptversions", "f", "token"})
_ARCGIS = re.compile(r"^(.*?)/(?:rest/)?services/(.+?)/(MapServer|FeatureServer)(?:/.*)?$", re.IGNORECASE)
_ARCGIS_FOLDER = re.compile(r"^.*/rest/services(?:/.*)?$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Kandidat:
    """One service as a catalogue describes it.

    Attributes
    ----------
    adresse
        Without the parameters of a request, without a slash at its end.
    protokoll
        How it is read, told by what the catalogue says and by the address.
    er_aapen
        Whether the catalogue calls it open; None when it does not tell.
    funnet
        Which catalogue named it.
    """

    adresse: str
    protokoll: Tjenesteslag
    tittel: str
    eier: str
    lisens: str
    er_aapen: bool | None
    funnet: str


@dataclass(frozen=True)
class Treff:
    """One hit of a catalogue, as it stands there: all texts are foreign."""

    tittel: str
    eier: str
    protokoll: str
    adresse: str
    lisens: str
    er_aapen: bool | None
    omtale: str = ""


def candidate(treff: Treff, *, funnet: str) -> Kandidat | None:
    """Return the service that a hit names, or None when it is none that plans can be read from (a WMS, a web page).

    Examples
    --------
    >>> hit = Treff("Plan", "Ås", "OGC:WMS", "https://x.no/arcgis/services/P/Q/MapServer/WMSServer?request=x", "", None)
    >>> found = candidate(hit, funnet="katalog")
    >>> found.protokoll, found.adresse
    ('arcgis', 'https://x.no/arcgis/rest/services/P/Q/MapServer')
    """
    plain = _plain(treff.adresse)
    if plain is None:
        return None
    known = _protocol(plain, treff.protokoll)
    if known is None:
        return None
    protokoll, adresse = known
    return Kandidat(
        adresse=adresse,
        protokoll=protokoll,
        tittel=shorten(treff.tittel),
        eier=shorten(treff.eier),
        lisens=shorten(treff.lisens),
        er_aapen=treff.er_aapen,
        funnet=funnet,
    )


def _plain(adresse: str) -> str | None:
    """Return an address without credentials, fragment and the parameters of a request; None when it is none."""
    text = adresse.strip()
    if not text or len(text) > MAX_ADDRESS or not text.isprintable() or any(c in text for c in " <>\"'`\\"):
        return None
    try:
        parts = urlsplit(text)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0 or "@" in parts.netloc:
            return None
    except ValueError:  # brackets that do not close, a port that is no number
        return None
    kept = [(k, v) for k, v in parse_qsl(parts.query) if k.lower() not in _REQUEST]
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), urlencode(kept), ""))


def _protocol(adresse: str, said: str) -> tuple[Tjenesteslag, str] | None:
    bare = adresse.partition("?")[0]
    if match := _ARCGIS.match(bare):
        return "arcgis", f"{match[1]}/rest/services/{match[2]}/{match[3]}"
    if _ARCGIS_FOLDER.match(bare):
        return "arcgis", bare
    word = said.lower()
    if "api-features" in word or "/collections" in bare or ("ogc:api" in word and "tile" not in word):
        return "ogc_features", bare.partition("/collections")[0]
    last = unquote(bare).rpartition("/")[2].lower()
    if "wfs" in word or ("wms" not in word and last.startswith("wfs")):
        return "wfs", adresse
    return None


def require_public(adresse: str, *, sandbox: bool) -> None:
    """Refuse an address that a catalogue must not make this machine ask.

    Parameters
    ----------
    sandbox
        True: only this machine is asked. False: only https to hosts all of whose addresses are public.

    Raises
    ------
    SourceError
        Naming the host and why.
    """
    parts = urlsplit(adresse)
    host = parts.hostname or ""
    if sandbox:
        if not is_loopback(adresse):
            raise SourceError(f"{host}: the sandbox asks this machine alone.")
        return
    if parts.scheme != "https":
        raise SourceError(f"{host}: not https. Ask whoever runs the service for an https address.")
    # A name may lead elsewhere when it is looked up again: what answers on other ports inside is out of reach then too.
    if (parts.port or HTTPS) != HTTPS:
        raise SourceError(f"{host}: port {parts.port}, where only {HTTPS} is asked. Ask for an address without a port.")
    if _behind_proxy(host):  # which resolves the name itself, and guards its own network
        _require_public_name(host)
        return
    try:
        found = _addresses(host)
    except TooLate:
        raise SourceError(f"{host}: its name was not found within {LOOKUP_S:g} s. Try again later.") from None
    except (OSError, UnicodeError):
        raise SourceError(f"{host}: no such host. Check the name; the catalogue may be out of date.") from None
    for place in found:
        if not ip_address(place.partition("%")[0]).is_global:
            raise SourceError(f"{host}: lies in a private network, which is not asked. Tell Geonorge.")


def _addresses(host: str) -> list[str]:
    """Return the addresses of a host; `TimeoutError` when nobody tells in time."""
    pool = ThreadPoolExecutor(1)
    try:
        job = pool.submit(socket.getaddrinfo, host, HTTPS, proto=socket.IPPROTO_TCP)
        return [str(place[0]) for *_, place in job.result(LOOKUP_S)]
    finally:
        pool.shutdown(wait=False)


def _behind_proxy(host: str) -> bool:
    return "https" in getproxies() and not proxy_bypass(host)


def _require_public_name(host: str) -> None:
    try:
        public = ip_address(host).is_global
    except ValueError:
        public = "." in host and not host.endswith((".local", ".internal", ".lan", ".localdomain", ".localhost"))
    if not public:
        raise SourceError(f"{host}: is no public host, and is not asked. Tell Geonorge.")

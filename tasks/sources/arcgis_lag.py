"""A layer of an ArcGIS service: what it is able to, and the question that gets one kommune's rows of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.crs import STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sources.address import CHECK_ADDRESS, plain_address
from tasks.sources.asked import Asked, Bounds, numbers
from tasks.sources.jsonsvar import read_json
from tasks.sources.koder import fold
from tasks.sources.refusal import NoAccessError
from tasks.sources.unntak import shorten

TEXT = "esriFieldTypeString"
NUMBERS = frozenset(
    f"esriFieldType{kind}" for kind in ("SmallInteger", "Integer", "BigInteger", "Single", "Double", "OID")
)
NUMBER = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, kw_only=True)
class Lag:
    """One layer.

    Attributes
    ----------
    felter
        Column → esri type.
    oid
        Column of the object ids; None when it has none.
    flest
        Rows in one answer at most.
    har_sider
        Whether it can be read from a row onwards.
    gir_geojson
        Whether it answers in GeoJSON; else in ArcGIS's own JSON.
    """

    url: str
    felter: Mapping[str, str]
    oid: str | None
    flest: int
    har_sider: bool
    gir_geojson: bool

    @property
    def where(self) -> str:
        """The address as it stands in a message."""
        return plain_address(self.url)


def ask(asked: Asked, url: str, question: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the JSON answer to a question, or to none: the description of what lies at the address.

    ArcGIS refuses with HTTP 200: the client knows its codes, and asks again where that may help.

    Raises
    ------
    SourceError
        Naming the address, what it says and what to do.
    """
    try:
        if question is None:
            return read_json(asked.client.get(url, params={"f": "json"}, expected="json"))
        return read_json(asked.client.post_form(url, {"f": "json", **question}, expected="json"))
    except NoAccessError as error:
        raise NoAccessError(f"{error} {_token_advice(asked)}") from None


def _token_advice(asked: Asked) -> str:
    kilde = asked.kilde
    if kilde.legitimasjon is None:
        return (
            f"The service is closed, but {kilde.navn} is open in config/plankilder.toml. Ask the kommune for an open "
            "address or a login, and name it in `legitimasjon`."
        )
    name = f"TOMT_{kilde.legitimasjon.upper()}"
    return f"The login in {name}_USERNAME and {name}_PASSWORD does not open it; ask the kommune for one that does."


# --- the layer ---


def undescribed(asked: Asked, name: str) -> Lag | None:
    """Return a layer of a number as any server can be asked for it, without asking what it can; None for a name."""
    number = name.rpartition("/")[2]
    if not number.isdecimal():
        return None
    url = f"{asked.adresse.rstrip('/')}/{name}"
    return Lag(url=url, felter={}, oid=None, flest=asked.limits.side, har_sider=False, gir_geojson=False)


def find_layer(asked: Asked, name: str) -> Lag:
    """Return a layer by its number below the service's address, or by its name.

    Raises
    ------
    SourceError
        When it is not there, is a group of layers, or cannot be asked.
    """
    base = asked.adresse.rstrip("/")
    number = name if name.rpartition("/")[2].isdecimal() else _number_of(asked, base, name)
    url = f"{base}/{number}"
    said = ask(asked, url)
    fields = said.get("fields")
    if not isinstance(fields, list) or said.get("type") == "Group Layer":
        kind = shorten(str(said.get("type") or f"keys {sorted(said)[:6]}"))
        raise SourceError(f"{plain_address(url)}: no layer with rows ({kind}). {_correct(asked)}")
    if isinstance(said.get("capabilities"), str) and "query" not in said["capabilities"].lower():
        raise SourceError(
            f"{plain_address(url)}: the layer can be drawn, but not asked ({shorten(said['capabilities']) or 'none'}). "
            "Ask the kommune to open Query, or for a file."
        )
    felter = {f["name"]: str(f.get("type")) for f in fields if isinstance(f, dict) and isinstance(f.get("name"), str)}
    return Lag(
        url=url,
        felter=felter,
        oid=_oid(said, felter),
        flest=_at_most(said.get("maxRecordCount"), asked.limits.side),
        har_sider=_supports(said, "supportsPagination"),
        gir_geojson="geojson" in str(said.get("supportedQueryFormats", "")).lower(),
    )


def _number_of(asked: Asked, base: str, name: str) -> str:
    listed = ask(asked, base)
    layers = [one for key in ("layers", "tables") for one in listed.get(key) or [] if isinstance(one, dict)]
    found = [one for one in layers if fold(str(one.get("name"))) == fold(name) and not one.get("subLayerIds")]
    if len(found) != 1:
        seen = shorten(", ".join(f"{one.get('id')} {one.get('name')}" for one in layers) or "none")
        many = "no layer" if not found else f"{len(found)} layers"
        raise SourceError(f"{plain_address(base)}: {many} {shorten(name)!r}; it has: {seen}. {_correct(asked)}")
    return str(found[0].get("id"))


def _correct(asked: Asked) -> str:
    return f"Correct `lag` of {asked.kilde.navn} in config/plankilder.toml."


def _oid(said: Mapping[str, Any], felter: Mapping[str, str]) -> str | None:
    named = said.get("objectIdField")
    if isinstance(named, str) and named in felter:
        return named
    return next((name for name, kind in felter.items() if kind == "esriFieldTypeOID"), None)


def _at_most(said: object, side: int) -> int:
    return min(said, side) if isinstance(said, int) and not isinstance(said, bool) and said > 0 else side


def _supports(said: Mapping[str, Any], ability: str) -> bool:
    advanced = said.get("advancedQueryCapabilities")
    return said.get(ability) is True or (isinstance(advanced, dict) and advanced.get(ability) is True)


# --- one kommune's rows ---


def condition(asked: Asked, lag: Lag) -> dict[str, str]:
    """Return the part of a question that picks the rows of the kommune.

    By `kommunefelt`, also under the kommune's earlier numbers; else by its box, unless the source is its own. And by
    the source's `filter`.

    Raises
    ------
    SourceError
        When the layer has no such column.
    """
    kilde = asked.kilde
    wanted = [
        _equals(felt, lag.felter[felt], values, lag.where)
        for column, values in kilde.filter.items()
        for felt in [_column(asked, lag, column, key="filter")]
    ]
    if kilde.kommunefelt is not None:
        felt = kommunefelt(asked, lag)
        wanted.append(_equals(felt, lag.felter[felt], _as_written(numbers(asked)), lag.where))
    where = {"where": " AND ".join(wanted) or "1=1"}
    return where if kilde.kommunefelt is not None or asked.boks is None else where | _within(asked.boks)


def _within(bounds: Bounds) -> dict[str, str]:
    west, south, east, north = bounds
    box = {"xmin": west, "ymin": south, "xmax": east, "ymax": north, "spatialReference": {"wkid": STORAGE_EPSG}}
    return {
        "geometry": json.dumps(box),
        "geometryType": "esriGeometryEnvelope",
        "inSR": str(STORAGE_EPSG),
        "spatialRel": "esriSpatialRelIntersects",
    }


def kommunefelt(asked: Asked, lag: Lag) -> str:
    """Return the layer's name of the column that tells the kommune, however it is cased.

    Raises
    ------
    SourceError
        Naming the columns that it has.
    """
    return _column(asked, lag, asked.kilde.kommunefelt or "", key="kommunefelt")


def _column(asked: Asked, lag: Lag, wanted: str, *, key: str) -> str:
    for name in lag.felter:
        if fold(wanted) in {fold(name), fold(name.rpartition(".")[2])}:
            return name
    raise SourceError(
        f"{lag.where}: no column {wanted}; it has: {shorten(', '.join(lag.felter))}. Correct `{key}` of "
        f"{asked.kilde.navn} in config/plankilder.toml."
    )


def _as_written(numre: tuple[str, ...]) -> tuple[str, ...]:
    """Return kommunenumre as text columns may have them: 0301 stands as 301 too."""
    return tuple(dict.fromkeys(spelt for number in numre for spelt in (number, number.lstrip("0"))))


def _equals(felt: str, kind: str, values: tuple[str, ...], where: str) -> str:
    if kind in NUMBERS:
        if strange := [v for v in values if not NUMBER.fullmatch(v)]:
            raise SourceError(f"{where}: {felt} is a {shorten(kind)}, which {shorten(strange[0])!r} is not.")
        literals = list(dict.fromkeys(str(int(v)) for v in values))
    elif kind == TEXT:
        literals = ["'" + v.replace("'", "''") + "'" for v in values]
    else:
        raise SourceError(
            f"{where}: {felt} is a {shorten(kind)}, no number or text, and cannot tell the kommune. {CHECK_ADDRESS}"
        )
    return f"{felt} = {literals[0]}" if len(literals) == 1 else f"{felt} IN ({','.join(literals)})"

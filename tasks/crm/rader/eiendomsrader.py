"""Rows of Eiendommer: every matrikkelenhet that has, or had, a lot."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from config.registers import Kommune
from tasks.crm.rader.links import seeiendom
from tasks.crm.rader.matrikkel import read_number
from tasks.crm.rader.rad import Row, RowsByKey, dicts, line, lines
from tasks.crm.rader.tomterader import properties_of
from tasks.tekst import tall

NOT_REGISTERED = "areal ikke registrert"


@dataclass
class _Eiendom:
    """Lots of one matrikkelenhet: (tomt_id, teig_id) of living and of gone ones."""

    alive: list[tuple[str, str]] = field(default_factory=list)
    gone: list[tuple[str, str]] = field(default_factory=list)

    @property
    def lots(self) -> list[tuple[str, str]]:
        """The living, or where there are none, the gone."""
        return self.alive or self.gone


def eiendom_rows(
    kommune: Kommune,
    tomter: pd.DataFrame,
    *,
    teiger: pd.DataFrame,
    adresser: pd.DataFrame,
    texts: Mapping[str, str | None],
) -> RowsByKey:
    """Return the rows of Eiendommer, by Matrikkelnummer.

    Area and teiger are those of its living lots; of gone ones where none lives. What no file tells (no teiger, no lot
    asked for its address) is left as it was. Of a property of the neighbour's only its number and links are told: his
    own run knows the rest, and the two would undo each other every night.

    Parameters
    ----------
    tomter, teiger, adresser
        Frames of these contracts; the latter two may be empty.
    texts
        tomt_id → address in words, of `adresser`.
    """
    found: dict[str, _Eiendom] = {}
    for tomt in dicts(tomter[["tomt_id", "teig_id", "matrikkelenheter", "tilstand"]]):
        for key in properties_of(tomt):
            lots = found.setdefault(key, _Eiendom())
            (lots.alive if tomt["tilstand"] == "aktiv" else lots.gone).append((tomt["tomt_id"], tomt["teig_id"]))
    areas = dict(zip(teiger["teig_id"], teiger["registrert_areal_m2"], strict=True))
    away = dict(zip(adresser["tomt_id"], adresser["avstand_m"], strict=True))
    rows = {key: _number_fields(kommune, key) for key in sorted(found)}
    for key in (k for k, row in rows.items() if row["Kommunenummer"] == kommune.nummer):
        there = found[key].lots
        rows[key] |= _teig_fields(sorted({teig for _, teig in there}), areas)
        rows[key] |= _adresse_fields([tomt for tomt, _ in there], texts, away)
    return rows


def _number_fields(kommune: Kommune, key: str) -> Row:
    """Return the fields that the number says; one of another form is kept as the key that lots point to."""
    number = read_number(key)
    if number is None:
        return {"Matrikkelnummer": key, "Kommunenummer": kommune.nummer if key.startswith(kommune.nummer) else None}
    return {
        "Matrikkelnummer": key,
        # Of the number itself: a teig may belong to a property of the neighbour.
        "Kommunenummer": number.kommunenummer,
        **({"Kommune": [number.kommunenummer]} if number.kommunenummer == kommune.nummer else {}),
        "Gnr": number.gnr,
        "Bnr": number.bnr,
        "Fnr": number.fnr,
        "Snr": number.snr,
        "Se eiendom": seeiendom(key),
    }


def _teig_fields(teig_ider: Iterable[str], areas: Mapping[str, float]) -> Row:
    """Return the teiger and the sum of what the register says of their areas, where it says so."""
    if not areas:
        return {"Teiger": lines(teig_ider)}
    registered = {teig: area if _is_area(area := areas.get(teig)) else None for teig in teig_ider}
    known = [area for area in registered.values() if area is not None]
    return {
        "Teiger": lines(
            f"{line(teig)}: {NOT_REGISTERED if area is None else f'{tall(area)} m²'}"
            for teig, area in registered.items()
        ),
        "Areal m²": sum(known) if known else None,
    }


def _is_area(area: float | None) -> bool:
    return area is not None and math.isfinite(area) and area > 0


def _adresse_fields(tomt_ider: Iterable[str], texts: Mapping[str, str | None], away: Mapping[str, float]) -> Row:
    """Return the address of the lot that is nearest to one; nothing where none is found and not all were asked for."""
    asked = list(tomt_ider)
    near = [(away[tomt], tomt) for tomt in asked if texts.get(tomt) is not None]
    if near:
        return {"Adresse": texts[min(near)[1]]}
    return {"Adresse": None} if asked and all(tomt in texts for tomt in asked) else {}

"""Motiv: what one picture shows, in the pixels of its map, and the digest that names it. Pure.

Geometry runs from the map's lower left corner and is already cut to what is seen. Two motifs with the same digest give
the same picture but for the date of the data: that moves whenever anything in the kommune does, and would send every
picture anew.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import shapely

from config.bilder import BilderRegister
from tasks.crm.bilder.utsnitt import Utsnitt

DRAWING = 3
"""Raised when the code draws the same content otherwise: every picture is then drawn anew."""
DIGEST_BYTES = 6
OUR_FILE = re.compile(r"[0-9]{4}-[0-9]{6,}-[0-9a-f]{12}\.png")


@dataclass(frozen=True)
class Teig:
    """A parcel: its visible part, its number as on maps (``46/1``; empty for none), and whether the lot lies on it."""

    form: Any
    nummer: str
    er_egen: bool


@dataclass(frozen=True)
class Sone:
    """A zone: its visible part, its colour and what that stands for."""

    form: Any
    navn: str
    farge: str


@dataclass(frozen=True)
class Plan:
    """A reguleringsplan: its visible part, its name, and whether it is adopted."""

    form: Any
    navn: str
    er_vedtatt: bool


@dataclass(frozen=True)
class Hinder:
    """A building (area or point) or a road."""

    form: Any
    er_veg: bool


@dataclass(frozen=True)
class Binding:
    """Land that is bound: its visible part, what the legend calls it, and its hatch.

    Attributes
    ----------
    er_myk
        True where it is only to be reckoned with, and building is not ruled out.
    """

    form: Any
    navn: str
    skravur: str
    er_myk: bool = False


@dataclass(frozen=True)
class Tekster:
    """What stands around the map.

    Attributes
    ----------
    tittel
        ``3207-000123 · 12 345 m² (12,3 daa)``.
    sted, vurdering
        Address, level and score; empty when not known.
    kilder
        Whose data it is.
    dato
        Date of the data as it is written, or empty; no part of the digest.
    """

    tittel: str
    sted: str
    vurdering: str
    kilder: str
    dato: str


@dataclass(frozen=True)
class Motiv:
    """All that one picture shows.

    Attributes
    ----------
    nord_grader
        True north, clockwise of up.
    nummer
        Of the lot's own property, as on maps.
    omraade
        The område that the lot is a part of, or None.
    soner
        In the order of drawing: the last one lies on top.
    kommune
        The part of the map that lies in the kommune; None when all of it does, or nobody knows.
    """

    tomt_id: str
    utsnitt: Utsnitt
    nord_grader: float
    tekster: Tekster
    tomt: Any
    nummer: str = ""
    omraade: Any = None
    teiger: tuple[Teig, ...] = ()
    soner: tuple[Sone, ...] = ()
    planer: tuple[Plan, ...] = ()
    hindre: tuple[Hinder, ...] = ()
    bindinger: tuple[Binding, ...] = ()
    kommune: Any = None


def digest(motiv: Motiv, register: BilderRegister, *, bakgrunn: str = "") -> str:
    """Return 12 letters that stand for the content of a picture and how it is drawn.

    Parameters
    ----------
    bakgrunn
        Where its background comes from; empty without one.
    """
    seen, text = motiv.utsnitt, motiv.tekster
    summary = [
        DRAWING,
        register.style(),
        bakgrunn,
        [motiv.tomt_id, motiv.nummer],
        [seen.epsg, seen.vest, seen.sor, seen.opplosning, seen.bredde, seen.hoyde],
        round(motiv.nord_grader),
        [text.tittel, text.sted, text.vurdering, text.kilder],
        [_hex(motiv.tomt), _hex(motiv.omraade), _hex(motiv.kommune)],
        [[_hex(t.form), t.nummer, t.er_egen] for t in motiv.teiger],
        [[_hex(s.form), s.navn, s.farge] for s in motiv.soner],
        [[_hex(p.form), p.navn, p.er_vedtatt] for p in motiv.planer],
        [[_hex(h.form), h.er_veg] for h in motiv.hindre],
        # In the order of what they are, not of the file: all of one hatch are drawn at once.
        sorted([_hex(b.form), b.navn, b.skravur, b.er_myk] for b in motiv.bindinger),
    ]
    return blake2b(json.dumps(summary).encode(), digest_size=DIGEST_BYTES).hexdigest()


def _hex(form: Any) -> str:
    return "" if form is None else str(shapely.to_wkb(form, hex=True))


def file_name(tomt_id: str, kjennetegn: str) -> str:
    """Return the name of a picture's file.

    Examples
    --------
    >>> file_name("3207-000123", "0123456789ab")
    '3207-000123-0123456789ab.png'
    """
    return f"{tomt_id}-{kjennetegn}.png"


def is_our_file(navn: object) -> bool:
    """Return True for a file that the program has named; what people put beside it is called otherwise."""
    return isinstance(navn, str) and OUR_FILE.fullmatch(navn) is not None

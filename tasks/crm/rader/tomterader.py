"""Rows of Tomter: the lots of a run, gone ones included, with everything that the program says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from config.kodeord import kodeord
from tasks.crm.rader.links import norgeibilder, norgeskart, seeiendom
from tasks.crm.rader.omraaderader import TILSTAND
from tasks.crm.rader.planer import Plan, Sone, main_plan
from tasks.crm.rader.rad import KEY_MAX, Felles, Row, RowsByKey, day, dicts, line, lines
from tasks.crm.rader.scorerader import score_fields
from tasks.tekst import tall

Dates = tuple[str | None, str | None]
NO_DATES: Dates = (None, None)


@dataclass
class Rundt:
    """What stands around the lots.

    Attributes
    ----------
    zones
        omraade_id → its zones, largest first.
    plans
        plan_id → plan.
    adresser
        tomt_id → nearest address in words, None where there is none near; not there when it was not asked for.
    datoer
        tomt_id → days of its first and its last event.
    """

    zones: Mapping[str, Sequence[Sone]] = field(default_factory=dict)
    plans: Mapping[str, Plan] = field(default_factory=dict)
    adresser: Mapping[str, str | None] = field(default_factory=dict)
    datoer: Mapping[str, Dates] = field(default_factory=dict)


def event_dates(hendelser: pd.DataFrame) -> dict[str, Dates]:
    """Return tomt_id → days of its first and its last event.

    Parameters
    ----------
    hendelser
        Contract hendelser.
    """
    ordered = hendelser.sort_values("nr")
    ids, days = ordered["tomt_id"].tolist(), [day(d) for d in ordered["dato"].tolist()]
    first, last = dict(zip(reversed(ids), reversed(days), strict=True)), dict(zip(ids, days, strict=True))
    return {tomt_id: (first[tomt_id], last[tomt_id]) for tomt_id in last}


def adresse_texts(adresser: pd.DataFrame) -> dict[str, str | None]:
    """Return tomt_id → its nearest address in words, None where it was asked for and none is near.

    Examples
    --------
    >>> adresse_texts(pd.DataFrame({"tomt_id": ["7001-000001"], "adresse": ["Storgata 2B"], "postnummer": ["7001"],
    ...                             "poststed": ["PRØVEDAL"], "avstand_m": [43.4]}))
    {'7001-000001': 'Storgata 2B, 7001 PRØVEDAL (43 m unna)'}
    """
    has_none = adresser.loc[adresser["adresse"].isna(), "tomt_id"]
    texts: dict[str, str | None] = dict.fromkeys(has_none)
    for row in dicts(adresser[adresser["adresse"].notna()]):
        place = " ".join(part for part in (line(row["postnummer"]), line(row["poststed"])) if part)
        away = f" ({row['avstand_m']:.0f} m unna)" if row["avstand_m"] >= 1 else ""
        plain = ", ".join(part for part in (line(row["adresse"]), place) if part)
        texts[row["tomt_id"]] = plain + away if plain else None
    return texts


def properties_of(tomt: Row) -> list[str]:
    """Return the keys of Eiendommer of a lot's teig."""
    return [key for enhet in tomt["matrikkelenheter"] if (key := line(enhet, KEY_MAX))]


def tomt_rows(scored: pd.DataFrame, rundt: Rundt) -> RowsByKey:
    """Return the rows of Tomter, by Tomt-id.

    The address of a lot that has no answer is left as it was: it may only not have been asked for yet. One that was
    asked for and has no address near it loses the old one.

    Parameters
    ----------
    scored
        As `with_scores` gives them; scores are missing for gone lots.
    """
    one = Felles()
    kommune = {nummer: [nummer] for nummer in scored["kommunenummer"].unique()}
    zone_fields = _zone_fields(rundt, one)
    rows = {}
    for tomt in dicts(scored):
        tomt_id = tomt["tomt_id"]
        created, updated = rundt.datoer.get(tomt_id, NO_DATES)
        rows[tomt_id] = {
            "Tomt-id": tomt_id,
            "Kommunenummer": one(tomt["kommunenummer"]),
            "Kommune": kommune[tomt["kommunenummer"]],
            "Område": [one(tomt["omraade_id"])],
            **score_fields(tomt, one),
            **_land_fields(tomt, one),
            **_property_fields(tomt, one),
            **zone_fields(tomt),
            **({"Adresse": rundt.adresser[tomt_id]} if tomt_id in rundt.adresser else {}),
            "Opprettet": one(created),
            "Oppdatert": one(updated),
            "Tilstand": TILSTAND[tomt["tilstand"]],
            "Årsak": one(line(tomt["aarsak"])),
        }
    return rows


def _land_fields(tomt: Row, one: Felles) -> Row:
    nord, ost = tomt["nord_25833"], tomt["ost_25833"]
    return {
        "Areal m²": tomt["areal_m2"],
        "Kjerne m²": tomt["kjerne_m2"],
        "Kjerne uten bygninger": tomt["kjerne_grunnlag"] == "form",
        "Differanse": one(tomt["differanse"]),
        "Klasse": one(tomt["klasse"]),
        "Arealstatus": kodeord().arealstatus.get(tomt["arealstatus"]),
        "Plan under arbeid": one(lines(tomt["planer_under_arbeid"])),
        "Kart": norgeskart(nord_25833=nord, ost_25833=ost),
        "Flyfoto": norgeibilder(nord_25833=nord, ost_25833=ost),
    }


def _property_fields(tomt: Row, one: Felles) -> Row:
    """Return the fields of the teig: a lot lies on one, with all of its area, and so does it on each of its owners'."""
    enheter = properties_of(tomt)
    area = f"{tall(tomt['areal_m2'])} m²"
    return {
        "Eiendommer": [one(enhet) for enhet in enheter],
        "Overlapp m²": lines(f"{enhet}: {area}" for enhet in enheter),
        "Se eiendom": one(next((link for enhet in enheter if (link := seeiendom(enhet))), None)),
        "Teig": one(line(tomt["teig_id"])),
        "Tvist": bool(tomt["har_tvist"]),
    }


def _zone_fields(rundt: Rundt, one: Felles) -> Callable[[Row], Row]:
    """Return what gives a lot's fields of zones and plan; lots of one område and the same plans share them."""
    known: dict[tuple[object, ...], Row] = {}

    def fields(tomt: Row) -> Row:
        key = (tomt["omraade_id"], tomt["klasse"], tomt["arealstatus"], *tomt["plan_ider"])
        if key not in known:
            on = [z for z in rundt.zones.get(tomt["omraade_id"], ()) if z.plan_id in tomt["plan_ider"]]
            main = main_zone(on, klasse=tomt["klasse"], arealstatus=tomt["arealstatus"])
            plan = main_plan(main, tomt["plan_ider"], rundt.plans)
            known[key] = {
                "Soner": one(lines(z.tekst for z in on)),
                "Sonetype": one(main.sonetype) if main is not None else None,
                "Plan": plan.lenke,
                "Planstatus": plan.status,
                "Plan vedtatt": plan.vedtatt,
            }
        return known[key]

    return fields


def main_zone(zones: Sequence[Sone], *, klasse: str | None, arealstatus: str | None) -> Sone | None:
    """Return the zone that most of a lot lies on: the largest of the område's with the lot's own class and status.

    Where none has both, class goes first; a zone of another class is not told of as the lot's.
    """
    of_class = [z for z in zones if z.klasse == klasse]
    return next((z for z in of_class if z.arealstatus == arealstatus), of_class[0] if of_class else None)

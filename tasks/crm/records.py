"""Records: the frames of a run as rows of the base, by field name; links are keys of the linked table.

Only pipeline fields stand here. A row holds no time of its own: the same input gives the same row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import pandas as pd

from config.registers import Kommune
from tasks.answer import Answer, Provenance, Rows
from tasks.crm.links import arealplaner, norgeskart, seeiendom

Row = dict[str, Any]
RowsByKey = dict[str, Row]

AREALSTATUS = {"1": "Nåværende", "2": "Framtidig", "3": "Videreutvikling"}
TILSTAND = {"aktiv": "Aktiv", "borte": "Borte"}
KONTROLL_TILSTAND = {"aapen": "Åpen", "lukket": "Lukket"}
ALVOR = {"høy": "Høy", "middels": "Middels", "lav": "Lav"}


def build_rows(
    kommune: Kommune,
    *,
    omraader: gpd.GeoDataFrame,
    tomter: gpd.GeoDataFrame,
    scorer: pd.DataFrame,
    soner: pd.DataFrame,
    planomraader: pd.DataFrame,
    dekning: pd.DataFrame,
    kontroll: pd.DataFrame,
    adresser: pd.DataFrame,
    kilder: str,
) -> dict[str, RowsByKey]:
    """Return table → key → row for everything that a run of one kommune says.

    Parameters
    ----------
    omraader, tomter, scorer, soner, planomraader, dekning, kontroll, adresser
        Frames of these contracts.
    kilder
        What each source answered, in words.
    """
    scored = pd.DataFrame(tomter.drop(columns="geometry")).merge(scorer, on="tomt_id", how="left", validate="1:1")
    links = plan_links(kommune, planomraader)
    own = kommune_row(kommune, omraader=omraader, scored=scored, kilder=kilder)
    return {
        "Kommuner": {kommune.nummer: own | dekning_fields(dekning)},
        "Områder": omraade_rows(omraader, soner=soner, links=links),
        "Eiendommer": eiendom_rows(kommune, tomter),
        "Tomter": tomt_rows(scored, links=links, adresser=adresse_texts(adresser)),
        "Kontroll": kontroll_rows(kontroll),
    }


def kommune_row(kommune: Kommune, *, omraader: gpd.GeoDataFrame, scored: pd.DataFrame, kilder: str) -> Row:
    """Return the row of the kommune itself; gone områder and tomter are not counted."""
    alive = omraader[omraader["tilstand"] == "aktiv"]
    lots = scored[scored["tilstand"] == "aktiv"]
    return {
        **identity(kommune),
        "Antall tomter": len(lots),
        "Antall områder": len(alive),
        "Areal områder m²": float(alive["areal_m2"].sum()),
        "Boliger (anslag)": float(lots["boliger"].sum()),
        "Kilder": kilder,
    }


def identity(kommune: Kommune) -> Row:
    """Return the fields of Kommuner that say which kommune it is."""
    return {
        "Kommunenummer": kommune.nummer,
        "Navn": kommune.navn,
        "Fylke": kommune.fylke,
        "Oppdiktet": kommune.oppdiktet,
    }


def dekning_fields(dekning: pd.DataFrame) -> Row:
    """Return the fields of Kommuner that say how good its data are; none where they were never assessed.

    Dates are those of the content: a run that finds nothing new gives the same fields.
    """
    if dekning.empty:
        return {}
    needed = dekning[dekning["er_paakrevd"].to_numpy(dtype=bool)]
    fetched = [t[:10] for t in needed["hentet_tid"] if isinstance(t, str)]
    plans = [d for d in dekning["nyeste_plan"] if isinstance(d, str)]
    why = [f"{tema}: {g}" for tema, grunner in zip(dekning["tema"], dekning["grunner"], strict=True) for g in grunner]
    sources = dekning[dekning["kilde_adresse"].notna()]
    return {
        "Datakvalitet": max(needed["karakter"], default=None),
        "Kvalitetsgrunner": "\n".join(why),
        "Dekning %": 100 * dekning["andel_dekket"].max(),
        "Nyeste plan": max(plans, default=None),
        "Data hentet": min(fetched, default=None),
        "Kildelenker": "\n".join(
            f"{tema}: {adresse} ({lisens})"
            for tema, adresse, lisens in zip(sources["tema"], sources["kilde_adresse"], sources["lisens"], strict=True)
        ),
    }


def kontroll_rows(kontroll: pd.DataFrame) -> RowsByKey:
    """Return the rows of Kontroll, by Kontroll-id."""
    return {
        sak["kontroll_id"]: {
            "Kontroll-id": sak["kontroll_id"],
            "Hva": sak["hva"],
            "Hvor": sak["hvor"],
            "Kommunenummer": sak["kommunenummer"],
            "Hvorfor": sak["hvorfor"],
            "Forslag": sak["forslag"],
            "Alvor": ALVOR[sak["alvor"]],
            "Først sett": sak["foerst_sett"],
            "Tilstand": KONTROLL_TILSTAND[sak["tilstand"]],
        }
        for sak in _dicts(kontroll)
    }


def plan_links(kommune: Kommune, planomraader: pd.DataFrame) -> dict[str, str]:
    """Return plan_id → link: the plan's own, or the one at arealplaner.no."""
    links: dict[str, str] = {}
    for plan_id, lenke in zip(planomraader["plan_id"], planomraader["lenke"], strict=True):
        _, _, ident = plan_id.partition("_")
        if isinstance(lenke, str):
            links[plan_id] = lenke
        elif ident and plan_id not in links:
            links[plan_id] = arealplaner(
                kommunenummer=kommune.nummer, kommunenavn=kommune.navn, planidentifikasjon=ident
            )
    return links


def omraade_rows(omraader: gpd.GeoDataFrame, *, soner: pd.DataFrame, links: Mapping[str, str]) -> RowsByKey:
    """Return the rows of Områder, by Område-id."""
    named = {row["sone_id"]: row for row in _dicts(soner[["sone_id", "navn", "kode", "arealstatus"]])}
    point = omraader.geometry.representative_point()
    rows = {}
    for n, omraade in enumerate(_dicts(omraader.drop(columns="geometry"))):
        zones = [
            f"{zone} ({_zone_text(named.get(zone))}): {area:.0f} m²"
            for zone, area in zip(omraade["sone_ider"], omraade["sone_areal_m2"], strict=True)
        ]
        rows[omraade["omraade_id"]] = {
            "Område-id": omraade["omraade_id"],
            "Kommunenummer": omraade["kommunenummer"],
            "Kommune": [omraade["kommunenummer"]],
            "Areal m²": omraade["areal_m2"],
            "Klasse": omraade["klasse"],
            "Arealstatus": AREALSTATUS.get(omraade["arealstatus"]),
            "Soner": "\n".join(zones),
            "Planer": "\n".join(omraade["plan_ider"]),
            "Differanse": omraade["differanse"],
            "Regulert %": 100 * omraade["andel_regulert"],
            "Reguleringsplaner": "\n".join(omraade["reguleringsplaner"]),
            "Plan under arbeid": "\n".join(omraade["planer_under_arbeid"]),
            "Plan": _first_link(omraade["plan_ider"], links),
            "Kart": norgeskart(nord_25833=point.y.iloc[n], ost_25833=point.x.iloc[n], zoom=14),
            "Tilstand": TILSTAND[omraade["tilstand"]],
            "Årsak": omraade["aarsak"],
        }
    return rows


def _zone_text(sone: Row | None) -> str:
    if sone is None:
        return "ikke lenger i kilden"
    name = f"{sone['navn']}, " if sone["navn"] else ""
    return f"{name}formål {sone['kode']}, {AREALSTATUS.get(sone['arealstatus'], 'ukjent status').lower()}"


def _dicts(frame: pd.DataFrame) -> list[Row]:
    return [dict(zip(frame.columns, values, strict=True)) for values in frame.itertuples(index=False, name=None)]


def _first_link(plan_ids: list[str], links: Mapping[str, str]) -> str | None:
    return next((links[p] for p in plan_ids if p in links), None)


def eiendom_rows(kommune: Kommune, tomter: gpd.GeoDataFrame) -> RowsByKey:
    """Return the rows of Eiendommer, by Matrikkelnummer: every matrikkelenhet that has, or had, a lot."""
    rows = {}
    for enhet in sorted({e for enheter in tomter["matrikkelenheter"] for e in enheter}):
        number, _, numbers = enhet.partition("-")
        gnr, bnr, fnr, snr = (int(n) for n in numbers.split("/"))
        rows[enhet] = {
            "Matrikkelnummer": enhet,
            # Of the number itself: a teig may belong to a property of the neighbour.
            "Kommunenummer": number,
            **({"Kommune": [number]} if number == kommune.nummer else {}),
            "Gnr": gnr,
            "Bnr": bnr,
            "Fnr": fnr,
            "Snr": snr,
            "Se eiendom": seeiendom(enhet),
        }
    return rows


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
    for row in _dicts(adresser[adresser["adresse"].notna()]):
        place = " ".join(part for part in (row["postnummer"], row["poststed"]) if part)
        away = f" ({row['avstand_m']:.0f} m unna)" if row["avstand_m"] >= 1 else ""
        texts[row["tomt_id"]] = ", ".join(part for part in (row["adresse"], place) if part) + away
    return texts


def tomt_rows(scored: pd.DataFrame, *, links: Mapping[str, str], adresser: Mapping[str, str | None]) -> RowsByKey:
    """Return the rows of Tomter, by Tomt-id.

    The address of a lot that has no answer is left as it was: it may only not have been asked for yet. One that was
    asked for and has no address near it loses the old one.
    """
    rows = {}
    for tomt in _dicts(scored):
        enheter = list(tomt["matrikkelenheter"])
        rows[tomt["tomt_id"]] = {
            "Tomt-id": tomt["tomt_id"],
            "Kommunenummer": tomt["kommunenummer"],
            "Kommune": [tomt["kommunenummer"]],
            "Område": [tomt["omraade_id"]],
            "Eiendommer": enheter,
            "Score": tomt["score"],
            "Scoreprofil": tomt["profil"],
            "Poeng kapasitet": tomt["poeng_kapasitet"],
            "Poeng størrelse": tomt["poeng_storrelse"],
            "Begrunnelse": tomt["begrunnelse"],
            "Areal m²": tomt["areal_m2"],
            "Boliger (anslag)": tomt["boliger"],
            "Kjerne m²": tomt["kjerne_m2"],
            "Kjerne uten bygninger": tomt["kjerne_grunnlag"] == "form",
            "Differanse": tomt["differanse"],
            "Klasse": tomt["klasse"],
            "Arealstatus": AREALSTATUS.get(tomt["arealstatus"]),
            "Plan under arbeid": "\n".join(tomt["planer_under_arbeid"]),
            **({"Adresse": adresser[tomt["tomt_id"]]} if tomt["tomt_id"] in adresser else {}),
            "Tvist": bool(tomt["har_tvist"]),
            "Teig": tomt["teig_id"],
            "Kart": norgeskart(nord_25833=tomt["nord_25833"], ost_25833=tomt["ost_25833"]),
            "Plan": _first_link(list(tomt["plan_ider"]), links),
            "Se eiendom": seeiendom(enheter[0]) if enheter else None,
            "Tilstand": TILSTAND[tomt["tilstand"]],
            "Årsak": tomt["aarsak"],
        }
    return rows


def kilder_text(answers: Mapping[str, Answer], provenance: Mapping[str, Provenance]) -> str:
    """Return what each source answered, a line per theme.

    Parameters
    ----------
    answers
        Theme → answer.
    provenance
        Theme → provenance of the snapshot in use, which says when its content last changed.
    """
    lines = []
    for tema, answer in answers.items():
        if isinstance(answer, Rows):
            kept = provenance[tema]
            lines.append(
                f"{tema}: {kept.antall_mottatt} objekter, uendret siden {kept.hentet_tid[:10]} ({kept.lisens})"
            )
        else:
            lines.append(f"{tema}: {answer.grunn}")
    return "\n".join(lines)

"""Tables of inhabitants and dwellings: numbers, codes and labels as the real ones have them, the figures invented."""

from __future__ import annotations

import numpy as np

from tasks.sandbox.statistikk import bolig, okonomi
from tasks.sandbox.statistikk.befolkning import ALDERE, SISTE_AAR, SISTE_FRAMSKREVNE, befolkning
from tasks.sandbox.statistikk.inndeling import FOERSTE_AAR
from tasks.sandbox.statistikk.preg import Tall
from tasks.sandbox.statistikk.tabell import Innhold, Tabell, Tidsenhet, Variabel, aarene

KJONN = Variabel("Kjonn", "kjønn", {"1": "Menn", "2": "Kvinner"}, kan_utelates=True)
ALDER = {f"{age:03d}": f"{age} år" for age in range(ALDERE - 1)} | {f"{ALDERE - 1}+": f"{ALDERE - 1} år eller eldre"}
BYGNINGER = {
    "01": "Enebolig",
    "02": "Tomannsbolig",
    "03": "Rekkehus, kjedehus og andre småhus",
    "04": "Boligblokk",
    "05": "Bygning for bofellesskap",
    "999": "Andre bygningstyper",
}
EIERSTATUS = {"1": "Selveier", "2": "Andels- eller aksjeeier", "3": "Annet eie", "4": "Leier"}
FOERSTE_EIERSTATUS, SISTE_EIERSTATUS = 2015, 2024
BRUKSAREAL_M2 = 118
"""Of one new dwelling."""
BEFOLKNING, BOLIG = ("be", "Befolkning"), ("bb", "Bygg, bolig og eiendom")


def people() -> tuple[Tabell, ...]:
    """Return the tables of inhabitants: with changes, by age and sex, projected."""
    return _inhabitants(), _ages(), _projection()


def _inhabitants() -> Tabell:
    def measure(kode: str, etikett: str, what: str) -> Innhold:
        return Innhold(kode, etikett, "personer", lambda: _changes(what))

    innhold = (
        Innhold("Folkemengde", "Befolkning 1. januar", "personer", lambda: befolkning().aar(FOERSTE_AAR, SISTE_AAR)),
        measure("Fodte", "Fødte", "foedte"),
        measure("Dode", "Døde", "doede"),
        measure("Fodselsoverskudd", "Fødselsoverskudd", "overskudd"),
        measure("Nettoinnflytting", "Nettoinnflytting, inkl. utlandet", "netto"),
        measure("Folketilvekst", "Folketilvekst", "tilvekst"),
    )
    return Tabell(
        "06913",
        "Befolkning 1. januar og endringer i kalenderåret (K)",
        BEFOLKNING,
        innhold,
        aarene(FOERSTE_AAR, SISTE_AAR),
        "2026-02-25T07:00:00Z",
        utenfor="0",
        er_sammenslaatt=True,
    )


def _ages() -> Tabell:
    return Tabell(
        "07459",
        "Befolkning",
        BEFOLKNING,
        (Innhold("Personer1", "Personer", "personer", lambda: _persons(FOERSTE_AAR, SISTE_AAR)),),
        aarene(FOERSTE_AAR, SISTE_AAR),
        "2026-02-25T07:00:00Z",
        (KJONN, Variabel("Alder", "alder", ALDER, kan_utelates=True)),
        landet=("0",),
        utenfor="0",
        er_sammenslaatt=True,
    )


def _projection() -> Tabell:
    return Tabell(
        "14746",
        "Framskrevet folkemengde 1. januar (K)",
        BEFOLKNING,
        (Innhold("Personer", "Hovedalternativet (MMM)", "personer", lambda: _persons(SISTE_AAR, SISTE_FRAMSKREVNE)),),
        aarene(SISTE_AAR, SISTE_FRAMSKREVNE),
        "2026-06-18T06:00:00Z",
        (KJONN, Variabel("Alder", "alder", ALDER)),
        landet=("0",),
    )


def _persons(foerste: int, siste: int) -> Tall:
    return befolkning().personer[..., foerste - FOERSTE_AAR : siste - FOERSTE_AAR + 1]


def _changes(what: str) -> Tall:
    """Return births, deaths, moves or growth of the calendar years; the running year is not over: NaN."""
    people, its = befolkning().aar(FOERSTE_AAR, SISTE_AAR), befolkning()
    years = people.shape[1] - 1
    born, dead = its.foedte[:, :years], its.doede[:, :years]
    growth = np.diff(people, axis=1)
    made = {
        "foedte": born,
        "doede": dead,
        "overskudd": born - dead,
        "tilvekst": growth,
        "netto": growth - (born - dead),
    }[what]
    return np.concatenate([made, np.full((len(made), 1), np.nan)], axis=1)


def dwellings() -> tuple[Tabell, ...]:
    """Return the tables of dwellings: prices, building, stock, tenure."""
    sales = aarene(FOERSTE_AAR, bolig.SISTE_BYGGEAAR)
    return (
        _prices("06035", "Gjennomsnittlig kvadratmeterpris på brukte boliger (K)", sales),
        _prices("14545", "Brukte boliger. Kvadratmeterpris og omsetninger (K)", sales),
        _builds("05940", "Byggeareal. Boliger og bruksareal til bolig (K)", "år"),
        _builds("05889", "Byggeareal. Boliger og bruksareal til bolig (K)", "kvartal"),
        _stock(),
        _tenures(),
    )


def _stock() -> Tabell:
    return Tabell(
        "06265",
        "Boliger, etter bygningstype (K)",
        BOLIG,
        (Innhold("Boliger", "Boliger", "boliger", bolig.boligmasse),),
        aarene(FOERSTE_AAR, SISTE_AAR),
        "2026-03-12T07:00:00Z",
        (Variabel("BygnType", "bygningstype", BYGNINGER, kan_utelates=True),),
    )


def _tenures() -> Tabell:
    def percent() -> Tall:
        made: Tall = 100 * _tenure() / _tenure().sum(axis=1, keepdims=True)
        return made

    innhold = (
        Innhold("Husholdning", "Husholdninger", "husholdninger", _tenure),
        Innhold("HusholdningProsent", "Husholdninger (prosent)", "prosent", percent, slag="snitt", desimaler=1),
    )
    title, years = "Husholdninger og personer, etter eierstatus (K)", aarene(FOERSTE_EIERSTATUS, SISTE_EIERSTATUS)
    variables = (Variabel("EierStatus", "eierstatus", EIERSTATUS),)
    return Tabell("11084", title, BOLIG, innhold, years, "2025-06-05T06:00:00Z", variables, landet=("0",))


def _tenure() -> Tall:
    """Return households by the four statuses, the third of which nobody has."""
    years = slice(FOERSTE_EIERSTATUS - FOERSTE_AAR, SISTE_EIERSTATUS + 1 - FOERSTE_AAR)
    own, shared, rent = np.moveaxis(bolig.husholdninger()[:, :, years], 1, 0)
    return np.stack([own, shared, np.zeros_like(own), rent], axis=1)


def _prices(number: str, title: str, years: tuple[str, ...]) -> Tabell:
    typer = {"01": "Eneboliger", "02": "Småhus", "03": "Blokkleiligheter"}
    price = Innhold("KvPris", "Kvadratmeterpris (kr)", "kr", bolig.kvadratmeterpriser, slag="snitt", mangler=":")
    sales = Innhold("Omsetninger", "Omsetninger (antall)", "antall", bolig.omsetninger)
    variables = (Variabel("Boligtype", "boligtype", typer),)
    return Tabell(number, title, BOLIG, (price, sales), years, "2026-05-06T06:00:00Z", variables)


def _builds(number: str, title: str, tidsenhet: Tidsenhet) -> Tabell:
    def figures(started: bool) -> Tall:
        quarters = bolig.igangsatte() if started else bolig.fullfoerte()
        if tidsenhet == "kvartal":
            return quarters.reshape(len(quarters), -1)[:, : len(perioder)]
        yearly: Tall = quarters[:, :-1].sum(axis=2)
        return yearly

    def area(started: bool) -> Tall:
        return np.round(figures(started) * BRUKSAREAL_M2)

    quarters = tuple(f"{year}K{q}" for year in bolig.building_years() for q in range(1, 5))
    known = quarters[: len(quarters) - bolig.KVARTALER + bolig.KVARTALER_I_AAR]
    perioder = known if tidsenhet == "kvartal" else aarene(FOERSTE_AAR, bolig.SISTE_BYGGEAAR)
    innhold = (
        Innhold("Igangsatte", "Igangsatte boliger", "boliger", lambda: figures(started=True)),
        Innhold("Fullforte", "Fullførte boliger", "boliger", lambda: figures(started=False)),
        Innhold("BruksIgang", "Igangsatt bruksareal til bolig (m²)", "m²", lambda: area(started=True)),
        Innhold("BruksFullf", "Fullført bruksareal til bolig (m²)", "m²", lambda: area(started=False)),
    )
    updated = "2026-10-27T07:00:00Z" if tidsenhet == "kvartal" else "2026-01-27T07:00:00Z"
    return Tabell(number, title, BOLIG, innhold, perioder, updated, landet=("0",), tidsenhet=tidsenhet)


def settlements() -> Tabell:
    """Return the table of urban settlements."""
    innhold = (
        Innhold("Areal", "Areal av tettsted (km²)", "km²", okonomi.areal_tettsted, desimaler=2),
        Innhold("Bosatte", "Bosatte i tettsteder", "personer", okonomi.bosatte_i_tettsted),
    )
    years = aarene(FOERSTE_AAR, SISTE_AAR - 1)
    return Tabell("04861", "Areal og befolkning i tettsteder (K)", BEFOLKNING, innhold, years, "2025-10-14T06:00:00Z")

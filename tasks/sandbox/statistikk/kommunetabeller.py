"""Tables of income, work, the kommuner's accounts and votes: codes as in the real ones, figures invented."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tasks.sandbox.statistikk import okonomi
from tasks.sandbox.statistikk.befolkning import SISTE_AAR, befolkning
from tasks.sandbox.statistikk.inndeling import FOERSTE_AAR
from tasks.sandbox.statistikk.preg import Tall
from tasks.sandbox.statistikk.tabell import KOSTRA_REGION, Innhold, Tabell, Variabel, aarene
from tasks.sandbox.statistikk.valgtall import VALG, resultater

SSB_PARTIER = {
    "01": ("A", "Arbeiderpartiet"),
    "02": ("FRP", "Fremskrittspartiet"),
    "03": ("H", "Høyre"),
    "04": ("KRF", "Kristelig Folkeparti"),
    "05": ("SP", "Senterpartiet"),
    "06": ("SV", "SV - Sosialistisk Venstreparti"),
    "07": ("V", "Venstre"),
    "08": ("MDG", "Miljøpartiet De Grønne"),
    "55": ("RØDT", "Rødt"),
    "56": ("PP", "Pensjonistpartiet"),
    "99": ("", "Andre lister"),
}
"""SSB's code of a party → partikode of the results, and its name."""
BRUTTO_UNDER_NETTO = 0.8
"""Points that the gross result lies under the net one."""
INNTEKT, ARBEID, OFFENTLIG, VALGEMNE = (
    ("if", "Inntekt og forbruk"),
    ("al", "Arbeid og lønn"),
    ("os", "Offentlig sektor"),
    ("va", "Valg"),
)


def money() -> Tabell:
    """Return the table of income."""
    hushold = {
        "0000": "Alle husholdninger",
        "0001": "Aleneboende",
        "0002": "Par uten barn",
        "0003": "Par med barn 0-17 år",
        "0004": "Enslig mor/far med barn 0-17 år",
    }
    etter = Innhold("InntSkatt", "Inntekt etter skatt, median (kr)", "kr", okonomi.medianinntekt, slag="snitt")
    samlet = Innhold(
        "SamletInntekt",
        "Samlet inntekt, median (kr)",
        "kr",
        lambda: np.round(okonomi.medianinntekt() * okonomi.SKATT_OG_MER, -3),
        slag="snitt",
    )
    return Tabell(
        "06944",
        "Inntekt for husholdninger, etter husholdningstype (K)",
        INNTEKT,
        (samlet, etter),
        aarene(FOERSTE_AAR, okonomi.SISTE_INNTEKT),
        "2026-01-28T07:00:00Z",
        (Variabel("HusholdType", "husholdningstype", hushold),),
        landet=("0",),
    )


def _rate(kode: str, etikett: str, enhet: str, tall: Callable[[], Tall], *, mangler: str = "..") -> Innhold:
    """Return a measure that is no count, with one decimal."""
    return Innhold(kode, etikett, enhet, tall, slag="snitt", desimaler=1, mangler=mangler)


def work() -> tuple[Tabell, ...]:
    """Return the tables of work: unemployment until it ended, employment since."""
    return _unemployed(), _employed()


def _unemployed() -> Tabell:
    first, last = okonomi.LEDIGHET_FOERSTE, okonomi.LEDIGHET_SISTE
    months = tuple(f"{year}M{month:02d}" for year in range(first, last + 1) for month in range(1, 13))[:-1]
    label = "Registrerte helt ledige (prosent)"
    return Tabell(
        "10540",
        "Registrerte helt ledige 15-74 år (K) (avslutta serie)",
        ARBEID,
        (_rate("RegHeltLedige", label, "prosent", lambda: okonomi.ledige()[:, None, :]),),
        months,
        "2020-12-01T07:00:00Z",
        (Variabel("Alder", "alder", {"15-74": "15-74 år"}),),
        landet=("0",),
        tidsenhet="måned",
        er_avsluttet=True,
    )


def _employed() -> Tabell:
    label = "Sysselsatte etter bosted i prosent av befolkningen"
    return Tabell(
        "06445",
        "Sysselsatte i prosent av befolkningen. 4. kvartal (K)",
        ARBEID,
        (_rate("Sysselsatte", label, "prosent", okonomi.sysselsatte),),
        aarene(okonomi.FOERSTE_SYSSELSATTE, okonomi.SISTE_SYSSELSATTE),
        "2026-03-19T07:00:00Z",
        (Variabel("Alder", "alder", {"15-74": "15-74 år", "20-66": "20-66 år"}),),
        landet=("0",),
    )


def kostra() -> tuple[Tabell, ...]:
    """Return the tables of the kommuner's own economy."""
    return _accounts(), _property_tax(), _municipal_dwellings()


def _kostra(number: str, title: str, innhold: tuple[Innhold, ...], updated: str, *, siste: int) -> Tabell:
    years, groups = aarene(okonomi.FOERSTE_KOSTRA, siste), ("EAK", "EAKUO")
    return Tabell(number, title, OFFENTLIG, innhold, years, updated, region=KOSTRA_REGION, landet=groups)


def _accounts() -> Tabell:
    net = "Netto driftsresultat i prosent av brutto driftsinntekter (prosent)"
    gross = "Brutto driftsresultat i prosent av brutto driftsinntekter (prosent)"
    innhold = (
        _rate("KOSAGD230000", net, "prosent", okonomi.driftsresultat),
        _rate("KOSAGD220000", gross, "prosent", lambda: okonomi.driftsresultat() - BRUTTO_UNDER_NETTO),
    )
    title = "Kommuneregnskap. Finansielle grunnlagstall og nøkkeltall, konsern (K)"
    return _kostra("12134", title, innhold, "2026-06-15T06:00:00Z", siste=okonomi.SISTE_KOSTRA)


def _property_tax() -> Tabell:
    label = "Generell skattesats (promille)"
    innhold = (_rate("KOSgenskatt0000", label, "promille", okonomi.eiendomsskatt, mangler="."),)
    return _kostra("14674", "Eiendomsskatt. Utvalgte nøkkeltall (K)", innhold, "2026-03-16T07:00:00Z", siste=SISTE_AAR)


def _municipal_dwellings() -> Tabell:
    count, rate = "Kommunalt disponerte boliger (antall)", "Kommunalt disponerte boliger per 1000 innbyggere (antall)"
    innhold = (
        Innhold("KOSboliger0000", count, "antall", okonomi.kommunale_boliger),
        _rate("KOSboligerper10000000", rate, "antall", lambda: _per_1000(okonomi.kommunale_boliger())),
    )
    title = "Kommunalt disponerte boliger. Grunnlagstall og nøkkeltall (K)"
    return _kostra("12008", title, innhold, "2026-06-15T06:00:00Z", siste=okonomi.SISTE_KOSTRA)


def _per_1000(figures: Tall) -> Tall:
    """Return figures of the end of each KOSTRA year per 1,000 inhabitants of the day after."""
    years = okonomi.kostra_years()
    return np.round(1000 * figures / befolkning().aar(years[0] + 1, years[-1] + 1), 1)


def elections() -> Tabell:
    """Return the table of votes by party."""
    partier = {code: name for code, (_, name) in SSB_PARTIER.items()}
    return Tabell(
        "01180",
        "Kommunestyrevalg. Godkjente stemmer, etter parti/valgliste (K)",
        VALGEMNE,
        (
            Innhold("Godkjente", "Godkjente stemmer", "stemmer", av_numre=lambda numre: _votes(numre, share=False)),
            Innhold(
                "GodkjenteProsent",
                "Godkjente stemmer (prosent)",
                "prosent",
                av_numre=lambda numre: _votes(numre, share=True),
                desimaler=1,
            ),
        ),
        tuple(str(year) for year in VALG),
        "2023-10-03T06:00:00Z",
        (Variabel("PolitParti", "parti/valgliste", partier),),
    )


def _votes(numre: Sequence[str], *, share: bool) -> Tall:
    """Return votes, or % of them: (numbers, parties, elections); NaN where no election was held for a number."""
    codes = list(SSB_PARTIER)
    by_partikode = {party: k for k, (party, _) in enumerate(SSB_PARTIER.values()) if party}
    made = np.full((len(numre), len(codes), len(VALG)), np.nan)
    for t, year in enumerate(VALG):
        held = resultater(year)
        for row, number in enumerate(numre):
            if (result := held.get(number)) is None:
                continue
            made[row, :, t] = 0
            for liste in result.lister:
                made[row, by_partikode.get(liste.kode, len(codes) - 1), t] += liste.stemmer
            if share:
                made[row, :, t] = np.round(100 * made[row, :, t] / result.godkjente, 1)
    return made

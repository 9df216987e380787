"""Figures for the tests of the indicators: a few kommuner, tables with known lags, rows written as in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from config.rangering import Boligkostnad
from config.statistikk import Statistikk, statistikk
from tasks.kommunekontrakter import INDIKATORER, STATISTIKK, STATISTIKKILDER
from tasks.scoring.kommune.indikatorer import compute_indicators

KOSTNAD = Boligkostnad(areal_m2=70, rente_prosent=5, nedbetaling_aar=25, belaaning=1)

# id, lag, maximal age, measures: name, ContentsCode, is a count
TABELLER: tuple[tuple[str, int, int, tuple[tuple[str, str, bool], ...]], ...] = (
    ("06913", 0, 2, (("folkemengde", "Folkemengde", True),)),
    ("07459", 0, 2, (("folkemengde_alder", "Personer1", True),)),
    ("14746", 0, 2, (("framskriving", "Personer", True),)),
    ("06035", 1, 3, (("kvadratmeterpris_kr", "KvPris", False), ("boligomsetninger", "Omsetninger", True))),
    ("05940", 1, 3, (("boliger_igangsatt", "Igangsatte", True), ("boliger_fullfoert", "Fullforte", True))),
    ("06265", 0, 2, (("boligmasse", "Boliger", True),)),
    ("11084", 1, 3, (("leieandel_prosent", "HusholdningProsent", False),)),
    ("12008", 1, 3, (("kommunale_boliger_per_1000", "KOSboliger", False),)),
    ("06944", 1, 3, (("medianinntekt_kr", "InntSkatt", False),)),
    ("10540", 0, 2, (("ledige_prosent", "RegHeltLedige", False),)),
    ("06445", 1, 3, (("sysselsatte_prosent", "Sysselsatte", False),)),
    ("12134", 1, 3, (("netto_driftsresultat_prosent", "KOSAGD230000", False),)),
    ("14674", 0, 2, (("eiendomsskatt_promille", "KOSgenskatt0000", False),)),
    ("04861", 1, 4, (("bosatte_tettsted", "Bosatte", True),)),
    ("01180", 0, 4, (("stemmer_prosent", "GodkjenteProsent", False),)),
)

_BLOKKER = {"A": "venstre", "SV": "venstre", "SP": "sentrum", "H": "borgerlig", "FRP": "borgerlig"}


def _regler() -> Statistikk:
    whole = statistikk().model_dump(mode="json")
    tabeller = [
        {
            "id": nummer,
            "etikett": "",
            "region": "Region",
            "perioder": 1,
            "forsinkelse_aar": forsinkelse,
            "maks_alder_aar": alder,
            "maal": [{"navn": n, "kode": k, "etikett": "", "enhet": "", "er_additiv": a} for n, k, a in maal],
        }
        for nummer, forsinkelse, alder, maal in TABELLER
    ]
    partier = [{"kode": k, "ssb": f"{i:02}", "navn": k, "blokk": b} for i, (k, b) in enumerate(_BLOKKER.items(), 1)]
    valg = {**whole["valg"], "aar": [2023, 2019, 2015]}
    return Statistikk.model_validate({**whole, "tabell": tabeller, "parti": partier, "valg": valg})


REGLER = _regler()
_TABELL = {m: (t, kode) for t, _, _, alle in TABELLER for m, kode, _ in alle}

Verdi = float | str


def tall(maal: str, verdier: Mapping[str, Mapping[int, Verdi]], gruppe: str = "", **annet: object) -> list[dict]:
    """Return rows of STATISTIKK: number → year → figure; a text is the status of one that is missing."""
    rader = []
    for nummer, rekke in verdier.items():
        for aar, verdi in rekke.items():
            tabell, kode = _TABELL.get(maal, (f"valgresultat.no {aar}", maal))
            har = not isinstance(verdi, str)
            rader.append(
                {
                    "kommunenummer": nummer,
                    "maal": maal,
                    "gruppe": gruppe,
                    "aar": aar,
                    "periode": str(aar),
                    "verdi": float(verdi) if har else float("nan"),
                    "status": None if har else verdi,
                    "er_omregnet": False,
                    "tabell": tabell,
                    "kode": kode,
                    "oppdatert": "2025-02-01",
                    "er_oppdiktet": False,
                }
                | annet
            )
    return rader


def grupper(maal: str, verdier: Mapping[str, Mapping[str, Mapping[int, Verdi]]]) -> list[dict]:
    """Return rows of a measure with groups: group → number → year → figure."""
    return [rad for gruppe, rest in verdier.items() for rad in tall(maal, rest, gruppe)]


def statistikk_av(rader: Sequence[dict]) -> pd.DataFrame:
    return pd.DataFrame(list(rader), columns=list(STATISTIKK.columns)) if rader else STATISTIKK.empty()


def kilder_av(*rader: tuple[str, str, str, str | None, list[str]]) -> pd.DataFrame:
    """Return STATISTIKKILDER of (kilde, tabell, svar, grunn, maal)."""
    if not rader:
        return STATISTIKKILDER.empty()
    felt = [dict(zip(("kilde", "tabell", "svar", "grunn", "maal"), r, strict=True)) for r in rader]
    resten = {
        "oppdatert": None,
        "hentet_tid": None,
        "antall_foresporsler": 1,
        "antall_verdier": 0,
        "er_oppdiktet": False,
    }
    return pd.DataFrame([f | resten for f in felt])[list(STATISTIKKILDER.columns)]


def regnet(
    rader: Sequence[dict],
    *,
    kommuner: Sequence[str] = ("3207",),
    per_aar: int = 2025,
    kilder: pd.DataFrame | None = None,
    oppdiktede: Sequence[str] = (),
) -> pd.DataFrame:
    """Return INDIKATORER, indexed by number and indicator."""
    ut = compute_indicators(
        statistikk_av(rader),
        kilder_av() if kilder is None else kilder,
        kommuner=kommuner,
        per_aar=per_aar,
        boligkostnad=KOSTNAD,
        regler=REGLER,
        oppdiktede=oppdiktede,
    )
    INDIKATORER.check(ut)
    assert not ut[["verdi", "landstall", "persentil"]].isin([float("inf"), float("-inf")]).any(axis=None)
    assert (ut["verdi"].isna() == ut["mangler"].notna()).all()
    return ut.set_index(["kommunenummer", "indikator"])

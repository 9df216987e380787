"""Why an indicator has no value for a kommune, in Norwegian, one line."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.scoring.kommune.indikatorer.figurer import Figurer
from tasks.scoring.kommune.indikatorer.indikator import Indikator, Krav
from tasks.scoring.kommune.indikatorer.kildetekst import tabell_til
from tasks.scoring.kommune.indikatorer.rader import Heltall

TEGN = {
    ".": "ikke mulig å oppgi",
    "..": "tallet mangler hos SSB",
    ":": "vises ikke, av hensyn til personvernet",
}
"""SSB's signs for a figure that it does not give."""
REFORMER = {"delt": "delt", "sammenslått": "slått sammen"}
"""How a status begins that tells of a reform; the year follows."""
UTEN_LAND = "landstallet mangler"
MAKS_TEGN = 200
"""Of what a source answered."""


def svarte_ikke(kilder: pd.DataFrame) -> dict[str, str]:
    """Return what is said of each measure whose table or service gave nothing: measure → "SSB 06944 svarte ikke: …"."""
    ut: dict[str, str] = {}
    mangler = kilder[kilder["svar"] == "mangler"]
    kolonner = (mangler[c].tolist() for c in ("kilde", "tabell", "grunn", "maal"))
    for kilde, tabell, grunn, alle_maal in zip(*kolonner, strict=True):
        hvorfor = " ".join(grunn.split()) if isinstance(grunn, str) else "ingen grunn oppgitt"
        tekst = f"{kilde} {tabell} svarte ikke: {hvorfor}"
        for maal in alle_maal:
            ut.setdefault(maal, tekst if len(tekst) <= MAKS_TEGN else tekst[: MAKS_TEGN - 1] + "…")
    return ut


def grunner(
    figurer: Figurer,
    indikator: Indikator,
    *,
    mangler: Heltall,
    gjelder: npt.NDArray[np.bool_],
    svar: Mapping[str, str],
    uten_land: Heltall,
) -> dict[int, str]:
    """Return why kommuner have no value: place of the kommune → reason.

    Parameters
    ----------
    mangler
        Places of the kommuner without a value.
    gjelder
        The years that count.
    svar
        Of `svarte_ikke`.
    uten_land
        Those of them that lack nothing but the country's value.
    """
    alle_krav = indikator.alle_krav
    har = [_har(figurer, krav) for krav in alle_krav]
    # the newest year in which each figure is there for some kommune: what a kommune lacks in it is why
    felles = np.flatnonzero(gjelder & np.all([h.any(axis=0) for h in har], axis=0))
    if not len(felles):
        return dict.fromkeys(mangler.tolist(), _for_alle(figurer, indikator, svar))
    aar = int(felles[-1])
    tomt = indikator.tomt if indikator.av is None else indikator.av.tomt
    ut = {}
    for k in mangler.tolist():
        krav = next((krav for krav, h in zip(alle_krav, har, strict=True) if not h[k, aar]), None)
        ut[k] = tomt if krav is None else _for_en(figurer, krav, figurer.kommuner[k], aar)
    return ut | dict.fromkeys(uten_land.tolist(), UTEN_LAND)


def _har(figurer: Figurer, krav: Krav) -> npt.NDArray[np.bool_]:
    """Return where a figure is known, kommune × year: in any group where all are asked for."""
    return np.asarray(np.isfinite(figurer.tall(krav)).any(axis=0))


def _for_en(figurer: Figurer, krav: Krav, nummer: str, plass: int) -> str:
    """Return why one kommune lacks a figure that others have."""
    aar = int(figurer.aar[plass]) - krav.tilbake
    for maal in figurer.grunnlag(krav.maal):
        gruppe = krav.gruppe if maal == krav.maal else None
        if (status := figurer.uten.get((maal, gruppe, nummer, aar))) is None:
            continue
        if status not in TEGN:
            return _reformert(status)
        if (her := {":": krav.skjult, ".": krav.umulig}.get(status)) is not None:
            return her
        return f"{tabell_til(figurer, maal)} {aar}: {TEGN[status]}"
    return f"{tabell_til(figurer, figurer.grunnlag(krav.maal)[0])}: ingen tall for {aar}"


def _reformert(status: str) -> str:
    """Return a status of ours in a sentence: what became of the kommune."""
    hva, _, naar = status.rpartition(" ")
    return f"kommunen er {REFORMER[hva]} i {naar}: serien kan ikke føres tilbake" if hva in REFORMER else status


def _for_alle(figurer: Figurer, indikator: Indikator, svar: Mapping[str, str]) -> str:
    """Return why there is no year with all figures."""
    foerste: int | None = None
    for krav in indikator.alle_krav:
        navn = tabell_til(figurer, figurer.grunnlag(krav.maal)[0])
        aarene = figurer.aar[_har(figurer, Krav(krav.maal, krav.gruppe)).any(axis=0)].tolist()
        if not aarene or (indikator.er_valg and figurer.valgaar not in aarene):
            return _ingen_tall(figurer, indikator, krav, svar)
        foerste = aarene[-1] if foerste is None else foerste
        if krav.tilbake and foerste - krav.tilbake not in aarene:
            return f"{navn}: ingen tall for {foerste - krav.tilbake}"
        if aarene[-1] < figurer.eldste_aar(krav.maal, er_valg=indikator.er_valg):
            ny = next((svar[m] for m in figurer.grunnlag(krav.maal) if m in svar), None) if indikator.er_valg else None
            return ny or f"{navn}: nyeste tall er fra {aarene[-1]}"
    return "tallene har ingen år felles"


def _ingen_tall(figurer: Figurer, indikator: Indikator, krav: Krav, svar: Mapping[str, str]) -> str:
    """Return why there are no figures of a measure at all."""
    maal = figurer.grunnlag(krav.maal)
    navn = tabell_til(figurer, maal[0])
    if tekst := next((svar[m] for m in maal if m in svar), None):
        return tekst
    if figurer.hentede.isdisjoint(maal):
        return f"{navn} er ikke hentet"
    if indikator.er_valg and figurer.eldste_valg is not None and figurer.per_aar < figurer.eldste_valg:
        return f"det eldste valget i tallene er fra {figurer.eldste_valg}"
    if indikator.er_valg and figurer.valgaar:
        return f"{navn}: ingen tall for valget i {figurer.valgaar}"
    return f"{navn}: ingen tall til og med {figurer.per_aar}"

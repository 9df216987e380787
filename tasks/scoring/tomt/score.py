"""Score: the sum of each lot's points, its range, tier and texts. A row per lot (contract scorer)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from config.kurver import Tall
from config.tomtprofil import Tomtprofil
from tasks.contracts import NUMBER
from tasks.scoring.tomt import kort as kortord
from tasks.scoring.tomt.kapasitet import boliger
from tasks.scoring.tomt.konfliktfri import konflikt, verste_tema
from tasks.scoring.tomt.opphav import Opphav
from tasks.scoring.tomt.ordlegging import Tekster, tekster
from tasks.scoring.tomt.regler import Regler
from tasks.scoring.tomt.sikkerhet import Sikkerhet, sikkerhet
from tasks.scoring.tomt.tavle import DECIMALS, Tavle
from tasks.tomtekontrakter import FAKTORER, SCORER

STOPPET_NIVAA = "D"
UTEN_GRUNN = "ingenting av tomten kan bygges"

GRUNNLAG = ("kjerne_m2", "kjerne_grunnlag", "har_tvist")
"""What the confidence takes from the contract tomter."""


def scorer(
    kort: pd.DataFrame,
    fakta: pd.DataFrame,
    andeler: pd.DataFrame,
    *,
    profil: Tomtprofil,
    regler: Regler,
    dekning: pd.DataFrame,
    land: pd.DataFrame | None = None,
    tomter: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the score of every lot of `fakta`, from its parts.

    Parameters
    ----------
    kort
        Contract scorekort: what `poeng.gi_poeng` has given these lots by the same profile.
    fakta, andeler, dekning, land
        As for `poeng.gi_poeng`.
    tomter
        Contract tomter, or its tomt_id, kjerne_m2, kjerne_grunnlag and har_tvist. None: not known.

    Returns
    -------
    DataFrame
        Contract scorer, in the order of `fakta`. selvkost_* and `selvkost` are filled by whoever computes them,
        `endring` by `endring.med_endring`.

    Raises
    ------
    ContractError
        When not every lot has every part.

    Notes
    -----
    score = Σ poeng; hoyest = score + Σ ukjent, never renormalised. Dwellings are the same whatever the profile: by
    config/fortetting.toml, in whole numbers downwards, 0 on a stopped lot.
    """
    if fakta.empty:
        return SCORER.empty()
    tavle = Tavle.av(kort, fakta["tomt_id"])
    poeng, ukjent = tavle.per_faktor("poeng"), tavle.per_faktor("ukjent")
    score, open_ = _sum(poeng, len(fakta)), _sum(ukjent, len(fakta))
    sure = _sikkerhet(tavle, open_, fakta, regler=regler, opphav=_opphav(dekning, land, regler), tomter=tomter)
    columns: dict[str, object] = {
        "tomt_id": fakta["tomt_id"].to_numpy(dtype=object),
        "profil": profil.merke,
        "score": score,
        "hoyest": np.round(score + open_, DECIMALS),
        "nivaa": _nivaa(score, fakta, regler),
        **{f"poeng_{f}": poeng.get(f, np.nan) for f in FAKTORER},
        **{f"ukjent_{f}": ukjent.get(f, np.nan) for f in FAKTORER},
        **{c: fakta[c].to_numpy() for c in ("er_stoppet", "byggbar_m2", "kommunal")},
        "stopp_grunn": tekster(fakta["stopp_grunn"]),
        **_boliger(fakta, regler),
        **_verste(fakta, andeler, regler),
        "sikkerhet": sure.samlet,
        **_tekster(tavle, score, np.round(score + open_, DECIMALS), fakta, profil=profil, regler=regler, sure=sure),
        "noekkel": scorenoekler(fakta, profil=profil, regler=regler, dekning=dekning, land=land),
    }
    frame = pd.DataFrame(columns, index=range(len(fakta)))
    return frame.reindex(columns=list(SCORER.columns)).astype(
        {c: float for c, k in SCORER.columns.items() if k == NUMBER}
    )


def sum_poeng(kort: pd.DataFrame, tomt_ider: pd.Series) -> pd.DataFrame:
    """Return tomt_id, score and hoyest of lots from their parts alone."""
    tavle = Tavle.av(kort, tomt_ider)
    score = _sum(tavle.per_faktor("poeng"), len(tomt_ider))
    open_ = _sum(tavle.per_faktor("ukjent"), len(tomt_ider))
    return pd.DataFrame({"tomt_id": tomt_ider.to_numpy(), "score": score, "hoyest": np.round(score + open_, DECIMALS)})


def _sum(by_factor: Mapping[str, Tall], n: int) -> Tall:
    return np.round(np.sum([*by_factor.values()], axis=0) if by_factor else np.zeros(n), DECIMALS)


def _nivaa(score: Tall, fakta: pd.DataFrame, regler: Regler) -> Tekster:
    stopped = fakta["er_stoppet"].to_numpy(dtype=bool)
    levels = [STOPPET_NIVAA if s else regler.nivaaer.of(float(v)) for v, s in zip(score, stopped, strict=True)]
    return np.array(levels, dtype=object)


def _boliger(fakta: pd.DataFrame, regler: Regler) -> dict[str, Tall]:
    rom = boliger({str(c): fakta[c].to_numpy() for c in fakta}, regler.fortetting)
    alive = ~fakta["er_stoppet"].to_numpy(dtype=bool)
    whole = {"boliger_lav": rom.lav, "boliger": rom.forventet, "boliger_hoy": rom.hoy}
    return {name: np.where(alive, np.floor(np.round(n, DECIMALS)), 0.0) for name, n in whole.items()}


def _verste(fakta: pd.DataFrame, andeler: pd.DataFrame, regler: Regler) -> dict[str, object]:
    tema, andel = verste_tema(konflikt(fakta, andeler, regler.konflikter), regler.konflikter)
    return {"verste_tema": tema, "verste_andel": andel}


def _opphav(dekning: pd.DataFrame, land: pd.DataFrame | None, regler: Regler) -> Opphav:
    return Opphav(dekning, regler.faktorer.sikkerhet.ferskhet, land)


def _sikkerhet(
    tavle: Tavle, ukjent: Tall, fakta: pd.DataFrame, *, regler: Regler, opphav: Opphav, tomter: pd.DataFrame | None
) -> Sikkerhet:
    known = pd.DataFrame(columns=["tomt_id", *GRUNNLAG]) if tomter is None else tomter
    known = known.reindex(columns=["tomt_id", *GRUNNLAG])
    own = pd.DataFrame(known.set_index("tomt_id")).reindex(fakta["tomt_id"].to_numpy())
    parts = list(zip(tavle.faktorer, tavle.deler, tavle.maks.tolist(), strict=True))
    return sikkerhet(ukjent, parts, tomter=own, opphav=opphav, faktorer=regler.faktorer, register=regler.konflikter)


def _tekster(
    tavle: Tavle,
    score: Tall,
    hoyest: Tall,
    fakta: pd.DataFrame,
    *,
    profil: Tomtprofil,
    regler: Regler,
    sure: Sikkerhet,
) -> dict[str, Tekster]:
    stopped = fakta["er_stoppet"].to_numpy(dtype=bool)
    reasons = zip(stopped, tekster(fakta["stopp_grunn"]), strict=True)
    stopp = np.array([(why or UTEN_GRUNN).rstrip(".") if s else None for s, why in reasons], dtype=object)
    head = kortord.hode(score, hoyest, _nivaa(score, fakta, regler), profil=profil.merke, stopp=stopp)
    return {
        "begrunnelse": kortord.begrunnelse(tavle, stopp=stopp),
        "hvorfor": kortord.hvorfor(tavle, head, regler=regler, sikkerhet=sure),
        "loft": kortord.loft(tavle, stopp=stopp),
        "mangler": kortord.mangler(tavle, regler=regler),
    }


def scorenoekler(
    fakta: pd.DataFrame,
    *,
    profil: Tomtprofil,
    regler: Regler,
    dekning: pd.DataFrame,
    land: pd.DataFrame | None = None,
) -> Tekster:
    """Return the digest of what each lot's score is made of: its facts, the profile, the rules and who tells.

    A lot whose digest is that of its row in out/scorer need not be scored again. Ages count as far as they change
    the confidence or what the card says.
    """
    opphav = _opphav(dekning, land, regler)
    ferskhet = regler.faktorer.sikkerhet.ferskhet
    told = [
        (lag, str(opphav.kilde(lag)), opphav.hvorfor_ukjent([lag]), row.get("karakter"),
         [round(float(s), 1) for s in ferskhet.andel(opphav.alder([lag]))])
        for lag, row in sorted(opphav.rader.items())
    ]  # fmt: skip
    common = hashlib.sha256(f"{profil!r}|{regler!r}|{told!r}".encode()).hexdigest()
    return np.array(
        [hashlib.sha256(f"{common}|{key}".encode()).hexdigest()[:32] for key in tekster(fakta["noekkel"])], dtype=object
    )

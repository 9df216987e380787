"""Score: the sum of each lot's points, its range, tier and texts. A row per lot (contract scorer)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from config.kurver import Tall
from config.tomtprofil import Tomtprofil
from tasks.contracts import NUMBER
from tasks.scoring.tomt import kort as kortord
from tasks.scoring.tomt.avrunding import avrund
from tasks.scoring.tomt.kapasitet import boliger, hele_boliger
from tasks.scoring.tomt.konfliktfri import konflikt, verste_tema
from tasks.scoring.tomt.opphav import Opphav
from tasks.scoring.tomt.ordlegging import Tekster, prosent, tekster
from tasks.scoring.tomt.regler import Regler
from tasks.scoring.tomt.sikkerhet import Sikkerhet, sikkerhet
from tasks.scoring.tomt.tavle import DECIMALS, Tavle
from tasks.tomtekontrakter import FAKTORER, SCORER

TALL = {c: float for c, kind in SCORER.columns.items() if kind == NUMBER}
STOPPET_NIVAA = "D"
HOYEST_USETT = "B"
"""The highest tier of a lot of which a theme that can stop it is not known: it may lie in a nature reserve."""
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
        Contract scorekort: what `poeng.gi_poeng` has given these lots by the same parameters.
    tomter
        tomt_id and GRUNNLAG of the contract tomter. None: not known.

    Returns
    -------
    DataFrame
        Contract scorer, in the order of `fakta`; selvkost* and endring are filled by `selvkost` and `endring`.

    Raises
    ------
    ContractError
        When not every lot has every part.
    """
    if fakta.empty:
        return SCORER.empty()
    tavle = Tavle.av(kort, fakta["tomt_id"])
    verste = verste_tema(konflikt(fakta, andeler, regler.konflikter), regler.konflikter)
    sure = _sikkerhet(tavle, fakta, regler=regler, opphav=_opphav(dekning, land, regler), tomter=tomter)
    made = _Poengsum(tavle, fakta, regler, profil)
    keys = scorenoekler(fakta, profil=profil, regler=regler, dekning=dekning, land=land)
    own = {"verste_tema": verste[0], "verste_andel": verste[1], "sikkerhet": sure.samlet, "noekkel": keys}
    frame = pd.DataFrame(made.columns() | own | made.tekster(sure, verste), index=range(len(fakta)))
    return frame.reindex(columns=list(SCORER.columns)).astype(TALL)


@dataclass(frozen=True)
class _Poengsum:
    """What the points of the lots add up to, in numbers and words.

    score = Σ poeng; hoyest = score + Σ ukjent, never renormalised.
    """

    tavle: Tavle
    fakta: pd.DataFrame
    regler: Regler
    profil: Tomtprofil

    @cached_property
    def score(self) -> Tall:
        return _sum(self.tavle, "poeng")

    @cached_property
    def hoyest(self) -> Tall:
        return np.asarray(np.round(self.score + _sum(self.tavle, "ukjent"), DECIMALS))

    @cached_property
    def stoppet(self) -> npt.NDArray[np.bool_]:
        return self.fakta["er_stoppet"].to_numpy(dtype=bool)

    @cached_property
    def tak(self) -> Tekster:
        """Why the tier of each lot is lower than its points, None where it is not."""
        said = []
        for score, stopped, dark in zip(self.score.tolist(), self.stoppet, self.fakta["ukjente_tema"], strict=True):
            level = self.regler.nivaaer.of(score)
            unseen = [] if stopped else [t for t in dark if t in self.regler.stopptema]
            names = [self.regler.navn("konflikt", t) for t in unseen] if str(level) < HOYEST_USETT else []
            said.append(
                f"{level} etter poengene; {HOYEST_USETT} til noen har sett etter {_og(names)}" if names else None
            )
        return np.array(said, dtype=object)

    @cached_property
    def nivaa(self) -> Tekster:
        rows = zip(self.score.tolist(), self.stoppet, self.tak, strict=True)
        levels = [STOPPET_NIVAA if s else HOYEST_USETT if cap else self.regler.nivaaer.of(v) for v, s, cap in rows]
        return np.array(levels, dtype=object)

    def columns(self) -> dict[str, object]:
        """Return the columns that are sums, and those that are taken over from the facts."""
        poeng, ukjent = self.tavle.per_faktor("poeng"), self.tavle.per_faktor("ukjent")
        return {
            "tomt_id": self.fakta["tomt_id"].to_numpy(dtype=object),
            "profil": self.profil.merke,
            "score": self.score,
            "hoyest": self.hoyest,
            "nivaa": self.nivaa,
            **{f"poeng_{f}": poeng.get(f, np.nan) for f in FAKTORER},
            **{f"ukjent_{f}": ukjent.get(f, np.nan) for f in FAKTORER},
            **{c: self.fakta[c].to_numpy() for c in ("er_stoppet", "byggbar_m2", "kommunal")},
            "stopp_grunn": tekster(self.fakta["stopp_grunn"]),
            **_boliger(self.fakta, self.regler),
        }

    def tekster(self, sure: Sikkerhet, verste: tuple[Tekster, Tall]) -> dict[str, object]:
        """Return the card and its short forms; `verste` is the worst theme of each lot and its share of it."""
        tavle, regler = self.tavle, self.regler
        why = zip(self.stoppet, tekster(self.fakta["stopp_grunn"]), strict=True)
        stopp = np.array([(of or UTEN_GRUNN).rstrip(".") if s else None for s, of in why], dtype=object)
        shown = avrund(tavle, self.score, self.hoyest, nivaaer=regler.nivaaer)
        head = kortord.hode(shown, self.nivaa, profil=self.profil, stopp=stopp, tak=self.tak)
        worst = [
            f"{regler.navn('konflikt', t).lower()} {prosent(a)}" if t else None for t, a in zip(*verste, strict=True)
        ]
        return {
            "begrunnelse": kortord.begrunnelse(tavle, shown, stopp=stopp, verste=np.array(worst, dtype=object)),
            "hvorfor": kortord.hvorfor(tavle, shown, head, regler=regler, profil=self.profil, sikkerhet=sure),
            "loft": kortord.loft(tavle, stopp=stopp),
            "mangler": kortord.mangler(tavle, regler=regler, stopp=stopp, tak=self.tak),
        }


def _og(names: Sequence[str]) -> str:
    return " og ".join(w for w in (", ".join(names[:-1]), names[-1]) if w)


def _sum(tavle: Tavle, column: str) -> Tall:
    return np.asarray(np.round(np.sum([*tavle.per_faktor(column).values()], axis=0), DECIMALS))


def _boliger(fakta: pd.DataFrame, regler: Regler) -> dict[str, object]:
    rom = boliger({str(c): fakta[c].to_numpy() for c in fakta}, regler.fortetting, omvei=regler.omvei)
    alive = ~fakta["er_stoppet"].to_numpy(dtype=bool)
    whole = {"boliger_lav": rom.lav, "boliger": rom.forventet, "boliger_hoy": rom.hoy}
    return {name: np.where(alive, hele_boliger(n), 0.0) for name, n in whole.items()}


def _opphav(dekning: pd.DataFrame, land: pd.DataFrame | None, regler: Regler) -> Opphav:
    return Opphav(dekning, regler.faktorer.sikkerhet.ferskhet, land)


def _sikkerhet(
    tavle: Tavle, fakta: pd.DataFrame, *, regler: Regler, opphav: Opphav, tomter: pd.DataFrame | None
) -> Sikkerhet:
    stopped = fakta["er_stoppet"].to_numpy(dtype=bool)
    # Nothing of a stopped lot is open, but what nobody has looked at is no more sure for that.
    ukjent = np.where(stopped, (tavle.tall("maks") * tavle.uten_verdi).sum(axis=1), _sum(tavle, "ukjent"))
    known = pd.DataFrame(columns=["tomt_id", *GRUNNLAG]) if tomter is None else tomter
    known = known.reindex(columns=["tomt_id", *GRUNNLAG])
    own = pd.DataFrame(known.set_index("tomt_id")).reindex(fakta["tomt_id"].to_numpy())
    parts = list(zip(tavle.faktorer, tavle.deler, tavle.maks.tolist(), strict=True))
    return sikkerhet(ukjent, parts, tomter=own, opphav=opphav, faktorer=regler.faktorer, register=regler.konflikter)


def scorenoekler(
    fakta: pd.DataFrame,
    *,
    profil: Tomtprofil,
    regler: Regler,
    dekning: pd.DataFrame,
    land: pd.DataFrame | None = None,
) -> Tekster:
    """Return the digest of what each lot's score is made of: its facts, the profile, the rules and who tells.

    A lot whose digest is that of its row in out/scorer need not be scored again. Ages count by the very figures that
    the confidence is made of, and by what the card says of them.
    """
    opphav = _opphav(dekning, land, regler)
    told = [
        (lag, str(opphav.kilde(lag)), opphav.hvorfor_ukjent([lag]), row.get("karakter"), opphav.fersk([lag]))
        for lag, row in sorted(opphav.rader.items())
    ]  # fmt: skip
    common = hashlib.sha256(f"{profil!r}|{regler!r}|{told!r}".encode()).hexdigest()
    return np.array(
        [hashlib.sha256(f"{common}|{key}".encode()).hexdigest()[:32] for key in tekster(fakta["noekkel"])], dtype=object
    )

"""Kjøring: the step that scores the lots of one kommune, from core/ and out/ to scores, cards, log and assemblies.

A lot whose land and surroundings are as they were is not measured again; one whose facts, profile and rules are as they
were is not scored again. A run with nothing new leaves every file as it is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from config.rangering import rangering
from config.registers import Kommune
from config.sammenslaaing import sammenslaaingsregler
from config.selvkost import selvkost
from config.tomtprofil import Tomtprofil, tomtprofil
from tasks.contracts import DEKNING
from tasks.scoring.tomt.endring import endringer, med_endring
from tasks.scoring.tomt.fakta import maal_fakta, noekler
from tasks.scoring.tomt.kommunetall import les_kommunetall
from tasks.scoring.tomt.konflikt import maal_konflikt
from tasks.scoring.tomt.minne import Forrige, standing, together
from tasks.scoring.tomt.omgivelser import Omgivelser, les_omgivelser
from tasks.scoring.tomt.poenggiver import Poenggiver
from tasks.scoring.tomt.regler import Regler
from tasks.scoring.tomt.resultat import Scoret
from tasks.scoring.tomt.sammenslaaing import AKTIV, sammenslaainger
from tasks.scoring.tomt.selvkost import med_selvkost
from tasks.scoring.tomt.skriving import Fil, fullfoert, som_fortalt, write_files
from tasks.store import Geodata
from tasks.tomtekontrakter import (
    KONFLIKTANDELER,
    SAMMENSLAAINGER,
    SCOREENDRINGER,
    SCOREKORT,
    SCORER,
    TOMTEFAKTA,
)
from tasks.totaler import totaler


@dataclass(frozen=True)
class Maalt:
    """Contracts `tomtefakta` and `konfliktandeler` of the living lots, and how many were measured anew."""

    fakta: pd.DataFrame
    andeler: pd.DataFrame
    antall: int


@dataclass(frozen=True)
class Poengsatt:
    """Contracts `scorer` and `scorekort` of the living lots, and how many were scored anew."""

    scorer: pd.DataFrame
    kort: pd.DataFrame
    antall: int


def measure(lag: Omgivelser, foer: Forrige, *, regler: Regler, epsg: int) -> Maalt:
    """Return the facts of the lots: those of the last run where nothing that they depend on has changed."""
    keys = noekler(lag, epsg=epsg, register=regler.konflikter)
    kept = standing(foer.fakta, keys)
    ids = lag.tomter["tomt_id"].tolist()
    if kept.all():
        return Maalt(
            together(foer.fakta, None, ids, contract=TOMTEFAKTA),
            together(foer.andeler, None, ids, contract=KONFLIKTANDELER),
            0,
        )
    anew = lag.bare(lag.tomter["tomt_id"][~kept])
    conflicts = maal_konflikt(
        anew.tomter, lag.kjerner, lag.konflikter, dekning=lag.dekning, register=regler.konflikter, epsg=epsg
    )
    fakta = maal_fakta(anew, conflicts, epsg=epsg, noekkel=keys)
    made = set(fakta["tomt_id"])
    return Maalt(
        together(_without(foer.fakta, made), fakta, ids, contract=TOMTEFAKTA),
        together(_without(foer.andeler, made), conflicts.andeler, ids, contract=KONFLIKTANDELER),
        len(fakta),
    )


def give_points(maalt: Maalt, tomter: pd.DataFrame, foer: Forrige, poenggiver: Poenggiver) -> Poengsatt:
    """Return the scores of the lots: those of the last run where neither facts nor rules have changed."""
    keys = poenggiver.noekler(maalt.fakta, tomter)
    kept = standing(foer.scorer, keys)
    ids = maalt.fakta["tomt_id"].tolist()
    made = {lot for lot, stays in zip(ids, kept, strict=True) if not stays}
    kort = scores = None
    if made:
        fakta = maalt.fakta[~kept].reset_index(drop=True)
        andeler = maalt.andeler[maalt.andeler["tomt_id"].isin(made)].reset_index(drop=True)
        kort = poenggiver.kort(fakta, andeler)
        scores = poenggiver.scorer(kort, fakta, andeler, tomter)
        scores["noekkel"] = keys[~kept].to_numpy(dtype=object)
    return Poengsatt(
        together(_without(foer.scorer, made), scores, ids, contract=SCORER),
        together(_without(foer.kort, made), kort, ids, contract=SCOREKORT),
        len(made),
    )


def _without(frame: pd.DataFrame | None, lots: set[str]) -> pd.DataFrame | None:
    return None if frame is None else frame[~frame["tomt_id"].isin(lots)]


def require_rules(profil: str | None = None) -> None:
    """Read everything of config/ that lots are scored by, so that a mistake is told before any work is done.

    Raises
    ------
    ConfigError
        Naming the file, the key and what is wrong with it; or for a profile that there is not.
    """
    tomtprofil(profil)
    Regler.fra_config()
    selvkost()
    sammenslaaingsregler()
    rangering()


@dataclass(frozen=True, eq=False)
class Beregnet:
    """The scores of a kommune's living lots, not written yet.

    Attributes
    ----------
    scorer, kort
        By their contracts, in the order of the lots.
    filer
        Contract, its frame, and that of the last run, in the order of writing: what holds keys after what it holds the
        keys of, and the log before the scores, so that a change is never lost.
    """

    scorer: pd.DataFrame
    kort: pd.DataFrame
    filer: tuple[Fil, ...]
    resultat: Scoret


def beregn(kommune: Kommune, geodata: Geodata, *, profil: str | None = None, naa: datetime) -> Beregnet:
    """Score the living lots of a kommune, and write nothing.

    Parameters
    ----------
    profil
        Of config/vekter.toml; None: the default.
    naa
        Time of the run, for the log.

    Raises
    ------
    LandError
        When there are no lots: the land run has not been made.
    ConfigError
        For an unknown profile, and for whatever is wrong in config/.
    """
    started = time.perf_counter()
    chosen, regler = tomtprofil(profil), Regler.fra_config()
    about = les_kommunetall(kommune, geodata)
    lag = les_omgivelser(kommune, geodata, om_kommunen=about.om_kommunen)
    foer = Forrige.les(kommune, geodata)
    land = geodata.read(kommune.nummer, layer="out", contract=DEKNING)
    poenggiver = Poenggiver(chosen, regler, lag.dekning, land)
    maalt = measure(lag, foer, regler=regler, epsg=kommune.epsg)
    poengsatt = give_points(maalt, lag.tomter, foer, poenggiver)
    logg = fullfoert(foer.logg, foer.scorer)
    moved = _moved(kommune, foer, poengsatt, logg=logg, regler=regler, naa=naa)
    scores = med_selvkost(poengsatt.scorer, maalt.fakta, pris=about.pris, satser=selvkost())
    scores = med_endring(scores, foer.scorer, moved)
    joined = sammenslaainger(
        lag.tomter,
        maalt.fakta,
        maalt.andeler,
        scores,
        foer=foer.sammenslaainger,
        poeng=poenggiver,
        regler=sammenslaaingsregler(),
        kommunenummer=kommune.nummer,
    )
    files = (
        (KONFLIKTANDELER, maalt.andeler, foer.andeler),
        (TOMTEFAKTA, maalt.fakta, foer.fakta),
        (SCOREENDRINGER, _longer(logg, moved), foer.logg),
        (SCOREKORT, poengsatt.kort, foer.kort),
        (SCORER, scores, foer.scorer),
        (SAMMENSLAAINGER, joined, foer.sammenslaainger),
    )
    result = _result(chosen, maalt, poengsatt, scores, moved=moved, joined=joined, since=started)
    return Beregnet(scores, poengsatt.kort, files, result)


def write(made: Beregnet, kommune: Kommune, geodata: Geodata) -> None:
    """Write what was scored: cards, scores, the log, the assemblies. A file whose rows are as they were stays.

    Raises
    ------
    StoreError
        When the disk refuses.
    """
    write_files(made.filer, kommune, geodata)
    made.resultat.tell(kommune)


def score_kommune(kommune: Kommune, geodata: Geodata, *, profil: str | None = None, naa: datetime) -> Scoret:
    """Score the living lots of a kommune and write what comes of it; parameters and errors as for `beregn`, `write`."""
    made = beregn(kommune, geodata, profil=profil, naa=naa)
    write(made, kommune, geodata)
    return made.resultat


def _moved(
    kommune: Kommune,
    foer: Forrige,
    poengsatt: Poengsatt,
    *,
    logg: pd.DataFrame | None,
    regler: Regler,
    naa: datetime,
) -> pd.DataFrame:
    """Return what moved since the last run, contract `scoreendringer`, numbered on from the log."""
    last = 0 if logg is None or logg.empty else int(logg["nr"].max())
    new = endringer(
        foer.scorer,
        foer.kort,
        poengsatt.scorer,
        poengsatt.kort,
        tid=naa.astimezone(UTC).isoformat(timespec="seconds"),
        kommunenummer=kommune.nummer,
        regler=regler,
        foerste_nr=last + 1,
    )
    return som_fortalt(new, foer.logg)


def _longer(logg: pd.DataFrame | None, new: pd.DataFrame) -> pd.DataFrame:
    if logg is None or not len(logg):
        return new
    return pd.concat([logg, new], ignore_index=True) if len(new) else logg


def _result(
    profil: Tomtprofil,
    maalt: Maalt,
    poengsatt: Poengsatt,
    scores: pd.DataFrame,
    *,
    moved: pd.DataFrame,
    joined: pd.DataFrame,
    since: float,
) -> Scoret:
    sums = totaler(scores)
    return Scoret(
        profil=profil.merke,
        antall=len(scores),
        maalt=maalt.antall,
        poengsatt=poengsatt.antall,
        gjenbrukt=len(scores) - poengsatt.antall,
        stoppet=sums.stoppet,
        nivaaer={name: of.tomter for name, of in sums.nivaa.items()},
        endret=int(moved["tomt_id"].nunique()),
        sammenslaatt=int((joined["tilstand"] == AKTIV).sum()),
        ukjente_tema=tuple(sorted({tema for row in maalt.fakta["ukjente_tema"] for tema in row})),
        totaler=sums,
        sekunder=time.perf_counter() - since,
    )


@task(name="gi score", task_run_name="gi score {kommune.nummer}", cache_policy=NO_CACHE)
def score_task(kommune: Kommune, geodata: Geodata, profil: str | None = None) -> Scoret:
    """Score the living lots of a kommune from core/ and out/, write out/; return what came of it."""
    return score_kommune(kommune, geodata, profil=profil, naa=datetime.now(UTC))

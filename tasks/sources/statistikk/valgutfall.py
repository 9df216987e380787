"""Valgutfall: what came of one election, and the votes of SSB in place of what did not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from config.statistikk import VALGRESULTAT, Parti
from tasks.sources.statistikk.tabellplan import Deltakere
from tasks.sources.statistikk.tidsserie import carry_over
from tasks.sources.statistikk.utfall import LAGER, VERSION, Sist, Utfall, as_statistikk, fingerprint, joined_reasons
from tasks.sources.statistikk.valg import MEASURES, Valgsvar

KODE = {
    "mandater": "mandater.resultat.antall",
    "stemmer_prosent": "stemmer.resultat",
    "valgdeltakelse_prosent": "frammote.prosent",
}


def election_outcome(answer: Valgsvar, aar: int, hvem: Deltakere, sist: Sist, *, er_oppdiktet: bool) -> Utfall:
    """Return what came of an election; kommuner that it did not bring keep what the last run had of them."""
    name = f"{VALGRESULTAT} {aar}"
    came = Utfall(
        VALGRESULTAT,
        str(aar),
        answer.svar,
        MEASURES,
        grunn=answer.grunn,
        oppdatert=answer.oppdatert or None,
        hentet_tid=answer.hentet,
        foresporsler=answer.foresporsler,
    )
    print_ = fingerprint(VERSION, hvem.numre.avtrykk, answer.rader.to_csv(index=False), answer.oppdatert)
    if (same := sist.same(name, print_)) is not None:
        return replace(came, rader=same, avtrykk=print_, er_nytt=False)
    made = _rows(answer, aar, hvem, er_oppdiktet=er_oppdiktet) if len(answer.rader) else None
    kept = _kept(sist.rows(name), made, hvem)
    if kept is None:
        return replace(came, rader=made, avtrykk=print_)
    count = int(kept.loc[kept["verdi"].notna(), "kommunenummer"].nunique())
    return replace(
        came,
        svar=LAGER,
        rader=kept if made is None else pd.concat([made, kept], ignore_index=True),
        grunn=joined_reasons(answer.grunn, f"{count} kommuner er fra forrige henting"),
        hentet_tid=min((t for t in (answer.hentet, sist.fetched(VALGRESULTAT, str(aar))) if t), default=None),
        er_nytt=made is not None,
    )


def kommuner_without(election: Utfall, hvem: Deltakere) -> set[str]:
    """Return the real kommuner that an election says nothing of."""
    known = set() if election.rader is None else set(election.rader["kommunenummer"])
    return set(hvem.ekte) - known


def votes_of(outcome: Utfall, without: set[tuple[str, int]], partier: Sequence[Parti]) -> Utfall:
    """Return SSB's shares of the votes of some kommuner and elections alone, in the codes of the parties.

    Parameters
    ----------
    without
        (kommunenummer, year of the election).
    """
    if outcome.rader is None:
        return outcome
    rows = outcome.rader
    if outcome.er_nytt:  # else of the last run, in whose place they stand as they are
        codes = {p.ssb: p.kode for p in partier if p.ssb}
        rows = rows.assign(gruppe=rows["gruppe"].map(codes).astype(object))
    wanted = pd.MultiIndex.from_frame(rows[["kommunenummer", "aar"]]).isin(list(without))
    rows = rows[wanted & rows["gruppe"].notna().to_numpy()]
    return replace(outcome, rader=rows if len(rows) else None, avtrykk="", er_nytt=True)


def _rows(answer: Valgsvar, aar: int, hvem: Deltakere, *, er_oppdiktet: bool) -> pd.DataFrame:
    """Return the rows of STATISTIKK of an election; seats of a council that is no more are those of nobody."""
    rows = answer.rader.assign(aar=aar, periode=str(aar), status=None)
    made = carry_over(rows, hvem.numre, additive=(), er_tett=False)
    made = made.assign(tabell=f"{VALGRESULTAT} {aar}", kode=made["maal"].map(KODE), oppdatert=answer.oppdatert or None)
    return as_statistikk(made, er_oppdiktet=er_oppdiktet)


def _kept(last: pd.DataFrame | None, made: pd.DataFrame | None, hvem: Deltakere) -> pd.DataFrame | None:
    """Return what the last run had of the kommuner of today that nothing came of; None where it had no figure."""
    if last is None:
        return None
    came = set() if made is None else set(made["kommunenummer"])
    kept = last[last["kommunenummer"].isin(list(hvem.numre.idag - came))]
    return kept if kept["verdi"].notna().any() else None

"""Skriving: what a run leaves, so that one that is stopped between two files leaves nothing that stands by mistake.

Facts and scores hold the keys by which the next run trusts them, shares and cards hold what they stand for. Before the
first of a pair changes, the keys of the lots that change are taken back; the new ones come last. A run that finds keys
taken back makes those lots anew, and drops what the log got for scores that were never written.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from config.registers import Kommune
from tasks.contracts import Contract
from tasks.scoring.tomt.minne import same_rows
from tasks.store import Geodata
from tasks.tomtekontrakter import KONFLIKTANDELER, SCOREENDRINGER, SCOREKORT, SCORER, TOMTEFAKTA

Fil = tuple[Contract, pd.DataFrame, pd.DataFrame | None]
"""A contract, its frame, and that of the last run."""

AVBRUTT = "avbrutt etter "
"""A key that is taken back: this and the number of the last row of the log that was written with its scores."""
NOEKKEL_I = {KONFLIKTANDELER.name: TOMTEFAKTA.name, SCOREENDRINGER.name: SCORER.name, SCOREKORT.name: SCORER.name}
"""Contract → the contract that holds its key, which is written after it."""


def write_files(filer: tuple[Fil, ...], kommune: Kommune, geodata: Geodata) -> None:
    """Write frames in their order; a file whose rows are as they were stays.

    Raises
    ------
    StoreError
        When the disk refuses.
    """
    by_name = {contract.name: (contract, frame, before) for contract, frame, before in filer}
    told = fullfoert(by_name[SCOREENDRINGER.name][2], by_name[SCORER.name][2])
    last = 0 if told is None or told.empty else int(told["nr"].max())
    taken_back: set[str] = set()
    for contract, frame, before in filer:
        if same_rows(frame, before):
            continue
        keyed = NOEKKEL_I.get(contract.name)
        if keyed is not None and keyed not in taken_back:
            taken_back.add(keyed)
            its, new, old = by_name[keyed]
            if old is not None and (without := _without_keys(old, new, after=last)) is not None:
                geodata.write(without, kommune.nummer, layer="out", contract=its)
        geodata.write(frame, kommune.nummer, layer="out", contract=contract)


def _without_keys(before: pd.DataFrame, new: pd.DataFrame, *, after: int) -> pd.DataFrame | None:
    """Return rows with the keys taken back that the new rows do not have; None: they have them all."""
    now = pd.Series(new["noekkel"].to_numpy(dtype=object), index=new["tomt_id"].to_numpy(dtype=object), dtype=object)
    stays = (before["noekkel"] == before["tomt_id"].map(now)).to_numpy(dtype=bool)
    if stays.all():
        return None
    return before.assign(noekkel=np.where(stays, before["noekkel"].to_numpy(dtype=object), f"{AVBRUTT}{after}"))


def fullfoert(logg: pd.DataFrame | None, scorer: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return the log without the rows of a run that was stopped before it wrote its scores.

    Parameters
    ----------
    logg, scorer
        Contracts scoreendringer and scorer as they lie there.
    """
    if logg is None or scorer is None:
        return logg
    taken_back = [k.removeprefix(AVBRUTT) for k in scorer["noekkel"] if isinstance(k, str) and k.startswith(AVBRUTT)]
    if not taken_back:
        return logg
    return logg[logg["nr"] <= min(map(int, taken_back))].reset_index(drop=True)


def som_fortalt(nye: pd.DataFrame, logg: pd.DataFrame | None) -> pd.DataFrame:
    """Return changes with the words that the log has for them already: the cards of before are gone where a run was
    stopped after it wrote them.

    Parameters
    ----------
    nye, logg
        Contract scoreendringer: of this run; as it lies there, with what `fullfoert` leaves out.
    """  # noqa: D205
    if logg is None or nye.empty:
        return nye
    move = ["nr", "tomt_id", "faktor", "score_foer", "score_etter", "poeng_foer", "poeng_etter"]
    told = dict(zip(logg[move].itertuples(index=False, name=None), logg["aarsak"], strict=True))
    moves = nye[move].itertuples(index=False, name=None)
    words = [told.get(row, own) for row, own in zip(moves, nye["aarsak"], strict=True)]
    return nye.assign(aarsak=pd.Series(words, index=nye.index, dtype=object))

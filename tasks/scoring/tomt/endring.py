"""Endring: which scores moved since the last run, by which factor, and why. A row per factor that moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tasks.contracts import NUMBER
from tasks.scoring.tomt.ordlegging import UKJENT, meter, poeng, prosent
from tasks.scoring.tomt.regler import VERSTE, Regler
from tasks.tekst import tall
from tasks.tomtekontrakter import FAKTORER, SCOREENDRINGER

MERKBART = 0.05
"""A factor that moved by fewer points than this has not moved."""
PROFIL, NIVAA = "profil", "nivaa"
"""In place of a factor: the profile is another; the limits of the tiers are."""
MAKS_AARSAKER = 3

Part = dict[str, Any]
Parts = dict[tuple[str, str], Part]
"""Factor and part → its row."""


def endringer(
    foer: pd.DataFrame | None,
    kort_foer: pd.DataFrame | None,
    etter: pd.DataFrame,
    kort_etter: pd.DataFrame,
    *,
    tid: str,
    kommunenummer: str,
    regler: Regler,
    foerste_nr: int = 1,
) -> pd.DataFrame:
    """Return what moved between two runs.

    Parameters
    ----------
    foer, kort_foer
        Contracts scorer and scorekort of the last run; None when there was none.
    etter, kort_etter
        Of this run. Lots that are in one of the runs alone have not moved.
    tid
        ISO time of the run, UTC; the rows are numbered from `foerste_nr`.

    Returns
    -------
    DataFrame
        Contract scoreendringer: one row a lot whose score moved where the profile is another, else those of `_moves`.
    """
    if foer is None or kort_foer is None:
        return _frame([])
    both = etter.merge(foer, on="tomt_id", suffixes=("", "_foer"))
    both = both[_moved(both)]
    before, after = _parts(kort_foer, both["tomt_id"]), _parts(kort_etter, both["tomt_id"])
    of = {"kommunenummer": kommunenummer, "dato": tid}
    rows = [
        {**of, "tomt_id": lot["tomt_id"], "score_foer": lot["score_foer"], "score_etter": lot["score"], **move}
        for lot in both.to_dict("records")
        for move in _moves(lot, before[lot["tomt_id"]], after[lot["tomt_id"]], regler)
    ]
    return _frame(rows, foerste_nr)


def _moves(lot: dict[Any, Any], before: Parts, after: Parts, regler: Regler) -> list[Part]:
    """Return what moved of one lot: factor, points before and after, cause.

    Each factor that moved by more than `MERKBART`, with the part that moved most in words; where the score or the tier
    moved though none did so alone, that which moved most.
    """
    whole = {"poeng_foer": lot["score_foer"], "poeng_etter": lot["score"]}
    if lot["profil"] != lot["profil_foer"]:
        return [{"faktor": PROFIL, **whole, "aarsak": f"Profil: {lot['profil_foer']} → {lot['profil']}"}]
    by = {f: abs(lot[f"poeng_{f}"] - lot[f"poeng_{f}_foer"]) for f in FAKTORER}
    by = {f: d for f, d in by.items() if d > 0}  # NaN: the profile has no such factor
    # Where none moved so much alone, that which moved most tells of what they did together.
    told = [f for f, d in by.items() if d > MERKBART] or sorted(by, key=lambda f: -by[f])[:1]
    level = f"Nivå: {lot['nivaa_foer']} → {lot['nivaa']}" if lot["nivaa"] != lot["nivaa_foer"] else ""
    if not told:
        return [{"faktor": NIVAA, **whole, "aarsak": level}]
    return [
        {"faktor": f, "poeng_foer": lot[f"poeng_{f}_foer"], "poeng_etter": lot[f"poeng_{f}"],
         "aarsak": _stopp(lot) or _aarsak(f, before, after, regler)}
        for f in told
    ]  # fmt: skip


def _moved(both: pd.DataFrame) -> Any:
    """Return which lots have something to tell: nearly none of a kommune has."""
    points = np.column_stack([(both[f"poeng_{f}"] - both[f"poeng_{f}_foer"]).to_numpy(dtype=float) for f in FAKTORER])
    same = (both["profil"] == both["profil_foer"]).to_numpy()
    factor_moved = (np.abs(np.nan_to_num(points)) > MERKBART).any(axis=1)
    score_moved = ((both["score"] - both["score_foer"]).abs() > MERKBART).to_numpy()
    level_moved = (both["nivaa"] != both["nivaa_foer"]).to_numpy()
    return score_moved | (same & (factor_moved | level_moved))


def _frame(rows: list[dict[str, Any]], foerste_nr: int = 1) -> pd.DataFrame:
    if not rows:
        return SCOREENDRINGER.empty()
    frame = pd.DataFrame(rows)
    frame.insert(0, "nr", range(foerste_nr, foerste_nr + len(rows)))
    numbers = {c: float for c, kind in SCOREENDRINGER.columns.items() if kind == NUMBER}
    return frame[list(SCOREENDRINGER.columns)].astype(numbers)


def _parts(kort: pd.DataFrame, tomt_ider: pd.Series) -> dict[str, Parts]:
    """Return lot → factor and part → its row."""
    result: dict[str, Parts] = {str(t): {} for t in tomt_ider}
    for row in kort[kort["tomt_id"].isin(tomt_ider)].to_dict("records"):
        result[row["tomt_id"]][row["faktor"], row["del"]] = {str(k): v for k, v in row.items()}
    return result


def _stopp(lot: dict[Any, Any]) -> str:
    if lot["er_stoppet"] and not lot["er_stoppet_foer"]:
        return f"Stoppet: {lot['stopp_grunn']}" if isinstance(lot["stopp_grunn"], str) else "Tomten er stoppet"
    return "Tomten er ikke lenger stoppet" if lot["er_stoppet_foer"] and not lot["er_stoppet"] else ""


def _aarsak(faktor: str, before: Parts, after: Parts, regler: Regler) -> str:
    """Return in words what moved most of a factor: the part itself, not what only follows from it."""
    shared = [k for k in after if k[0] == faktor and k in before]
    if not shared:
        return f"{regler.navn(faktor)}: delene er andre enn før"
    moved = {k: abs(after[k]["poeng"] - before[k]["poeng"]) for k in shared}
    told = [k for k in shared if k[1] != VERSTE] or shared
    most = max(told, key=lambda k: moved[k])
    return _words(regler.navn(*most), before[most], after[most])


def _words(navn: str, was: Part, now: Part) -> str:
    """Return what a part was and is: ``Flom: 0 → 40 % av tomten``."""
    dark_now, dark_before = _is_unknown(now), _is_unknown(was)
    if dark_now and not dark_before:
        return f"{navn} er ikke lenger kjent" + (f": {now['merknad']}" if isinstance(now["merknad"], str) else "")
    if dark_before and not dark_now:
        return f"{navn} er nå kjent: {now['verdi_tekst']}"
    if (first := _measured(was)) != (last := _measured(now)):
        return f"{navn}: {_from_to(first, last)}"
    if was["verdi_tekst"] != now["verdi_tekst"]:
        return f"{navn}: {was['verdi_tekst']} → {now['verdi_tekst']}"
    return f"{navn}: {poeng(was['poeng'])} → {poeng(now['poeng'])} poeng av det samme, reglene er andre"


def _is_unknown(part: Part) -> bool:
    return UKJENT in str(part["verdi_tekst"])


def _measured(part: Part) -> str:
    """Return the number of a part with its unit."""
    value, unit = float(part["verdi"]), str(part["enhet"])
    if np.isnan(value):
        return ""
    if unit == "m":
        return meter(round(value, -1))
    if unit == "andel":
        return f"{prosent(value)} av tomten"
    number = tall(value, 1 if unit == "daa" else 0)
    return number if unit == "antall" else f"{number} {unit}"


def _from_to(first: str, last: str) -> str:
    """Return two measures, the unit once where both have the same.

    Examples
    --------
    >>> _from_to("900 m", "350 m"), _from_to("1,4 km", "350 m"), _from_to("0 % av tomten", "40 % av tomten")
    ('900 → 350 m', '1,4 km → 350 m', '0 → 40 % av tomten')
    """
    number, _, unit = first.partition(" ")
    return f"{number if unit and last.endswith(' ' + unit) else first} → {last}"


def med_endring(etter: pd.DataFrame, foer: pd.DataFrame | None, rader: pd.DataFrame) -> pd.DataFrame:
    """Return the scores with what moved each of them last: in this run, or as it stood before.

    Parameters
    ----------
    etter, foer
        Contract scorer of this run and of the last.
    rader
        Contract scoreendringer of this run.
    """
    told = {} if foer is None else dict(zip(foer["tomt_id"], foer["endring"], strict=True))
    for tomt_id, of in rader.groupby("tomt_id", sort=False):
        causes = list(dict.fromkeys(of.sort_values("nr")["aarsak"]))
        more = f" og {len(causes) - MAKS_AARSAKER} til" if len(causes) > MAKS_AARSAKER else ""
        first = of.iloc[0]
        score = f"{poeng(first['score_foer'])} → {poeng(first['score_etter'])}"
        told[str(tomt_id)] = f"{first['dato'][:10]}: {score}. {'; '.join(causes[:MAKS_AARSAKER])}{more}"
    texts = [v if isinstance(v := told.get(t), str) else None for t in etter["tomt_id"]]
    return etter.assign(endring=np.array(texts, dtype=object))

"""Rangeringstekst: what is told of a ranking, in the terminal and on the run's Artifacts tab in Prefect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pandas as pd

from config.indikatorer import indikatorer
from flows.linjer import wrapped
from flows.markdown import plain
from flows.rangering import Rangeringer
from flows.rangeringsrader import AREAS, OPPDIKTET, Row, label, movement, shortly
from tasks.scoring.kommune.historikk import DOWN, NEW, OUT, UP
from tasks.scoring.kommune.rangering import Rangert
from tasks.tekst import tall

MOST_MOVES = 10
"""Kommuner of each kind that are named among those that moved."""
MOST_REASONS = 25
"""Reasons for missing figures that are listed."""

MOVES = {
    NEW: "Nye blant de beste",
    OUT: "Ikke lenger blant de beste",
    UP: "Mest opp blant de beste",
    DOWN: "Mest ned blant de beste",
}
BEST_OF_OTHERS = 5
EXPLAINED = (
    "Score er poengene som er tjent, av 100; det andre tallet er hva de kunne blitt om det som mangler ga fullt. "
    "Robusthet er hvor ofte kommunen blir blant de beste når vektene flyttes litt."
)
SVAR = {"lager": "gir tall fra sist", "mangler": "mangler"}


def headline(found: Rangeringer) -> str:
    """Return a ranking in one line of Norwegian."""
    rows = found.rader
    coverage = sum(row["dekning"] for row in rows) / len(rows) if rows else 0
    tiers = Counter(row["nivaa"] for row in rows)
    best = ", ".join(row["kommunenavn"] for row in rows[:3])
    return (
        f"{len(rows)} kommuner rangert etter «{found.profil.merke}» per {found.per_aar}: {tiers[1]} på nivå 1, "
        f"{tiers[2]} på nivå 2, {tiers[3]} på nivå 3. Øverst: {best}. Tallgrunnlag {tall(100 * coverage)} %."
    )


def notes(found: Rangeringer) -> list[str]:
    """Return what is to be known of a ranking before it is believed, most important first, in Norwegian."""
    said = [OPPDIKTET] if found.har_oppdiktede_tall else []
    said += [_refused(one, found) for one in (found.valgt, *found.andre) if not one.dom.er_godtatt]
    return [*said, *found.merknader, *_failed(found.grunnlag.kilder)]


def _failed(kilder: pd.DataFrame) -> list[str]:
    """Return which tables did not answer, those with the same reason together, and which measures that touches."""
    failed = kilder[kilder["svar"].isin(list(SVAR))].fillna({"grunn": "uten grunn"})
    said = []
    for (svar, grunn), of in failed.groupby(["svar", "grunn"], sort=False):
        names = ", ".join(f"{one['kilde']} {one['tabell']}" for one in of.to_dict("records"))
        touched = ", ".join(dict.fromkeys(maal for several in of["maal"] for maal in several))
        said.append(f"{names} {SVAR[str(svar)]} ({grunn})" + (f": gjelder {touched}." if touched else "."))
    return said


def _refused(one: Rangert, found: Rangeringer) -> str:
    """Return that a ranking rests on too little; one that looks back would not have been kept anyway."""
    said = f"bare {tall(100 * one.dom.dekning)} % av vekten i «{one.profil.merke}» hviler på tall"
    if found.tilbakeblikk is not None:
        return f"LITE TALL: {said}."
    before = "" if one.dom.dekning_sist is None else f", den som står har {tall(100 * one.dom.dekning_sist)} %"
    return f"IKKE LAGRET: {said}{before}. Det som stod, står fortsatt."


def about(found: Rangeringer) -> list[str]:
    """Return how well a ranking holds, and who is best by the other profiles, in Norwegian."""
    kept = found.valgt.folsomhet
    said = [
        f"Når hver vekt flyttes inntil {tall(100 * kept.utslag)} % ({tall(kept.trekninger)} trekninger), blir i snitt "
        f"{tall(100 * kept.overlapp)} % av de {kept.topp} beste værende; {kept.alltid} er alltid med, og "
        f"{kept.noen_gang} andre er innom."
    ]
    for other in found.andre:
        best = other.scorer[~other.scorer["er_oppdiktet_kommune"]].nsmallest(BEST_OF_OTHERS, "rang")["navn"]
        said.append(f"Øverst etter «{other.profil.navn}»: {', '.join(best)}.")
    return said


# --- what moved ---


def moved(found: Rangeringer) -> list[str]:
    """Return what has moved since the last ranking, a line of each kind, in Norwegian."""
    since = found.valgt.bevegelser
    if since.maaned_sist is None:
        return ["Ingen tidligere rangering å sammenligne med."]
    lines = [f"Sammenlignet med {since.maaned_sist}:"]
    if since.profil_sist != found.profil.merke:
        lines = [
            f"Sammenlignet med {since.maaned_sist}, da profilen var «{since.profil_sist}»: poengene er endret også."
        ]
    near = since.rader[since.rader[["rang", "rang_sist"]].min(axis=1) <= found.topp]
    for kind, title in MOVES.items():
        who = near[near["bevegelse"] == kind].to_dict("records")
        names = [f"{one['navn']} ({one['rang_sist']} → {one['rang']})" for one in who[:MOST_MOVES]]
        more = f" og {len(who) - MOST_MOVES} til" if len(who) > MOST_MOVES else ""
        lines.append(f"{title}: {', '.join(names) or 'ingen'}{more}.")
    return lines


def missing_counts(frame: pd.DataFrame, numbers: Iterable[str]) -> list[tuple[str, str, int]]:
    """Return (label of the indicator, why, kommuner) of figures that are missing, most first.

    Parameters
    ----------
    frame
        Contract indikatorer.
    numbers
        Kommunenumre that count.
    """
    known = indikatorer().indikator
    gone = frame[frame["mangler"].notna() & frame["kommunenummer"].isin(list(numbers))]
    counts = gone.groupby(["indikator", "mangler"], sort=False).size().sort_values(ascending=False, kind="stable")
    labels = {name: one.etikett for name, one in known.items()}
    rows = counts.rename("antall").reset_index().to_dict("records")
    return [(labels.get(one["indikator"], one["indikator"]), one["mangler"], int(one["antall"])) for one in rows]


# --- the terminal ---

HEAD = " ".join([f"{'Rang':>9}", f"{'Kommune':<22}", f"{'Fylke':<16}", "Score–høyest Nivå  Tall  Hva avgjorde"])


def as_text(found: Rangeringer, *, count: int) -> str:
    """Return a ranking as lines for a terminal: the best `count`, what moved, how well it holds."""
    lines = [headline(found), "", HEAD, *(_line(row) for row in found.rader[:count]), ""]
    back = found.tilbakeblikk
    for text in (*(moved(found) if back is None else back.sentences()), *about(found)):
        lines.append(wrapped(text, indent=0))
    return "\n".join(lines)


def _line(row: Row) -> str:
    return (
        f"{row['rang']:>4} {movement(row):>4} {row['kommunenavn'][:22]:<22} {(row['fylke'] or '')[:16]:<16} "
        f"{_score(row):<12} {row['nivaa']:>4} {tall(100 * row['dekning']):>3} %  {shortly(row)}"
    )


def _score(row: Row) -> str:
    """Return the score, and what it could be when figures are missing: ``75,0–90,0``."""
    low, high = f"{tall(row['score'], 1):>5}", tall(row["score_hoy"], 1)
    return low if low.strip() == high else f"{low}–{high}"


# --- Prefect ---


def as_markdown(found: Rangeringer) -> str:
    """Return a ranking as a Prefect artifact; foreign text is taken literally."""
    lines = [f"# Rangering {plain(found.profil.navn)} {found.dato:%d.%m.%Y}", ""]
    lines += [f"**{plain(note)}**\n" if k == 0 else f"{plain(note)}\n" for k, note in enumerate(notes(found))]
    lines += [plain(headline(found)), "", plain(found.profil.beskrivelse), ""]
    lines += [f"## De {min(found.topp, len(found.rader))} beste", ""]
    head = ["Rang", "Sist", "Kommune", "Score", "Nivå", "Tallgrunnlag", "Robusthet", "Hva avgjorde"]
    lines += _table(head, ([plain(c) for c in _cells(row)] for row in found.rader[: found.topp]))
    lines += ["", EXPLAINED, ""]
    lines += ["## Hva som har flyttet seg", "", *(f"- {plain(text)}" for text in moved(found)), ""]
    lines += ["## Hvor godt den holder", "", *(f"- {plain(text)}" for text in about(found)), ""]
    return "\n".join([*lines, "## Hva som mangler", "", *_missing_table(found)])


def _cells(row: Row) -> list[str]:
    last = "–" if row["rang_sist"] is None else str(row["rang_sist"])
    return [
        str(row["rang"]),
        last,
        label(row),
        _score(row).strip(),
        str(row["nivaa"]),
        f"{tall(100 * row['dekning'])} %",
        "–" if row["robusthet"] is None else f"{tall(100 * row['robusthet'])} %",
        shortly(row, most=4),
    ]


def _missing_table(found: Rangeringer) -> list[str]:
    gone = missing_counts(found.indikatorer, (row["kommunenummer"] for row in found.rader))
    if not gone:
        return ["Ingenting."]
    rows = [[plain(name), plain(why), str(count)] for name, why, count in gone[:MOST_REASONS]]
    more = [f"… og {len(gone) - MOST_REASONS} til."] if len(gone) > MOST_REASONS else []
    return [*_table(["Nøkkeltall", "Hvorfor", "Kommuner"], rows), "", *more]


def as_table(found: Rangeringer) -> list[dict[str, Any]]:
    """Return all kommuner as rows of a table artifact, best first."""
    return [
        {
            "Rang": row["rang"],
            "Sist": row["rang_sist"],
            "Kommune": label(row),
            "Fylke": row["fylke"],
            "Score": tall(row["score"], 1),
            "Score høyest": tall(row["score_hoy"], 1),
            "Nivå": row["nivaa"],
            **{name: _area(row, area) for area, name in AREAS.items()},
            "Tallgrunnlag": f"{tall(100 * row['dekning'])} %",
            "Hva avgjorde": plain(shortly(row)),
            "Oppdiktede tall": "ja" if row["har_oppdiktede_tall"] else "nei",
        }
        for row in found.rader
    ]


def _area(row: Row, area: str) -> str:
    score = row["omraader"].get(area, {}).get("score")
    return "–" if score is None else tall(score, 1)


def _table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]

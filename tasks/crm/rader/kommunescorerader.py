"""Rows of Kommuner, the ranking's part: score and rank, why, key figures, what is missing.

A row says what the ranking says of one kommune, and nothing of which kommune it is or what a run found in it. It holds
one time, `Rangert`, which whoever writes it may take out.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd

from config.indikatorer import indikatorer as catalogue
from tasks.crm.rader.rad import Row, RowsByKey, day, dicts, line, lines
from tasks.tekst import tall

RANGERT = "Rangert"
FIGURES = {
    "Folketall": "folketall",
    "Folketall 5 år %": "befolkningsendring_5aar_prosent",
    "Over 65 %": "andel_over_65_prosent",
    "Ungdomsflytting %": "ungdomsflytting_prosent",
    "Framskriving 2035 %": "framskriving_2035_prosent",
    "Kvadratmeterpris kr": "kvadratmeterpris_kr",
    "Prisindeks": "prisindeks",
    "Prisvekst 5 år %": "prisvekst_5aar_prosent",
    "Boligpris i årsinntekter": "boligpris_aarsinntekter",
    "Boutgift %": "boutgift_prosent",
    "Medianinntekt kr": "medianinntekt_kr",
    "Leieandel %": "leieandel_prosent",
    "Fullførte per 1000": "fullfoerte_per_1000",
    "Igangsatte per 1000": "igangsatte_per_1000",
    "Boligmasse": "boligmasse",
    "Arbeidsledighet %": "arbeidsledighet_prosent",
    "Utenfor arbeid": "utenfor_arbeid_forhold",
    "Netto driftsresultat %": "netto_driftsresultat_prosent",
    "Eiendomsskatt ‰": "eiendomsskatt_promille",
    "Kommunale boliger per 1000": "kommunale_boliger_per_1000",
    "Ap %": "ap_mandatandel_prosent",
    "Høyre %": "hoeyre_mandatandel_prosent",
    "Venstreblokk %": "venstreblokk_mandatandel_prosent",
    "Effektive partier": "effektive_partier",
    "Valgdeltakelse %": "valgdeltakelse_prosent",
    "Bor i tettsted %": "andel_i_tettsted_prosent",
}
"""Field of Kommuner → the indicator that it shows."""
AREAS = {
    "Score demografi": "score_demografi",
    "Score økonomi": "score_okonomi",
    "Score politikk": "score_politikk",
    "Score eiendom": "score_eiendom",
}
ARROWS = {"opp": "↗", "flat": "→", "ned": "↘"}
UNKNOWN_TREND = "·"
MISSING = "mangler"
"""Status of a factor without a figure."""
DECIDED = 3
"""Factors that are named as what decided."""
INVENTED = "OPPDIKTEDE TALL: laget av den lokale sandkassen."


def ranking_rows(
    scorer: pd.DataFrame,
    *,
    faktorer: pd.DataFrame,
    indikatorer: pd.DataFrame,
    andre: Mapping[str, pd.DataFrame],
) -> RowsByKey:
    """Return kommunenummer → the ranking's fields of Kommuner, each filled or emptied.

    Parameters
    ----------
    scorer, faktorer
        Contracts kommunescorer and kommunefaktorer of the profile that is published.
    indikatorer
        Contract indikatorer.
    andre
        Name of another profile → its kommunescorer.
    """
    factors, figures = _by_kommune(faktorer), _by_kommune(indikatorer)
    others = {name: {row["kommunenummer"]: row for row in dicts(frame)} for name, frame in andre.items()}
    rows: RowsByKey = {}
    for score in dicts(scorer):
        nummer = score["kommunenummer"]
        own = {figure["indikator"]: figure for figure in figures.get(nummer, ())}
        mine = {name: there[nummer] for name, there in others.items() if nummer in there}
        rows[nummer] = {
            **_placed(score),
            "Andre profiler": lines(_other(name, row) for name, row in mine.items()),
            "Hvorfor": lines((*_marked(score), *_why(factors.get(nummer, ())))),
            "Utvikling": lines((*_marked(score), *_trends(own))),
            "Mangler": lines(_lacking(factors.get(nummer, ()), own)),
            **{field: own[name]["verdi"] if name in own else None for field, name in FIGURES.items()},
        }
    return rows


def _by_kommune(frame: pd.DataFrame) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in dicts(frame):
        found[row["kommunenummer"]].append(row)
    return found


def _placed(score: Row) -> Row:
    """Return where a kommune stands."""
    before = _number(score["rang_sist"])
    return {
        "Prioritet": str(score["nivaa"]),
        "Score": score["score"],
        "Score høyest": score["score_hoy"],
        **{field: score[column] for field, column in AREAS.items()},
        "Rang": score["rang"],
        "Rang sist": before,
        "Endring i rang": None if before is None else before - score["rang"],
        "Persentil": score["persentil"],
        # Of a handful that are ranked apart every one would be among them.
        "Blant de beste": bool(score["er_topp"]) and not score["er_oppdiktet_kommune"],
        "Robusthet %": _percent(score["robusthet"]),
        "Tallgrunnlag %": _percent(score["dekning"]),
        "Profil": line(score["profil"]),
        "Oppdiktede tall": bool(score["har_oppdiktede_tall"]),
        RANGERT: day(score["rangert_dato"]),
    }


def _marked(score: Row) -> tuple[str, ...]:
    """Return the line that stands above what rests on invented figures."""
    return (INVENTED,) if score["har_oppdiktede_tall"] else ()


def _why(factors: Sequence[Row]) -> Iterator[str]:
    """Yield what decided in short, then the factors, most points first, those without a figure last."""
    there = sorted((f for f in factors if f["status"] != MISSING), key=lambda f: -f["poeng"])
    best = [f"{f['navn']} {_points(f['poeng'])} av {_points(f['maks'])}" for f in there[:DECIDED] if f["poeng"] > 0]
    if factors:
        yield f"Avgjort av: {', '.join(best) or 'ingen faktor ga poeng'}."
    yield from (f["hvorfor"] for f in there)
    yield from (f["hvorfor"] for f in factors if f["status"] == MISSING)


def _points(value: float) -> str:
    """Return points without idle zeros.

    Examples
    --------
    >>> _points(15.0), _points(17.5)
    ('15', '17,5')
    """
    return f"{value:g}".replace(".", ",")


def _trends(figures: Mapping[str, Row]) -> Iterator[str]:
    yield from (_trend(figures[name]) for name in FIGURES.values() if _is_there(figures.get(name)))


def _other(name: str, score: Row) -> str:
    """Return what another profile says of a kommune.

    Examples
    --------
    >>> _other("vekst", {"score": 62.34, "rang": 41})
    'vekst: 62,3 (rang 41)'
    """
    return f"{name}: {_shown(score['score'], 1)} (rang {score['rang']})"


def _trend(figure: Row) -> str:
    """Return a key figure on one line: which way it goes, what it is, beside the country and the other kommuner."""
    name = figure["indikator"]
    said = [f"{ARROWS.get(figure['trend'], UNKNOWN_TREND)} {_behind(name, figure['verdi'], figure['aar'])}"]
    if _number(figure["landstall"]) is not None and not _is_to_country(name):
        said.append(f"landet {_with_unit(name, figure['landstall'])}")
    if _number(figure["persentil"]) is not None:
        said.append(f"høyere enn {_shown(figure['persentil'])} % av kommunene")
    if source := line(figure["kilde"]):
        said.append(source)
    return "; ".join(said)


def _lacking(factors: Iterable[Row], figures: Mapping[str, Row]) -> Iterable[str]:
    """Yield what is missing: first what costs points, then the key figures that have not been told of by that."""
    told = set()
    for factor in factors:
        if factor["status"] == MISSING:
            told.add(factor["indikator"])
            yield factor["hvorfor"]
    for field, name in FIGURES.items():
        figure = figures.get(name)
        if name not in told and not _is_there(figure):
            yield f"{field}: {(figure and line(figure['mangler'])) or 'ikke regnet ut'}"


def _is_there(figure: Row | None) -> bool:
    return figure is not None and _number(figure["verdi"]) is not None


def _behind(indikator: str, verdi: object, aar: object) -> str:
    """Return a figure with its name, unit and year."""
    known = catalogue().indikator.get(indikator)
    year = _number(aar)
    named = f"{known.etikett if known else indikator}: {_with_unit(indikator, verdi)}"
    return named if year is None else f"{named} ({year:.0f})"


def _is_to_country(indikator: str) -> bool:
    """Return True for a ratio to the country, whose own figure says nothing."""
    known = catalogue().indikator.get(indikator)
    return known is not None and catalogue().enhet[known.enhet].landet is not None


def _with_unit(indikator: str, verdi: object) -> str:
    """Return a value as it is read.

    Examples
    --------
    >>> _with_unit("boutgift_prosent", 32.06), _with_unit("boutgift_prosent", None), _with_unit("byggetakt_forhold", 1)
    ('32,1 %', '–', '1,00')
    """
    known = catalogue().indikator.get(indikator)
    shown = _shown(verdi, known.desimaler if known else 1)
    return shown if known is None or _number(verdi) is None else shown + catalogue().enhet[known.enhet].tegn


def _shown(value: object, decimals: int = 0) -> str:
    number = _number(value)
    return "–" if number is None else tall(number, decimals)


def _percent(share: object) -> float | None:
    number = _number(share)
    return None if number is None else 100 * number


def _number(value: object) -> float | None:
    """Return a finite number, None for what is none."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None

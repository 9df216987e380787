"""Kort: the why-card of each lot as text that a salesperson reads, and its short forms. A text per lot.

Everything is said from the scorekort; dates are those of the content, and no age is told, so that a card changes when
what it says does and not because a day has passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from config.kurver import Tall
from tasks.scoring.tomt.ordlegging import UKJENT, Tekster, poeng, prosent, skriv
from tasks.scoring.tomt.regler import FAKTORNAVN, VERSTE, Regler
from tasks.scoring.tomt.sikkerhet import FORMEL, Sikkerhet
from tasks.scoring.tomt.tavle import Tavle

MAKS_TEGN = 3000
"""Of a card: a longer one is cut at a line."""
TILLEGG = {"infrastruktur": " – hus og adresser nær tomten står for vann og avløp, som ikke er åpne data"}
"""What is said of a factor with parts, beside its points."""
KUTTET = "… resten står i scorekortet"
MERKBART = 0.05
"""Points under this are not worth a word."""


def hvorfor(tavle: Tavle, hode: Tekster, *, regler: Regler, sikkerhet: Sikkerhet) -> Tekster:
    """Return the whole card of each lot.

    Parameters
    ----------
    hode
        First lines of each card: score, range, tier, profile; why it is stopped.
    """
    blocks = [hode, *(_faktor(tavle, faktor, regler) for faktor in tavle.kolonner), _sikkerhet(sikkerhet)]
    return np.array([_cut(row) for row in zip(*blocks, strict=True)], dtype=object)


def _cut(blocks: Sequence[str]) -> str:
    text = "\n".join(blocks)
    if len(text) <= MAKS_TEGN:
        return text
    return text[: MAKS_TEGN - len(KUTTET) - 1].rsplit("\n", 1)[0] + "\n" + KUTTET


def _faktor(tavle: Tavle, faktor: str, regler: Regler) -> Tekster:
    """Return the lines of one factor of each lot."""
    at = tavle.kolonner[faktor]
    points, unknown = tavle.per_faktor("poeng")[faktor], tavle.per_faktor("ukjent")[faktor]
    head = _points(
        points, unknown, f"{regler.navn(faktor)} {{}} av {poeng(tavle.maks_av(faktor))}{{}}{TILLEGG.get(faktor, '')}"
    )
    if len(at) == 1:
        return np.array([f"{h} – {w}" for h, w in zip(head, _said(tavle, int(at[0])), strict=True)], dtype=object)
    if faktor == "konflikt":
        return _konflikt(tavle, head, regler)
    columns = [head]
    for j in at:
        line = f"· {regler.navn(faktor, tavle.deler[j])} {{}} av {poeng(tavle.maks[j])}{{}}"
        part = _points(tavle.tall("poeng")[:, j], tavle.tall("ukjent")[:, j], line)
        said = _said(tavle, int(j))
        columns.append(np.array([f"{p} – {w}" for p, w in zip(part, said, strict=True)], dtype=object))
    return np.array(["\n".join(row) for row in zip(*columns, strict=True)], dtype=object)


def _points(points: Tall, unknown: Tall, template: str) -> Tekster:
    """Return the points of each lot in a template with room for points and for what is not known."""
    open_ = skriv(np.where(unknown >= MERKBART, unknown, 0.0), lambda u: f" (+{poeng(u)} ikke kjent)" if u else "",
                  steg=0.1)  # fmt: skip
    said = skriv(points, poeng, steg=0.1)
    return np.array([template.format(p, u) for p, u in zip(said, open_, strict=True)], dtype=object)


def _said(tavle: Tavle, j: int) -> Tekster:
    """Return what was measured of one part, its source, its date and what is to be said of it."""
    rows = zip(*(tavle.tekst(c)[:, j] for c in ("verdi_tekst", "kilde", "dato", "merknad")), strict=True)
    return np.array([_sentence(*row) for row in rows], dtype=object)


def _sentence(verdi: str | None, kilde: str | None, dato: str | None, merknad: str | None) -> str:
    source = ", ".join(w for w in (kilde, dato) if w) if verdi != UKJENT else ""
    return (verdi or "") + (f" ({source})" if source else "") + (f"; {merknad}" if merknad else "")


def _konflikt(tavle: Tavle, head: Tekster, regler: Regler) -> Tekster:
    """Return the lines of conflict: themes that are in the way one by one, the others in one line each for all."""
    at = [int(j) for j in tavle.kolonner["konflikt"] if tavle.deler[j] != VERSTE]
    worst = [int(j) for j in tavle.kolonner["konflikt"] if tavle.deler[j] == VERSTE]
    hit = tavle.tall("verdi")[:, at] > 0
    known = tavle.tekst("verdi_tekst")[:, at] != UKJENT
    lines = {j: _line(tavle, j, regler) for j in (*worst, *at)}
    names = [regler.navn("konflikt", tavle.deler[j]) for j in at]
    why, kilde, dato = (tavle.tekst(c)[:, at] for c in ("merknad", "kilde", "dato"))
    rest: dict[bytes, str] = {}
    result = []
    for i, title in enumerate(head):
        key = hit[i].tobytes() + known[i].tobytes()
        if key not in rest:
            free = [k for k in range(len(at)) if known[i, k] and not hit[i, k]]
            dark = [k for k in range(len(at)) if not known[i, k] and not hit[i, k]]
            rest[key] = _grouped("Ingen konflikt", names, free, [_source(kilde[i, k], dato[i, k]) for k in free])
            rest[key] += _grouped("Ikke kjent", names, dark, [why[i, k] for k in dark])
        own = [lines[j][i] for j in worst] + [lines[j][i] for k, j in enumerate(at) if hit[i, k]]
        result.append("\n".join([title, *own]) + rest[key])
    return np.array(result, dtype=object)


def _line(tavle: Tavle, j: int, regler: Regler) -> Tekster:
    template = f"· {regler.navn('konflikt', tavle.deler[j])} {{}} av {poeng(tavle.maks[j])}{{}}"
    part = _points(tavle.tall("poeng")[:, j], tavle.tall("ukjent")[:, j], template)
    return np.array([f"{p} – {w}" for p, w in zip(part, _said(tavle, j), strict=True)], dtype=object)


def _source(kilde: str | None, dato: str | None) -> str:
    return " ".join(w for w in (kilde, dato) if w)


def _grouped(title: str, names: Sequence[str], at: Sequence[int], because: Sequence[str | None]) -> str:
    """Return one line that names themes, those with the same source or reason together; "" for none."""
    groups: dict[str, list[str]] = {}
    for k, reason in zip(at, because, strict=True):
        groups.setdefault(reason or "", []).append(names[k])
    said = [", ".join(of) + (f" ({reason})" if reason else "") for reason, of in groups.items()]
    return f"\n· {title}: " + "; ".join(said) if said else ""


def _sikkerhet(of: Sikkerhet) -> Tekster:
    columns = [skriv(x, prosent, steg=0.01) for x in (of.samlet, of.dekning, of.ferskhet, of.geometri)]
    return np.array(
        [
            f"Sikkerhet {s} = dekning {d} × ferskhet {f} × geometri {g} ({FORMEL})"
            for s, d, f, g in zip(*columns, strict=True)
        ],
        dtype=object,
    )


def begrunnelse(tavle: Tavle, *, stopp: Tekster) -> Tekster:
    """Return one sentence of each lot: what lifts its score, and what holds it down.

    Parameters
    ----------
    stopp
        Why a lot is stopped, None for others.
    """
    factors = list(tavle.kolonner)
    points, unknown = tavle.per_faktor("poeng"), tavle.per_faktor("ukjent")
    share = np.column_stack([points[f] / tavle.maks_av(f) for f in factors])
    # A factor that nobody knows is no reason: it stands under what is missing.
    lost = np.column_stack([(tavle.maks_av(f) - points[f] - unknown[f]) / tavle.maks_av(f) for f in factors])
    said = {f: skriv(points[f], _of(f, tavle.maks_av(f)), steg=0.1) for f in factors}
    words = np.column_stack([said[f] for f in factors])
    best = np.argsort(-share, axis=1, kind="stable")[:, :2]
    worst = lost.argmax(axis=1)
    result = []
    for i, why in enumerate(stopp):
        up = " og ".join(words[i, j] for j in best[i] if j != worst[i])
        down = f", ned av {words[i, worst[i]]}" if lost[i, worst[i]] > 0 else ""
        result.append(f"Stoppet: {why}." if why is not None else f"Trekkes opp av {up}{down}.")
    return np.array(result, dtype=object)


def _of(faktor: str, maks: float) -> Callable[[float], str]:
    return lambda points: f"{FAKTORNAVN[faktor].lower()} ({poeng(points)} av {poeng(maks)})"


UKJENT_LOFT: dict[str, str] = {
    "kapasitet": "Avklar hvor mange boliger kommunen vil ha der",
    "storrelse": "Finn arealet",
    "sentralitet": "Få kjent avstander og folketall rundt tomten",
    "konflikt": "Få undersøkt temaene som ikke er kjent",
    "infrastruktur": "Få kjent veg og bebyggelse rundt tomten",
    "politikk": "Få kommunen rangert",
    "eier": "Slå opp eierne",
}
"""What would make a factor known."""
KAN_ENDRES: dict[str, str] = {
    "kapasitet": "Slå sammen med nabotomter: kapasitet",
    "storrelse": "Slå sammen med nabotomter: størrelse",
    "konflikt": "Avklar konfliktene: konfliktfri",
    "infrastruktur": "Før fram veg og ledninger: infrastruktur",
    "politikk": "Vinn kommunen for prosjektet: politisk vilje",
    "eier": "Samle eierne: eierstruktur",
}
"""What can be done about a factor that is known; where a lot lies cannot be changed."""


def loft(tavle: Tavle, *, stopp: Tekster) -> Tekster:
    """Return what would raise the score of each lot most: what is not known, or else what can be changed."""
    factors = list(tavle.kolonner)
    points, unknown = tavle.per_faktor("poeng"), tavle.per_faktor("ukjent")
    dark = np.column_stack([unknown[f] for f in factors])
    open_ = np.column_stack([(tavle.maks_av(f) - points[f] - unknown[f]) * (f in KAN_ENDRES) for f in factors])
    most_dark, most_open = _most(dark, factors, UKJENT_LOFT), _most(open_, factors, KAN_ENDRES)
    result = []
    for i, why in enumerate(stopp):
        if why is not None:
            result.append("Ingenting så lenge tomten er stoppet.")
        else:
            result.append(most_dark[i] or most_open[i] or "Ingenting: alt er kjent og fullt.")
    return np.array(result, dtype=object)


def _most(gain: Tall, factors: Sequence[str], words: dict[str, str]) -> list[str]:
    at = gain.argmax(axis=1)
    most = gain[np.arange(len(at)), at]
    said = skriv(most, lambda g: f"inntil {poeng(g)} poeng", steg=0.1)
    rows = zip(at, most, said, strict=True)
    return [f"{words[factors[j]]}, {w}." if g >= 0.5 else "" for j, g, w in rows]


def mangler(tavle: Tavle, *, regler: Regler) -> Tekster:
    """Return what is not known of each lot and why, None where nothing is missing."""
    unknown = tavle.tall("ukjent") >= MERKBART
    why = tavle.tekst("merknad")
    names = [regler.navn(f, d) for f, d in zip(tavle.faktorer, tavle.deler, strict=True)]
    skip = [d == VERSTE for d in tavle.deler]
    made: dict[tuple[object, ...], str | None] = {}
    result: list[str | None] = []
    for i in range(len(unknown)):
        at = [int(j) for j in np.flatnonzero(unknown[i]) if not skip[j]]
        key = tuple((j, why[i, j]) for j in at)
        if key not in made:
            groups: dict[str, list[str]] = {}
            for j in at:
                groups.setdefault(why[i, j] or "delvis kjent", []).append(names[j])
            made[key] = "\n".join(f"{', '.join(of)}: {reason}" for reason, of in groups.items()) or None
        result.append(made[key])
    return np.array(result, dtype=object)


def hode(score: Tall, hoyest: Tall, nivaa: Iterable[str], *, profil: str, stopp: Tekster) -> Tekster:
    """Return the first lines of each card."""
    points, most = skriv(score, poeng, steg=0.1), skriv(hoyest, poeng, steg=0.1)
    result = []
    for s, h, n, why in zip(points, most, nivaa, stopp, strict=True):
        spread = f", inntil {h} når det ukjente er kjent" if h != s else ""
        end = f"\nStoppet: {why}. Det som er målt, står her likevel." if why is not None else ""
        result.append(f"Score {s} av 100{spread} · nivå {n} · profil {profil}{end}")
    return np.array(result, dtype=object)

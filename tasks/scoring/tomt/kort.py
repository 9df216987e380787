"""Kort: the why-card of each lot as text that a salesperson reads, and its short forms. A text per lot.

Everything is said from the scorekort; dates are those of the content, and no age is told, so that a card changes when
what it says does and not because a day has passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from config.kurver import Tall
from config.tomtprofil import Tomtprofil
from tasks.scoring.tomt.avrunding import Vist
from tasks.scoring.tomt.ordlegging import UKJENT, Tekster, norsk_dato, poeng, prosent, skriv
from tasks.scoring.tomt.regler import FAKTORNAVN, VERSTE, Regler
from tasks.scoring.tomt.sikkerhet import FORMEL, Sikkerhet
from tasks.scoring.tomt.tavle import Tavle

MAKS_TEGN = 20_000
"""Of a card: a longer one is cut at a line. Names are cut before, so that none in use comes near."""
TILLEGG = {"infrastruktur": " – hus og adresser nær tomten står for vann og avløp, som ikke er åpne data"}
"""What is said of a factor with parts, beside its points."""
KUTTET = "… resten står i scorekortet"
MERKBART = 0.05
"""Points under this are not worth a word."""
AVRUNDET = "Poeng er avrundet til én desimal, slik at delene går opp i summen."
DEL = "·"
"""Before a part of a factor."""
FRI, USETT = "Ingen konflikt", "Ikke kjent"
VERDT_NOE = 0.5
"""Points from which it is worth telling what would give them."""
NOTHING = 1e-6
KILDEORD = {"papers": "grunnlagsdokumentene", "antatt": "antatt av oss"}
"""First word of a source of config/vekter.toml → as a salesperson reads it."""


Columns = Sequence[int] | npt.NDArray[np.intp]
"""Places of columns of a tavle."""


def hvorfor(
    tavle: Tavle, vist: Vist, hode: Tekster, *, regler: Regler, profil: Tomtprofil, sikkerhet: Sikkerhet
) -> Tekster:
    """Return the whole card of each lot.

    Parameters
    ----------
    hode
        First lines of each card: score, range, tier, profile; why it is stopped.
    """
    foot = np.full(len(hode), f"{AVRUNDET} {vektkilder(profil)}", dtype=object)
    factors = (_faktor(tavle, vist, faktor, regler) for faktor in tavle.kolonner)
    blocks = [hode, *factors, foot, _sikkerhet(sikkerhet)]
    return np.array([_cut(row) for row in zip(*blocks, strict=True)], dtype=object)


def _cut(blocks: Sequence[str]) -> str:
    text = "\n".join(blocks)
    if len(text) <= MAKS_TEGN:
        return text
    return text[: MAKS_TEGN - len(KUTTET) - 1].rsplit("\n", 1)[0] + "\n" + KUTTET


def vektkilder(profil: Tomtprofil) -> str:
    """Return where the weights of a profile come from, and where the figures that points are given by do."""
    weights: dict[str, list[str]] = {}
    figures: dict[str, list[str]] = {}
    for name, factor in profil.faktor.items():
        weights.setdefault(_kilde(factor.kilde), []).append(FAKTORNAVN[name].lower())
        if factor.tall:
            figures.setdefault(_kilde(factor.kilde_tall), []).append(FAKTORNAVN[name].lower())
    told = (("Vekter", weights), ("Tall i formlene", figures))
    return " ".join(
        f"{title}: " + "; ".join(f"{kilde} ({', '.join(names)})" for kilde, names in of.items()) + "."
        for title, of in told
        if of
    )


def _kilde(kilde: str) -> str:
    first, _, rest = kilde.partition(" ")
    return " ".join(w for w in (KILDEORD.get(first, first), rest) if w)


def _faktor(tavle: Tavle, vist: Vist, faktor: str, regler: Regler) -> Tekster:
    """Return the lines of one factor of each lot."""
    at = tavle.kolonner[faktor]
    head = _points(tavle, vist, at, regler.navn(faktor), TILLEGG.get(faktor, ""))
    if len(at) == 1:
        return np.array([f"{h} – {w}" for h, w in zip(head, _said(tavle, int(at[0])), strict=True)], dtype=object)
    if faktor == "konflikt":
        return _konflikt(tavle, vist, head, regler)
    columns = [head, *(_line(tavle, vist, int(j), regler) for j in at)]
    return np.array(["\n".join(row) for row in zip(*columns, strict=True)], dtype=object)


def _line(tavle: Tavle, vist: Vist, j: int, regler: Regler) -> Tekster:
    part = _points(tavle, vist, [j], f"{DEL} {regler.navn(tavle.faktorer[j], tavle.deler[j])}")
    return np.array([f"{p} – {w}" for p, w in zip(part, _said(tavle, j), strict=True)], dtype=object)


def _points(tavle: Tavle, vist: Vist, at: Columns, navn: str, more: str = "") -> Tekster:
    """Return a name with the points of some columns together, points at most, and what is not known."""
    maks = tavle.tall("maks")[:, at].sum(axis=1)
    lost = maks - tavle.tall("poeng")[:, at].sum(axis=1) - tavle.tall("ukjent")[:, at].sum(axis=1)
    template = f"{navn} {{}} av {{}}{{}}{more}"
    points, unknown = vist.poeng[:, at].sum(axis=1), vist.ukjent[:, at].sum(axis=1)
    return _av(points, unknown, maks, lost=lost if navn.startswith(DEL) else maks, template=template)


def _av(points: Tall, unknown: Tall, maks: Tall, *, lost: Tall, template: str) -> Tekster:
    # Rounded to add up, a part that has all its points may be shown with a tenth less or more than its maks.
    most = np.where(lost < NOTHING, points + unknown, np.maximum(maks, points + unknown))
    open_ = skriv(unknown, lambda u: f" (+{poeng(u)} {UKJENT})" if u >= MERKBART else "", steg=0.1)
    columns = skriv(points, poeng, steg=0.1), skriv(most, poeng, steg=0.1), open_
    return np.array([template.format(*row) for row in zip(*columns, strict=True)], dtype=object)


def _said(tavle: Tavle, j: int) -> Tekster:
    """Return what was measured of one part, its source, its date and what is to be said of it."""
    rows = zip(*(tavle.tekst(c)[:, j] for c in ("verdi_tekst", "kilde", "dato", "merknad")), strict=True)
    return np.array([_sentence(*row) for row in rows], dtype=object)


def _sentence(verdi: str | None, kilde: str | None, dato: str | None, merknad: str | None) -> str:
    source = ", ".join(w for w in (kilde, norsk_dato(dato)) if w) if verdi != UKJENT else ""
    return (verdi or "") + (f" ({source})" if source else "") + (f"; {merknad}" if merknad else "")


def _konflikt(tavle: Tavle, vist: Vist, head: Tekster, regler: Regler) -> Tekster:
    """Return the lines of conflict: themes that are in the way one by one, the others together, with one line each."""
    at = np.array([j for j in tavle.kolonner["konflikt"] if tavle.deler[j] != VERSTE])
    hit = tavle.tall("verdi")[:, at] > 0
    known = tavle.tekst("verdi_tekst")[:, at] != UKJENT
    lines = {int(j): _line(tavle, vist, int(j), regler) for j in tavle.kolonner["konflikt"]}
    worst = [j for j in lines if tavle.deler[j] == VERSTE]
    free, dark = (_together(tavle, vist, at, of & ~hit, title) for of, title in ((known, FRI), (~known, USETT)))
    names = [regler.navn("konflikt", tavle.deler[j]) for j in at]
    why = tavle.tekst("merknad")[:, at]
    source = _sources(tavle, at)
    rest: dict[bytes, tuple[str, str]] = {}
    result = []
    for i, title in enumerate(head):
        key = hit[i].tobytes() + known[i].tobytes()
        if key not in rest:
            rest[key] = (_grouped(names, np.flatnonzero(known[i] & ~hit[i]), source[i]),
                         _grouped(names, np.flatnonzero(~known[i] & ~hit[i]), why[i]))  # fmt: skip
        own = [lines[j][i] for j in worst] + [lines[int(j)][i] for k, j in enumerate(at) if hit[i, k]]
        grouped = [f"{points}: {of}" for points, of in zip((free[i], dark[i]), rest[key], strict=True) if of]
        result.append("\n".join([title, *own, *grouped]))
    return np.array(result, dtype=object)


def _together(tavle: Tavle, vist: Vist, at: Columns, these: npt.NDArray[np.bool_], title: str) -> Tekster:
    """Return the points of those of some columns that are wanted of each lot, together."""
    maks, poeng_, ukjent = (tavle.tall(c)[:, at] for c in ("maks", "poeng", "ukjent"))
    points, unknown, most, lost = (
        (of * these).sum(axis=1) for of in (vist.poeng[:, at], vist.ukjent[:, at], maks, maks - poeng_ - ukjent)
    )
    return _av(points, unknown, most, lost=lost, template=f"{DEL} {title} {{}} av {{}}{{}}")


def _sources(tavle: Tavle, at: Columns) -> list[list[str]]:
    """Return who tells of each lot's columns, as of when, and what is old of it."""
    kilde, dato, merknad = (tavle.tekst(c)[:, at].tolist() for c in ("kilde", "dato", "merknad"))
    written: dict[tuple[str | None, ...], str] = {}
    for lot in zip(kilde, dato, merknad, strict=True):
        for of in zip(*lot, strict=True):
            if of not in written:
                first = ", ".join(w for w in (of[0], norsk_dato(of[1])) if w)
                written[of] = "; ".join(w for w in (first, of[2]) if w)
    return [[written[of] for of in zip(*lot, strict=True)] for lot in zip(kilde, dato, merknad, strict=True)]


def _grouped(names: Sequence[str], at: Iterable[int], because: Sequence[str | None]) -> str:
    """Return the names of themes, those with the same source or reason together; "" for none."""
    groups: dict[str, list[str]] = {}
    for k in at:
        groups.setdefault(because[k] or "", []).append(names[k])
    return "; ".join(", ".join(of) + (f" ({reason})" if reason else "") for reason, of in groups.items())


def _sikkerhet(of: Sikkerhet) -> Tekster:
    columns = [skriv(x, prosent, steg=0.01) for x in (of.samlet, of.dekning, of.ferskhet, of.geometri)]
    return np.array(
        [
            f"Sikkerhet {s} = dekning {d} × ferskhet {f} × geometri {g} ({FORMEL})"
            for s, d, f, g in zip(*columns, strict=True)
        ],
        dtype=object,
    )


def begrunnelse(tavle: Tavle, vist: Vist, *, stopp: Tekster, verste: Tekster) -> Tekster:
    """Return one sentence of each lot: what lifts its score, and what holds it down.

    Parameters
    ----------
    stopp
        Why a lot is stopped, None for others.
    verste
        The worst conflict in words, None where there is none.
    """
    factors = list(tavle.kolonner)
    maks = np.array([tavle.maks_av(f) for f in factors])
    points, unknown = (np.column_stack(list(tavle.per_faktor(c).values())) for c in ("poeng", "ukjent"))
    shown = vist.per_faktor(tavle, "poeng")
    words = np.column_stack([skriv(shown[f], _of(f, tavle.maks_av(f)), steg=0.1) for f in factors])
    # A factor that nobody knows is no reason: it stands under what is missing.
    lost = maks - points - unknown
    best, worst = np.argsort(-points / maks, axis=1, kind="stable"), lost.argmax(axis=1)
    result = []
    for i, why in enumerate(stopp):
        down = words[i, worst[i]] if lost[i, worst[i]] >= MERKBART else ""
        if down and factors[worst[i]] == "konflikt" and verste[i]:
            down = f"{down[:-1]}: {verste[i]})"
        lifts = [j for j in best[i] if points[i, j] >= MERKBART and not (down and j == worst[i])][:2]
        up = " og ".join(words[i, j] for j in lifts)
        result.append(f"Stoppet: {why}." if why is not None else _sentence_of(up, down))
    return np.array(result, dtype=object)


def _sentence_of(up: str, down: str) -> str:
    if up:
        return f"Trekkes opp av {up}" + (f", ned av {down}." if down else ".")
    return (
        f"Trekkes ned av {down}; ingen annen faktor gir poeng." if down else "Ingenting av det som gir poeng er kjent."
    )


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
    """Return what would raise the score of each lot most: what is not known, or else what can be changed.

    Owners are not known of any lot at first: what comes next is told as well.
    """
    factors = list(tavle.kolonner)
    points, unknown = tavle.per_faktor("poeng"), tavle.per_faktor("ukjent")
    dark = np.column_stack([unknown[f] for f in factors])
    open_ = np.column_stack([(tavle.maks_av(f) - points[f] - unknown[f]) * (f in KAN_ENDRES) for f in factors])
    owners = np.array([f == "eier" for f in factors])
    first, change = _most(dark, factors, UKJENT_LOFT), _most(open_, factors, KAN_ENDRES)
    second = _most(np.where(owners, 0.0, dark), factors, UKJENT_LOFT)
    result = []
    for i, why in enumerate(stopp):
        steps = [first[i]]
        if first[i].startswith(UKJENT_LOFT["eier"]):
            steps.append(second[i] or change[i])
        said = ". ".join(s for s in (steps if first[i] else [change[i]]) if s)
        if why is not None:
            result.append("Ingenting så lenge tomten er stoppet.")
        else:
            result.append(f"{said}." if said else "Ingenting: alt er kjent og fullt.")
    return np.array(result, dtype=object)


def _most(gain: Tall, factors: Sequence[str], words: dict[str, str]) -> list[str]:
    at = gain.argmax(axis=1)
    most = gain[np.arange(len(at)), at]
    said = skriv(most, lambda g: f"inntil {poeng(g)} poeng", steg=0.1)
    rows = zip(at, most, said, strict=True)
    return [f"{words[factors[j]]}, {w}" if g >= VERDT_NOE else "" for j, g, w in rows]


def mangler(tavle: Tavle, *, regler: Regler, stopp: Tekster, tak: Tekster) -> Tekster:
    """Return what is not known of each lot and why, None where nothing is missing.

    Parameters
    ----------
    stopp
        Why a lot is stopped, None for others: there nothing counts as open, but what is not known is told all the same.
    tak
        Why the tier is lower than the points, None where it is not.
    """
    unknown = (tavle.tall("ukjent") >= MERKBART) | tavle.uten_verdi & (stopp != None)[:, None]  # noqa: E711
    unknown &= np.array([d != VERSTE for d in tavle.deler])
    why = tavle.tekst("merknad")
    names = [regler.navn(f, d) for f, d in zip(tavle.faktorer, tavle.deler, strict=True)]
    made: dict[tuple[object, ...], str | None] = {}
    result: list[str | None] = []
    for i, cap in enumerate(tak):
        at = [int(j) for j in np.flatnonzero(unknown[i])]
        key = (cap, *((j, why[i, j]) for j in at))
        if key not in made:
            groups: dict[str, list[str]] = {}
            for j in at:
                groups.setdefault(why[i, j] or "delvis kjent", []).append(names[j])
            lines = [f"{', '.join(of)}: {reason}" for reason, of in groups.items()]
            made[key] = "\n".join([*([f"Nivå: {cap}"] if cap else []), *lines]) or None
        result.append(made[key])
    return np.array(result, dtype=object)


def hode(vist: Vist, nivaa: Iterable[str], *, profil: Tomtprofil, stopp: Tekster, tak: Tekster) -> Tekster:
    """Return the first lines of each card; `tak` as for `mangler`."""
    points, most = skriv(vist.score, poeng, steg=0.1), skriv(vist.hoyest, poeng, steg=0.1)
    result = []
    for s, h, n, why, cap in zip(points, most, nivaa, stopp, tak, strict=True):
        spread = f", inntil {h} når det ukjente er kjent" if h != s else ""
        level = f"nivå {n}" + (f" ({cap})" if cap else "")
        end = f"\nStoppet: {why}. Det som er målt, står her likevel." if why is not None else ""
        result.append(f"Score {s} av 100{spread} · {level} · profil {profil.kode} (utgave {profil.versjon}){end}")
    return np.array(result, dtype=object)

"""Deler: what each part of every factor but conflict gives the lots. A column of points a part, a row a lot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from config.kurver import Andeler, Tall, tall
from config.tomtefaktorer import Avstandsdel, Vegdel
from config.tomtprofil import Tomtefaktor
from tasks.scoring.tomt.kapasitet import M2_PER_DAA, MERKBAR_M2, Boliger, boliger, hele_boliger
from tasks.scoring.tomt.opphav import Kilde, Opphav, dato
from tasks.scoring.tomt.ordlegging import UKJENT, Tekster, antall, kolonne, med, meter_fra, skriv, tekster
from tasks.scoring.tomt.regler import Regler
from tasks.tekst import navn as ett_navn
from tasks.tekst import tall as norsk

Fakta = Mapping[str, Any]

LAG: Mapping[str, tuple[str, ...]] = {
    "tettsted": ("tettsted",),
    "holdeplass": ("holdeplass",),
    "dagligvare": ("bygning",),
    "skole": ("bygning",),
    "barnehage": ("bygning",),
    "befolkning_1km": ("grunnkrets", "grunnkretstall"),
    "befolkning_3km": ("grunnkrets", "grunnkretstall"),
    "tetthet": ("grunnkrets", "grunnkretstall"),
    "veg": ("veg",),
    "bygninger_100m": ("bygning",),
    "bygninger_300m": ("bygning",),
    "adresser_100m": ("adressepunkt",),
    "adresser_300m": ("adressepunkt",),
}
"""Part of the surroundings → layers that it rests on."""
LANDLAG = ("teig", "kommuneplan")
"""What area and capacity rest on."""

OMVEI = "målt i luftlinje: vegen kan være lengre"
INGEN_TALL = "ingen tall for stedet"
RANGERING = "kommunerangeringen"
MATRIKKELEN = "Matrikkelen"

EIERORD = {
    "kommune": "kommunen",
    "interkommunal": "interkommunalt selskap",
    "fylke": "fylkeskommunen",
    "stat": "staten",
    "selskap": "selskap",
    "privat": "privat",
    "bo": "dødsbo eller konkursbo",
    "blandet": "flere slags eiere",
}
VEGORD = {
    "E": "europaveg",
    "R": "riksveg",
    "F": "fylkesveg",
    "K": "kommunal veg",
    "P": "privat veg",
    "S": "skogsbilveg",
}


@dataclass(frozen=True)
class Del:
    """One part of a factor, for every lot.

    Attributes
    ----------
    maks
        Points at most.
    andel
        What each lot has of it, 0–1, at least and at most.
    verdi, tekst, enhet
        What was measured, in numbers and words.
    kilde
        What it rests on.
    merknad
        What is to be said of each lot; "" for nothing.
    """

    faktor: str
    navn: str
    maks: float
    andel: Andeler
    verdi: Tall
    tekst: Tekster
    enhet: str
    kilde: Kilde
    merknad: Tekster | None = None
    dato: Tekster | None = None

    @property
    def poeng(self) -> Tall:
        """Points of each lot."""
        return np.asarray(self.maks * self.andel.lav)

    @property
    def ukjent(self) -> Tall:
        """Points of each lot that are not known."""
        return np.asarray(self.maks * np.maximum(self.andel.hoy - self.andel.lav, 0.0))


def _up_to(value: Tall, full: float) -> Tall:
    return np.asarray(np.clip(value / full, 0.0, 1.0))


def kapasitet(fakta: Fakta, faktor: Tomtefaktor, *, regler: Regler, opphav: Opphav, bundet_av: Tekster) -> list[Del]:
    """Return capacity: dwellings over the number from which it is full.

    Parameters
    ----------
    bundet_av
        The themes of conflict that bind some of each lot's core, in words.

    Notes
    -----
    `fortetting`: by standards with a source the expected number counts; by assumed ones the low number, and what lies
    between it and the high one is not known. `per_bolig`: areal_m2 / m2_per_bolig.
    """
    full, kilde = faktor.tall["boliger_full"], opphav.kilde(*LANDLAG)
    areal = tall(fakta["areal_m2"])
    if faktor.metode == "per_bolig":
        per = faktor.tall["m2_per_bolig"]
        n, share = areal / per, _up_to(areal / per, full)
        words = med(f"{{}} boliger: {{}} m² tomt / {norsk(per)} m²", antall(n), antall(areal))
        words = np.where(np.isnan(areal), UKJENT, words)
        said = kolonne(faktor.merknad, len(areal))
        return [Del("kapasitet", "", faktor.maks, Andeler.of(share, share), n, words, "boliger", kilde, said)]
    rom = boliger(fakta, regler.fortetting, omvei=regler.omvei)
    low = _up_to(np.where(rom.er_antatt, rom.lav, rom.forventet), full)
    high = _up_to(np.where(rom.er_antatt, rom.hoy, rom.forventet), full)
    whole, words, said = hele_boliger(rom.forventet), _boligord(rom, bundet_av), _boligmerknad(rom)
    return [Del("kapasitet", "", faktor.maks, Andeler.of(low, high), whole, words, "boliger", kilde, said)]


def _boligord(rom: Boliger, bundet_av: Tekster) -> Tekster:
    """Return the dwellings of each lot: ``33 boliger (21–54), blokk, 6 000 m² byggbart, av dem 900 m² under jord``."""
    counts = zip(*(antall(hele_boliger(x)) for x in (rom.lav, rom.forventet, rom.hoy)), strict=True)
    ground = np.where(rom.har_kjerne, "byggbart", "tomt, byggbart areal ikke kjent")
    types = np.where(rom.type == None, "type ikke avgjort", rom.type)  # noqa: E711 – elementwise
    bound = skriv(np.where(rom.bundet_m2 >= MERKBAR_M2, rom.bundet_m2, 0.0), lambda m2: f"{norsk(m2)} m²" if m2 else "")
    rows = zip(counts, types, antall(rom.grunn_m2), ground, bound, bundet_av, strict=True)
    result = []
    for (low, middle, high), kind, m2, what, under, by in rows:
        some = _saa_mange(low, middle, high)
        rest = f"{some}, {m2} m² {what}" if high == "0" else f"{some}, {kind}, {m2} m² {what}"
        told = f"{rest}, av dem {under} under {by or 'forbud eller frarådning'}" if under else rest
        result.append(UKJENT if UKJENT in (low, high) else told)
    return np.array(result, dtype=object)


def _saa_mange(low: str, middle: str, high: str) -> str:
    """Return how many dwellings.

    Examples
    --------
    >>> [_saa_mange(*n) for n in (("21", "33", "54"), ("0", "0", "1"), ("1", "1", "1"), ("0", "0", "0"))]
    ['33 boliger (21–54)', '0–1 bolig', '1 bolig', 'ingen boliger']
    """
    if high == "0":
        return "ingen boliger"
    if middle == "0":
        return f"0–{high} {'bolig' if high == '1' else 'boliger'}"
    spread = "" if low == high else f" ({low}–{high})"
    return f"{middle} {'bolig' if middle == '1' else 'boliger'}{spread}"


def _boligmerknad(rom: Boliger) -> Tekster:
    rows = zip(rom.kilde, rom.er_antatt, rom.har_kjerne, strict=True)
    return np.array(
        [
            (f"fortetting etter {kilde}" if kilde else "antatt fortetting") + (": laveste tall teller" if low else "")
            if core
            else "byggbart areal ikke kjent: gir ingen poeng ennå"
            for kilde, low, core in rows
        ],
        dtype=object,
    )


def storrelse(fakta: Fakta, faktor: Tomtefaktor, *, opphav: Opphav) -> list[Del]:
    """Return size: daa over the size from which it is full."""
    daa = tall(fakta["areal_m2"]) / M2_PER_DAA
    share = _up_to(daa, faktor.tall["daa_full"])
    words = skriv(daa, lambda d: f"{norsk(d, 1)} daa", steg=0.1)
    return [Del("storrelse", "", faktor.maks, Andeler.of(share, share), daa, words, "daa", opphav.kilde(*LANDLAG))]


def sentralitet(fakta: Fakta, faktor: Tomtefaktor, *, regler: Regler, opphav: Opphav) -> list[Del]:
    """Return centrality: its parts by config/tomtefaktorer.toml, or the density of the grunnkrets alone."""
    if faktor.metode == "tetthet":
        density = tall(fakta["tetthet_per_km2"])
        share = _up_to(density, faktor.tall["per_km2_full"])
        words = skriv(density, lambda d: f"{norsk(d)} per km² i grunnkretsen")
        kilde, why = opphav.kilde(*LAG["tetthet"]), _hvorfor(density, LAG["tetthet"], opphav)
        return [Del("sentralitet", "", faktor.maks, Andeler.of(share, share), density, words, "per km²", kilde, why)]
    parts = regler.faktorer.sentralitet
    shares, result = parts.andeler(fakta), []
    for navn, part in parts.deler.items():
        if isinstance(part, Avstandsdel):
            verdi, enhet = tall(fakta[f"{navn}_m"]), "m"
            words = _stedord(fakta, navn, verdi)
        else:
            verdi = tall(fakta["tetthet_per_km2" if navn == "tetthet" else navn])
            words, enhet = antall(verdi), "per km²" if navn == "tetthet" else "innbyggere"
        maks, kilde, why = faktor.maks * part.vekt, opphav.kilde(*LAG[navn]), _hvorfor(verdi, LAG[navn], opphav)
        why = np.where((why == "") & (shares[navn].hoy > shares[navn].lav), OMVEI, why)
        result.append(Del("sentralitet", navn, maks, shares[navn], verdi, words, enhet, kilde, why))
    return result


def _hvorfor(verdi: Tall, lag: tuple[str, ...], opphav: Opphav) -> Tekster:
    """Return why a value is not known, "" where it is."""
    why = opphav.hvorfor_ukjent(lag) or INGEN_TALL
    return np.where(np.isnan(verdi), why, "").astype(object)


def _stedord(fakta: Fakta, navn: str, verdi: Tall) -> Tekster:
    words = meter_fra(verdi)
    if navn == "tettsted":
        words = np.where(verdi <= 0, "inne i tettstedet", words)
        size = skriv(tall(fakta["tettsted_folketall"]), lambda n: f"{norsk(n)} innbyggere", steg=10.0)
        places = tekster(fakta["tettsted_navn"])
        return med("{}{}", words, _stedsnavn(verdi, places, np.where(size == UKJENT, "", size)))
    if navn == "holdeplass":
        return med("{}{}", words, _stedsnavn(verdi, tekster(fakta["holdeplass_navn"]), kolonne("", len(verdi))))
    return words


def _stedsnavn(verdi: Tall, names: Tekster, more: Tekster) -> Tekster:
    """Return ", name, more" for each lot that has something within reach."""
    there = np.isfinite(verdi)
    short = {name: ett_navn(name) if name else "" for name in set(names)}
    rows = zip(there.tolist(), (short[name] for name in names), more, strict=True)
    return np.array(["".join(f", {w}" for w in (n, m) if w) if t else "" for t, n, m in rows], dtype=object)


def infrastruktur(fakta: Fakta, faktor: Tomtefaktor, *, regler: Regler, opphav: Opphav) -> list[Del]:
    """Return infrastructure: its parts by config/tomtefaktorer.toml."""
    parts = regler.faktorer.infrastruktur
    shares, result = parts.andeler(fakta), []
    for navn, part in parts.deler.items():
        if isinstance(part, Vegdel):
            verdi, enhet = tall(fakta["veg_m"]), "m"
            road = [VEGORD.get(k, "") if isinstance(k, str) else "" for k in tekster(fakta["vegkategori"])]
            words = med(
                "{}{}", meter_fra(verdi), _stedsnavn(verdi, np.array(road, dtype=object), kolonne("", len(road)))
            )
        else:
            verdi, enhet = tall(fakta[navn]), "antall"
            words = antall(verdi)
        maks, kilde, why = faktor.maks * part.vekt, opphav.kilde(*LAG[navn]), _hvorfor(verdi, LAG[navn], opphav)
        result.append(Del("infrastruktur", navn, maks, shares[navn], verdi, words, enhet, kilde, why))
    return result


def politikk(fakta: Fakta, faktor: Tomtefaktor) -> list[Del]:
    """Return political will: the kommune's political score / 100."""
    score = tall(fakta["politikk"])
    share = _up_to(score, 100.0)
    words = skriv(score, lambda s: f"{norsk(s)} av 100")
    ranked = ~np.isnan(score)
    return [
        Del("politikk", "", faktor.maks, Andeler.of(share, share), score, words, "av 100", Kilde(RANGERING),
            np.where(ranked, "", "kommunen er ikke rangert").astype(object),
            np.array([dato(t) for t in tekster(fakta["politikk_tid"])], dtype=object))
    ]  # fmt: skip


def eier(fakta: Fakta, faktor: Tomtefaktor, *, regler: Regler) -> list[Del]:
    """Return owner structure: kind × number of owners."""
    share, n = regler.faktorer.eier.andel(fakta), tall(fakta["antall_eiere"])
    kinds = [EIERORD.get(k) if k is not None else None for k in tekster(fakta["eierslag"])]
    counts = skriv(n, lambda x: f"{norsk(x)} eier" + ("e" if x != 1 else ""))
    words = [", ".join(w for w in (c, k) if w != UKJENT) if k else UKJENT for c, k in zip(counts, kinds, strict=True)]
    note = ["" if k else "eiere er ikke slått opp" for k in kinds]
    return [
        Del("eier", "", faktor.maks, share, n, np.array(words, dtype=object), "eiere", Kilde(MATRIKKELEN),
            np.array(note, dtype=object))
    ]  # fmt: skip

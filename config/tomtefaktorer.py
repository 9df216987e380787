"""Tomtefaktorer: what surroundings and owners are worth, 0–1, and how sure that is; see config/tomtefaktorer.toml.

Pure functions of arrays, by the curves of config/kurver.py: what is not known gives a range (`Andeler`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, Self, get_args

import numpy as np
import numpy.typing as npt
from pydantic import Field, StringConstraints, model_validator

from config.kurver import Andel, Andeler, Kurve, Linje, Meter, Spenn, Tall, tall
from config.registers import Register, load_model, read_toml

FILE = "tomtefaktorer.toml"

Vegkategori = Literal["E", "R", "F", "K", "P", "S"]
Eierslag = Literal["kommune", "interkommunal", "fylke", "stat", "selskap", "privat", "bo", "blandet"]
LANGS_VEG, LUFTLINJE = "langs veg", "luftlinje"
"""How the distances of a lot were measured: values of `avstand_metode`."""

Fakta = Mapping[str, Any]
"""Columns of the contract tomtefakta by name: a frame, or arrays of one length."""

KOLONNE = {"tetthet": "tetthet_per_km2"}
"""Part → its column, where it is not called by it."""

Tekst = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Bygningskode = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{2}$")]


class Del(Register):
    """A part of a factor: what every kind of part has."""

    navn: Tekst
    vekt: Andel
    kilde: Tekst


class Avstandsdel(Del):
    """A part told by a distance."""

    avstand: Linje


class Antallsdel(Del):
    """A part told by a number."""

    antall: Spenn


class Tettstedsdel(Avstandsdel):
    """The tettsted: share by distance × share by its inhabitants."""

    folketall: Kurve


class Vegdel(Avstandsdel):
    """The road: share by distance × share by its category."""

    kategori: Mapping[Vegkategori, Andel]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if missing := [k for k in get_args(Vegkategori) if k not in self.kategori]:
            raise ValueError(f"kategori does not say what {', '.join(missing)} is worth")
        return self


class Omvei(Register):
    """How many times the straight line a way may be."""

    faktor: float = Field(ge=1, le=10, allow_inf_nan=False)
    kilde: Tekst


class Delt(Register):
    """A factor that is made of parts, whose vekt add up to 1."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = sum(part.vekt for part in self.deler.values())
        if not math.isclose(total, 1.0, abs_tol=1e-9):
            raise ValueError(f"the parts' vekt add up to {total:g}, wanted is 1")
        return self

    @property
    def deler(self) -> Mapping[str, Del]:
        """The parts by name, in the order in which they are told."""
        return {navn: part for navn, part in self if isinstance(part, Del)}

    def _antall(self, fakta: Fakta) -> dict[str, Andeler]:
        """Return what each lot has of each part that is told by a number."""
        shares = {
            navn: part.antall.andel(fakta[KOLONNE.get(navn, navn)])
            for navn, part in self.deler.items()
            if isinstance(part, Antallsdel)
        }
        return {navn: Andeler.of(andel, andel) for navn, andel in shares.items()}


class Sentralitet(Delt):
    """What makes a lot central."""

    omvei: Omvei
    tettsted: Tettstedsdel
    holdeplass: Avstandsdel
    dagligvare: Avstandsdel
    skole: Avstandsdel
    barnehage: Avstandsdel
    befolkning_1km: Antallsdel
    befolkning_3km: Antallsdel
    tetthet: Antallsdel

    def andeler(self, fakta: Fakta) -> dict[str, Andeler]:
        """Return what each lot has of each part.

        Parameters
        ----------
        fakta
            tettsted_m, tettsted_folketall, holdeplass_m, dagligvare_m, skole_m, barnehage_m, avstand_metode,
            befolkning_1km, befolkning_3km, tetthet_per_km2. Distances that are not known to be along the road are
            worth at least what `omvei.faktor` times as much would be.
        """
        faktor = np.where(np.asarray(fakta["avstand_metode"], dtype=object) == LANGS_VEG, 1.0, self.omvei.faktor)
        result = {"tettsted": self._tettsted(fakta, faktor)}
        for navn, part in self.deler.items():
            if isinstance(part, Avstandsdel) and navn not in result:
                avstand = tall(fakta[f"{navn}_m"])
                result[navn] = Andeler.of(part.avstand.andel(avstand * faktor), part.avstand.andel(avstand))
        return result | self._antall(fakta)

    def _tettsted(self, fakta: Fakta, faktor: Tall) -> Andeler:
        avstand, folketall = tall(fakta["tettsted_m"]), tall(fakta["tettsted_folketall"])
        kurve = self.tettsted.folketall
        size, unknown = kurve.andel(folketall), np.isnan(folketall)
        return Andeler.of(
            self.tettsted.avstand.andel(avstand * faktor) * np.where(unknown, kurve.minst, size),
            self.tettsted.avstand.andel(avstand) * np.where(unknown, kurve.mest, size),
        )


class Infrastruktur(Delt):
    """What tells that a lot can be connected."""

    veg: Vegdel
    bygninger_100m: Antallsdel
    bygninger_300m: Antallsdel
    adresser_100m: Antallsdel
    adresser_300m: Antallsdel

    def andeler(self, fakta: Fakta) -> dict[str, Andeler]:
        """Return what each lot has of each part.

        Parameters
        ----------
        fakta
            veg_m, vegkategori, bygninger_100m, bygninger_300m, adresser_100m, adresser_300m.
        """
        avstand = self.veg.avstand.andel(fakta["veg_m"])
        kategori = _by_text(fakta["vegkategori"], self.veg.kategori)
        unknown, worth = np.isnan(kategori), self.veg.kategori.values()
        veg = Andeler.of(
            avstand * np.where(unknown, min(worth), kategori), avstand * np.where(unknown, max(worth), kategori)
        )
        return {"veg": veg} | self._antall(fakta)


class Eiere(Register):
    """What kind and number of owners are worth."""

    slag: Mapping[Eierslag, Andel]
    antall: Kurve
    kilde: Tekst

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if missing := [s for s in get_args(Eierslag) if s not in self.slag]:
            raise ValueError(f"slag does not say what {', '.join(missing)} is worth")
        return self

    def andel(self, fakta: Fakta) -> Andeler:
        """Return what each lot has: share by kind × share by number; of one that is not known, its whole range.

        Parameters
        ----------
        fakta
            eierslag, antall_eiere.
        """
        slag, antall = _by_text(fakta["eierslag"], self.slag), self.antall.andel(fakta["antall_eiere"])
        known = ~np.isnan(slag)  # a number of owners alone, of no kind, tells nothing
        return Andeler.of(
            np.where(known, slag * np.where(np.isnan(antall), self.antall.minst, antall), np.nan),
            np.where(known, slag * np.where(np.isnan(antall), self.antall.mest, antall), np.nan),
        )


class Kommunal(Register):
    """What hints at municipal land: type of building (NS 3457-3) → its name."""

    bygningstype: Mapping[Bygningskode, Tekst]


class Rekkevidde(Register):
    """How far is looked for what surrounds a lot, metres."""

    tettsted_m: Meter
    holdeplass_m: Meter
    tjeneste_m: Meter
    veg_m: Meter
    tilkobling_m: Meter
    minste_nett_m: Meter
    befolkning_rute_m: float = Field(ge=10, le=250, allow_inf_nan=False)


class Ferskhet(Register):
    """What age costs: 1 − age / `dager`, not under `minst`.

    Attributes
    ----------
    steg_dager
        Ages count in whole steps of so many days, so that a card is not another one every morning.
    reserve
        Share of that where an earlier answer serves, since the source gives none now.
    """

    minst: Andel
    dager: float = Field(gt=0, allow_inf_nan=False)
    steg_dager: float = Field(gt=0, allow_inf_nan=False)
    reserve: Andel
    kilde: Tekst

    def andel(self, alder_dager: npt.ArrayLike, er_reserve: npt.ArrayLike = False) -> Tall:
        """Return the share of each age in days; without an age the smallest.

        Examples
        --------
        >>> fersk = Ferskhet(minst=0.5, dager=730, steg_dager=73, reserve=0.8, kilde="antatt")
        >>> fersk.andel([0, 72, 73, 5000, float("nan")]).tolist()
        [1.0, 1.0, 0.9, 0.5, 0.5]
        >>> fersk.andel([0, 73], [True, False]).tolist()
        [0.8, 0.9]
        """
        age = np.floor(np.maximum(tall(alder_dager), 0.0) / self.steg_dager) * self.steg_dager
        share = np.clip(1.0 - age / self.dager, self.minst, 1.0)
        share = np.where(np.isnan(share), self.minst, share)
        return np.asarray(share * np.where(er_reserve, self.reserve, 1.0))


class Sikkerhet(Register):
    """How sure a score is: what age, grades, the ground of the core and a dispute cost."""

    ferskhet: Ferskhet
    karakter: Mapping[Literal["A", "B", "C", "D"], Andel] = Field(min_length=4)
    uten_karakter: Andel
    kjerne_grunnlag: Mapping[Literal["bygninger", "form"], Andel] = Field(min_length=2)
    uten_kjerne: Andel
    tvist: Andel
    kilde: Tekst


class Tomtefaktorer(Register):
    """Everything of config/tomtefaktorer.toml."""

    sentralitet: Sentralitet
    infrastruktur: Infrastruktur
    eier: Eiere
    kommunal: Kommunal
    rekkevidde: Rekkevidde
    sikkerhet: Sikkerhet

    @model_validator(mode="after")
    def _reaches(self) -> Self:
        """Check that what gives points is looked for."""
        near, parts = self.rekkevidde, self.sentralitet
        tjeneste = max(part.avstand.fjern_m for part in (parts.dagligvare, parts.skole, parts.barnehage))
        for name, reach, least in (
            ("tettsted_m", near.tettsted_m, parts.tettsted.avstand.fjern_m),
            ("holdeplass_m", near.holdeplass_m, parts.holdeplass.avstand.fjern_m),
            ("tjeneste_m", near.tjeneste_m, tjeneste),
            ("veg_m", near.veg_m, self.infrastruktur.veg.avstand.fjern_m),
        ):
            if reach < least:
                raise ValueError(
                    f"rekkevidde.{name} = {reach:g} is shorter than the fjern_m = {least:g} that it serves"
                )
        return self


@cache
def tomtefaktorer() -> Tomtefaktorer:
    """Load config/tomtefaktorer.toml.

    Raises
    ------
    ConfigError
        Naming the table, the key and what is wrong with it.
    """
    return read_tomtefaktorer(read_toml(FILE), FILE)


def read_tomtefaktorer(data: Mapping[str, Any], name: str) -> Tomtefaktorer:
    """Return the factors from a file's content; `name` stands in the message.

    Raises
    ------
    ConfigError
        Naming the table, the key and what is wrong with it.
    """
    return load_model(Tomtefaktorer, dict(data), name)


def _by_text(values: npt.ArrayLike, worth: Mapping[Any, float]) -> Tall:
    """Return what each text is worth, NaN for one that nobody has said."""
    return np.array([worth.get(v, math.nan) if isinstance(v, str) else math.nan for v in np.asarray(values, object)])

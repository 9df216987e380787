"""Where the figures of the kommuner come from: SSB's tables, Klass, election results; see config/statistikk.toml."""

from __future__ import annotations

from datetime import time
from functools import cache
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from config.registers import Register, load_model, read_toml

FILE = "statistikk.toml"
VALGRESULTAT = "valgresultat.no"
FOERST = "først"
"""Stands in `tid` for the oldest period that a table has."""


class Tjeneste(Register):
    """A service on the web.

    Attributes
    ----------
    adresse
        Of the service itself.
    sandkasse
        Path at the sandbox's local sources.
    """

    adresse: str
    sandkasse: str

    def address(self, sources_url: str | None) -> str:
        """Return the address to ask: the sandbox's where its sources are given."""
        return self.adresse if sources_url is None else sources_url.rstrip("/") + self.sandkasse


class Ssb(Tjeneste):
    """PxWebApi v2 of Statistics Norway, and how it wants to be asked.

    Attributes
    ----------
    per_minutt
        Requests in any 60 seconds, of all processes of one TOMT_GEODATA on one machine.
    maks_celler
        Of one answer; empty ones count.
    maks_adresse_tegn
        A longer address is sent as POST.
    stille
        From and to, time of day in `tidssone`: the tables are being updated.
    fersk_timer
        How long metadata that were fetched are not asked for again.
    maks_mb, maks_sekunder
        Of one answer.
    forsoek
        Tries of one request.
    vent_etter_429_s
        Rest after a 429 that does not say how long.
    minste_andel
        A table with fewer figures than this share of the last run's is not believed.
    """

    per_minutt: int = Field(ge=1, le=30)
    maks_celler: int = Field(ge=1_000)
    maks_adresse_tegn: int = Field(ge=200)
    stille: tuple[tuple[time, time], ...]
    tidssone: str
    fersk_timer: float = Field(ge=0)
    maks_mb: float = Field(gt=0)
    maks_sekunder: float = Field(gt=0)
    forsoek: int = Field(ge=1)
    vent_etter_429_s: float = Field(ge=1)
    minste_andel: float = Field(ge=0, le=1)


class Klass(Tjeneste):
    """SSB's register of classifications.

    Attributes
    ----------
    fersk_dager
        How long an answer is not asked for again.
    endringer_fra
        First year of the changes that are asked for.
    minste_andel
        An answer with fewer than this share of the numbers of config/kommuner.toml is not believed.
    """

    klassifikasjon: int
    fersk_dager: float = Field(ge=0)
    endringer_fra: int = Field(ge=1977)
    minste_andel: float = Field(gt=0, le=1)


class Valg(Tjeneste):
    """Results of municipal elections.

    Attributes
    ----------
    aar
        Elections that are known, newest first.
    per_sekund
        Requests a second.
    fersk_dager
        How long an answer that is final is not asked for again.
    foreloepig_timer
        How long one is not asked for again whose count is not finished, and a kommune that gave no usable answer.
    feil_paa_rad
        After how many kommuner in a row without an answer the service is taken to be down.
    maks_sekunder
        Of one election.
    """

    aar: tuple[int, ...]
    per_sekund: float = Field(gt=0)
    fersk_dager: float = Field(ge=0)
    foreloepig_timer: float = Field(ge=0)
    feil_paa_rad: int = Field(ge=1)
    maks_sekunder: float = Field(gt=0)


class Gruppe(Register):
    """A group of codes whose figures are added up: named, or from one to another (or the last) in the table's order."""

    navn: str
    fra: str | None = None
    til: str | None = None
    koder: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.koder) == (self.fra is not None):
            raise ValueError(f"{self.navn}: wanted is either koder or fra (and til)")
        return self


class Utvalg(Register):
    """What is taken of one more variable of a table.

    Attributes
    ----------
    variabel
        Code of the variable.
    etikett
        What its label must hold, in any case.
    koder
        Code → what its label must hold. One code alone: the figures have no group; several: each is one.
    grupper
        Groups of codes, added up.
    """

    variabel: str
    etikett: str
    koder: dict[str, str] = Field(default_factory=dict)
    grupper: tuple[Gruppe, ...] = ()

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.koder) == bool(self.grupper):
            raise ValueError(f"{self.variabel}: wanted is either koder or grupper")
        return self


class Maal(Register):
    """One measure of a table.

    Attributes
    ----------
    kode
        ContentsCode.
    etikett
        What its label must hold, in any case; alternatives are parted by ``|``.
    er_additiv
        True for counts: kommuner that merged are added up. Medians and ratios are not carried over a merger.
    er_bekreftet
        False: nobody has seen the code in use. Where the table has no such code, the only one whose label holds
        `etikett` is taken instead, and the report of the fetch says so.
    """

    navn: str
    kode: str
    etikett: str
    enhet: str
    er_additiv: bool
    er_bekreftet: bool = True


class Tabell(Register):
    """One table of SSB.

    Attributes
    ----------
    etikett
        What its title must hold, in any case; alternatives are parted by ``|``.
    region
        Code of the variable of kommuner.
    kodeliste, prefiks
        Code list that carries series over reforms, and what its codes have before the number; None: raw numbers, which
        Klass carries over.
    land
        Code of the country; "sum": the numbers of each year added up, where every one of them has a figure; None: the
        table has none.
    perioder
        How many of the newest are fetched; None where `tid` names them.
    tid
        Periods by name or expression, for projections and for one month of the year; "først": the oldest there is.
    forsinkelse_aar
        How many years after the year that it is about a figure is known, at the end of the year: what a ranking as of
        an earlier year may know.
    maks_alder_aar
        A figure that is older than this is not used.
    reserve_for
        Table that this one stands in for, when it cannot be had; VALGRESULTAT: for kommuner without an answer there.
    avsluttet
        Last year of a table that is discontinued.
    """

    id: str = Field(pattern=r"^\d{5}$")
    etikett: str
    region: str
    kodeliste: str | None = None
    prefiks: str = ""
    land: str | None = None
    perioder: int | None = Field(default=None, ge=1)
    tid: tuple[str, ...] = ()
    forsinkelse_aar: int = Field(ge=0)
    maks_alder_aar: int = Field(ge=0)
    reserve_for: str | None = None
    avsluttet: int | None = None
    utvalg: tuple[Utvalg, ...] = ()
    maal: tuple[Maal, ...]

    @model_validator(mode="after")
    def _has_periods(self) -> Self:
        if (self.perioder is None) == (not self.tid):
            raise ValueError(f"table {self.id}: wanted is either perioder or tid")
        return self


Blokk = Literal["venstre", "sentrum", "borgerlig"]


class Parti(Register):
    """A party of the whole country, and the block it counts in.

    Attributes
    ----------
    kode
        partikode of valgresultat.no.
    ssb
        Code in SSB's table of votes; None where it has none of its own.
    """

    kode: str
    ssb: str | None = None
    navn: str
    blokk: Blokk


class Statistikk(Register):
    """Services, tables and parties."""

    ssb: Ssb
    klass: Klass
    valg: Valg
    tabell: tuple[Tabell, ...]
    parti: tuple[Parti, ...]

    @field_validator("tabell")
    @classmethod
    def _are_unique(cls, tables: tuple[Tabell, ...]) -> tuple[Tabell, ...]:
        ids = [t.id for t in tables]
        if twice := {i for i in ids if ids.count(i) > 1}:
            raise ValueError(f"table {min(twice)} stands there twice")
        if unknown := {t.reserve_for for t in tables if t.reserve_for} - {*ids, VALGRESULTAT}:
            raise ValueError(f"reserve_for names table {min(unknown)}, which is not there")
        return tables

    def table_of(self, maal: str) -> Tabell | None:
        """Return the first table that gives a measure."""
        return next((t for t in self.tabell if any(m.navn == maal for m in t.maal)), None)


@cache
def statistikk() -> Statistikk:
    """Load config/statistikk.toml."""
    return load_model(Statistikk, read_toml(FILE), FILE)

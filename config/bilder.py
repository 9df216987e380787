"""Pictures of lots as config/bilder.toml has them: which lots, framing, colours, background tiles."""

from __future__ import annotations

from functools import cache
from typing import Annotated, NamedTuple, Self

from pydantic import Field, model_validator

from config.registers import Register, load_model, read_toml
from config.settings import Address

Farge = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
PLACES = ("{sett}", "{z}", "{x}", "{y}")


class Utvalg(Register):
    """Which lots get a picture: the best `antall` of a kommune, those in `faser_foerst` before all others.

    After them, within as many pictures a run, lots that are no longer among the best get theirs anew when it is no
    longer right.
    """

    antall: int = Field(ge=0, le=5000)
    faser_foerst: tuple[str, ...]


class Bildemaal(Register):
    """Pixels of a picture and its strips, and its largest size in bytes."""

    bredde: int = Field(ge=400, le=2000)
    hoyde: int = Field(ge=400, le=2500)
    topp: int = Field(ge=60)
    bunn: int = Field(ge=60)
    storste_bytes: int = Field(ge=20_000, le=5_000_000)
    minste_bredde: int = Field(ge=200)

    @model_validator(mode="after")
    def _has_a_map(self) -> Self:
        if self.kart_hoyde < 200:
            raise ValueError("topp and bunn leave less than 200 pixels of hoyde for the map")
        if self.minste_bredde > self.bredde:
            raise ValueError("minste_bredde is more than bredde")
        return self

    @property
    def kart_hoyde(self) -> int:
        """Height of the map between the strips."""
        return self.hoyde - self.topp - self.bunn


class Utsnittregler(Register):
    """Framing, in metres; `marg` is a share of the lot's longest side."""

    marg: float = Field(ge=0, le=5)
    minste_marg_m: float = Field(gt=0)
    storste_marg_m: float = Field(gt=0)
    storste_m: float = Field(gt=0)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if not 2 * self.minste_marg_m <= 2 * self.storste_marg_m < self.storste_m:
            raise ValueError("wanted is minste_marg_m <= storste_marg_m < storste_m / 2")
        return self


class Tegning(Register):
    """How many pictures are drawn at once, and from how many on."""

    prosesser: int = Field(ge=1, le=32)
    parallelt_fra: int = Field(ge=2)
    storste_ventetid_s: float = Field(gt=0)


class Etiketter(Register):
    """How many names and numbers a picture has at most, and their sizes in pixels."""

    storste_antall: int = Field(ge=1, le=200)
    planer: int = Field(ge=0, le=10)
    stoerrelse: int = Field(ge=8)
    egen_stoerrelse: int = Field(ge=8)
    plan_stoerrelse: int = Field(ge=8)


class Farger(Register):
    """Colours as ``#rrggbb``."""

    tomt: Farge
    omraade: Farge
    teig: Farge
    plan: Farge
    plan_under_arbeid: Farge
    bygning: Farge
    veg: Farge
    binding: Farge
    grense: Farge
    land: Farge
    tekst: Farge
    svak_tekst: Farge


class Formaal(Register):
    """Colour and name in the legend of the purposes from and to `koder` of one object type."""

    objekttype: str
    koder: tuple[int, int]
    navn: str = Field(min_length=1, max_length=24)
    farge: Farge


class Binding(Register):
    """Hatch and name in the legend of one kind of constraint; `slag` is empty for every other kind."""

    slag: str
    navn: str = Field(min_length=1, max_length=24)
    skravur: str = Field(pattern=r"^[/\\|\-+xXoO.*]{1,6}$")


class Flissett(Register):
    """One matrix set: its upper left corner (metres), metres a pixel at level 0, number of levels."""

    epsg: int
    navn: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    vest: float
    nord: float
    opplosning: float = Field(gt=0)
    nivaaer: int = Field(ge=1, le=30)


class Fliser(Register):
    """Background tiles and the limits of asking for them; without `adresse` nobody is asked."""

    adresse: Address | None = None
    kilde: str = Field(max_length=60)
    side: int = Field(ge=64, le=1024)
    sekunder_proeve: float = Field(gt=0)
    sekunder: float = Field(gt=0)
    maks_bytes: int = Field(gt=0)
    maks_per_bilde: int = Field(ge=1, le=200)
    maks_per_kjoring: int = Field(ge=1)
    feil_foer_stopp: int = Field(ge=1)
    alder_dager: int = Field(ge=0)
    sett: tuple[Flissett, ...]

    @model_validator(mode="after")
    def _names_a_tile(self) -> Self:
        if self.adresse is not None and any(self.adresse.count(place) != 1 for place in PLACES):
            raise ValueError(f"adresse holds each of {', '.join(PLACES)} once")
        if len({s.epsg for s in self.sett}) < len(self.sett):
            raise ValueError("two matrix sets of one epsg")
        return self

    def of(self, epsg: int) -> Flissett | None:
        """Return the matrix set of a zone."""
        return next((s for s in self.sett if s.epsg == epsg), None)


class Tegnforklaring(NamedTuple):
    """A colour and what it stands for."""

    navn: str
    farge: str


ANDRE = Tegnforklaring("Annet formål", "#ececec")


class BilderRegister(Register):
    """Everything about pictures of lots."""

    utvalg: Utvalg
    bilde: Bildemaal
    utsnitt: Utsnittregler
    tegning: Tegning
    etiketter: Etiketter
    farger: Farger
    formaal: tuple[Formaal, ...]
    binding: tuple[Binding, ...]
    fliser: Fliser

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.binding or self.binding[-1].slag or any(not b.slag for b in self.binding[:-1]):
            raise ValueError("binding: the last one, and only that, stands for every other kind (slag = '')")
        return self

    def purpose(self, objekttype: str, kode: str | None) -> Tegnforklaring:
        """Return how a purpose is drawn.

        Examples
        --------
        >>> bilder().purpose("KpArealformålOmråde", "1110").navn, bilder().purpose("x", "1110").navn
        ('Bolig', 'Annet formål')
        """
        if kode is not None and kode.isdecimal():
            for row in self.formaal:
                if row.objekttype == objekttype and row.koder[0] <= int(kode) <= row.koder[1]:
                    return Tegnforklaring(row.navn, row.farge)
        return ANDRE

    def constraint(self, slag: str | None) -> Binding:
        """Return how a constraint is drawn."""
        return next(b for b in self.binding if b.slag in (slag, ""))

    def style(self) -> str:
        """Return all that decides how the same content looks, as one text."""
        return self.model_dump_json(exclude={"utvalg", "tegning", "fliser"})


@cache
def bilder() -> BilderRegister:
    """Load config/bilder.toml.

    Raises
    ------
    ConfigError
        Naming the key.
    """
    return load_model(BilderRegister, read_toml("bilder.toml"), "bilder.toml")

"""Backups of the base as configured: how long they are kept, and what is read and fetched at most; arkiv.toml."""

from __future__ import annotations

from functools import cache

from pydantic import Field

from config.registers import Register, load_model, read_toml


class Oppbevaring(Register):
    """For how many hours every backup is kept, and of how many days, weeks and months the newest one."""

    timer: int = Field(ge=0)
    daglig: int = Field(ge=1)
    ukentlig: int = Field(ge=0)
    maanedlig: int = Field(ge=0)


class VedleggRegler(Register):
    """Limits of one attachment.

    Attributes
    ----------
    forsoek
        How often its bytes are asked for.
    maks_opplasting_byte
        What Airtable takes by `uploadAttachment`; a larger one is brought back by hand.
    """

    maks_byte: int = Field(gt=0)
    maks_sekunder: float = Field(gt=0)
    forsoek: int = Field(ge=1)
    maks_opplasting_byte: int = Field(gt=0)


class Lesing(Register):
    """What is read of a backup at most: of the manifest, of one record, of one file unpacked."""

    maks_manifest_byte: int = Field(gt=0)
    maks_linje_byte: int = Field(gt=0)
    maks_fil_byte: int = Field(gt=0)


class ArkivRegler(Register):
    """Rules of backup and restore."""

    oppbevaring: Oppbevaring
    vedlegg: VedleggRegler
    lesing: Lesing


@cache
def arkiv_regler() -> ArkivRegler:
    """Load config/arkiv.toml.

    Raises
    ------
    ConfigError
        Naming the key that does not fit.
    """
    return load_model(ArkivRegler, read_toml("arkiv.toml"), "arkiv.toml")

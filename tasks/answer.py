"""The four answers that a fetch can end in, and where the data came from.

Only `Empty` may be read as "nothing there". `NotCovered` and `Failed` never remove a lot and never earn a point.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a stored frame comes from.

    Attributes
    ----------
    kilde
        Key of the source in ``config/plankilder.toml``.
    adresse
        Address asked, without credentials.
    hentet_tid
        UTC, ISO 8601.
    antall_ventet
        Features that the source said it has; None when it does not tell.
    antall_mottatt
        Features received.
    sha256
        Of the content received: every attribute and geometry, whatever the order of rows. What changes from one
        request to the next (time stamps, feature ids) is left out, so that an equal hash means that nothing changed.
    crs
        As received, such as ``EPSG:25833``.
    lisens
        Licence text to show with the data.
    areal_m2
        Sum of the polygons' areas, EPSG:25833; None in snapshots older than the field.
    kopidato
        Newest date (ISO) on which the source says that its copy was made; None where it does not.
    etag, sist_endret
        What the source called this state of its one answer, to ask whether it still holds; None where it does not.
    """

    kilde: str
    adresse: str
    hentet_tid: str
    antall_ventet: int | None
    antall_mottatt: int
    sha256: str
    crs: str
    lisens: str
    areal_m2: float | None = None
    kopidato: str | None = None
    etag: str | None = None
    sist_endret: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Holdt:
    """A new answer that is held back for a person, because much less came than last time.

    Attributes
    ----------
    path
        Where it is kept; None for one that a person has rejected.
    grunn
        Why, in words for a person.
    """

    kilde: str
    path: Path | None
    grunn: str
    antall_foer: int
    antall_naa: int
    areal_foer_m2: float | None
    areal_naa_m2: float


Forsoek = tuple[tuple[str, str], ...]
"""Sources that go first and did not serve: name, and why."""


@dataclass(frozen=True)
class Rows:
    """Data, kept in a raw snapshot.

    Attributes
    ----------
    sett_tid
        When the source last said that this is what it has, UTC, ISO 8601.
    kopidato
        As in the provenance, or newer when the same content came again in a newer copy.
    svar
        What the source answered now, by the name of an answer: another than Rows where the last good snapshot serves.
    reserve
        Why it is the last good snapshot that serves, in words for a person; None when the source has just answered.
    """

    kilde: str
    path: Path
    provenance: Provenance
    sett_tid: str = ""
    kopidato: str | None = None
    svar: str = "Rows"
    reserve: str | None = None
    holdt: Holdt | None = None
    forsoek: Forsoek = ()

    @property
    def antall(self) -> int:
        """Number of features in the snapshot."""
        return self.provenance.antall_mottatt


@dataclass(frozen=True)
class Empty:
    """The source covers the area and has nothing there.

    Attributes
    ----------
    reserve
        Why it is what the source said last that serves, as of `Rows`; None when the source has just answered.
    """

    kilde: str
    grunn: str
    forsoek: Forsoek = ()
    reserve: str | None = None


@dataclass(frozen=True)
class NotCovered:
    """The source does not hold this kommune or theme."""

    kilde: str
    grunn: str
    forsoek: Forsoek = ()


@dataclass(frozen=True)
class Failed:
    """The source could not be read, after retries."""

    kilde: str
    grunn: str
    forsoek: Forsoek = ()


Answer = Rows | Empty | NotCovered | Failed


def blocking(answers: Mapping[str, Answer], *, optional: Collection[str] = ()) -> dict[str, NotCovered | Failed]:
    """Return the answers, by theme, that forbid drawing any conclusion about the land.

    Parameters
    ----------
    answers
        Theme → answer.
    optional
        Themes without which lots are found all the same.
    """
    return {t: a for t, a in answers.items() if isinstance(a, NotCovered | Failed) and t not in optional}

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
    """

    kilde: str
    adresse: str
    hentet_tid: str
    antall_ventet: int | None
    antall_mottatt: int
    sha256: str
    crs: str
    lisens: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True)
class Rows:
    """Data, kept in a raw snapshot."""

    kilde: str
    path: Path
    provenance: Provenance

    @property
    def antall(self) -> int:
        """Number of features in the snapshot."""
        return self.provenance.antall_mottatt


@dataclass(frozen=True)
class Empty:
    """The source covers the area and has nothing there."""

    kilde: str
    grunn: str


@dataclass(frozen=True)
class NotCovered:
    """The source does not hold this kommune or theme."""

    kilde: str
    grunn: str


@dataclass(frozen=True)
class Failed:
    """The source could not be read, after retries."""

    kilde: str
    grunn: str


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

"""The columns of a source of context that are ever read: of every other one the values are not kept.

Registers of conflicts name owners, developers and contacts in columns that each calls as it likes, so what is needed is
listed rather than what is not. Sources of the land keep every column but those of persons; see personfelt.
"""

from __future__ import annotations

from collections.abc import Mapping

from config.kilder import Kilde
from config.konflikt import konflikter
from tasks.sources import omland, planrader, veglenker
from tasks.sources.koder import fold

ALLTID = ("objekttypenavn", "kopidato")
PLAN = (*planrader.PLANIDENT, *planrader.KOMMUNE, *planrader.LOKAL_ID, *planrader.AREA)
"""What tells which plan a hensynssone is of."""
OMLAND: Mapping[str, tuple[str, ...]] = {
    "tettsted": (*omland.TETTSTEDSNUMMER, *omland.TETTSTEDSNAVN, *omland.FOLKETALL),
    "grunnkrets": (*omland.GRUNNKRETSNUMMER, *omland.GRUNNKRETSNAVN),
    "grunnkretstall": (*omland.GRUNNKRETSNUMMER, "folketall"),
    "holdeplass": omland.HOLDEPLASS,
    "veg": veglenker.LEST,
    "adressepunkt": omland.ADRESSE_ID,
}
"""Layer that is no conflict → columns that it is read from."""


def tillatt(kilde: Kilde) -> frozenset[str] | None:
    """Return the columns, folded, of which the values are kept; None keeps those of all.

    Examples
    --------
    >>> from config.kilder import kilder
    >>> sorted(tillatt(kilder()["mdir_forurenset_grunn"]))
    ['kopidato', 'lokalitetnavn', 'objekttypenavn']
    """
    if not kilde.er_kontekst:
        return None
    named = {*ALLTID, *kilde.filter, *OMLAND.get(kilde.tema, ())}
    if kilde.kommunefelt is not None:
        named.add(kilde.kommunefelt)
    if (lag := konflikter().lag.get(kilde.tema)) is not None:
        named |= {*lag.attributt, *lag.navnefelt}
    if kilde.tema == "hensyn":
        named |= set(PLAN)
    return frozenset(map(fold, named))

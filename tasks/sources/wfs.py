"""WFS 2.0 and 1.1: the features of one kommune, type by type, with the count asked for apart.

The header of an answer lies (`numberReturned="0"` with members present), so the features are counted and held against
`resultType=hits` before and after. Nobody is asked for pages: the whole is asked for, and only where less comes than
the source says it has, the rest is asked for from there, as long as no feature comes twice. Some (MapServer) never say
more than they give in one answer: of those that have such a ceiling more is asked for until nothing comes.
"""

from __future__ import annotations

from dataclasses import replace

from tasks.sources import bygning, teig, wfs_evner, wfs_kontekst
from tasks.sources.address import plain_address
from tasks.sources.asked import Asked, Take, read_by_number
from tasks.sources.wfs_sporsmaal import Question, box
from tasks.sources.wfs_svar import read_type

REGISTERS = {"app:Teig": teig.NAMESPACE, "app:Bygning": bygning.NAMESPACE}
"""The open registers of Kartverket have one known type each: they are not asked what they can."""


def read(asked: Asked, take: Take) -> int | None:
    """Hand over every feature of the kommune, type by type, and return how many the source says it has.

    Raises
    ------
    SourceError
        When the source refuses, does not say how many it has, or brings fewer or more than that.
    """
    if asked.kilde.er_kontekst:
        return wfs_kontekst.read(asked, take)
    asking = questions(asked)

    def under(nummer: str, take: Take) -> int:
        return sum(read_type(asked, replace(q, verdi=nummer), objekttype, take) for objekttype, q in asking.items())

    # The registers of Kartverket know today's numbers alone.
    if asked.kilde.kommunefelt is None or all(name in REGISTERS for name in asked.kilde.lag.values()):
        return under(asked.kommune.nummer, take)
    return read_by_number(asked, take, under)


def questions(asked: Asked) -> dict[str, Question]:
    """Return what to ask for each object type, after the source's capabilities where it has to be asked for them."""
    kilde = asked.kilde
    felt = kilde.kommunefelt
    base = Question(typename="", versjon=kilde.versjon, epsg=kilde.epsg, felt=felt, verdi=asked.kommune.nummer)
    if all(name in REGISTERS for name in kilde.lag.values()):
        known = {o: (name, REGISTERS[name]) for o, name in kilde.lag.items()}
        return {
            o: replace(base, typename=n, namespace=ns, felt=felt or "kommunenummer", post=True)
            for o, (n, ns) in known.items()
        }
    where = plain_address(asked.adresse)
    evner = wfs_evner.read_capabilities(asked.client, asked.adresse, versjon=kilde.versjon)
    found = {}
    for objekttype, name in kilde.lag.items():
        type_ = wfs_evner.find_type(name, evner, where=where)
        found[objekttype] = replace(
            base,
            typename=type_.navn,
            namespace=type_.navnerom,
            epsg=(epsg := wfs_evner.epsg_of(type_, kilde.epsg)),
            boks=None if felt is not None else box(asked, epsg),
            post=felt is not None,
            format=wfs_evner.output_format(type_, evner, where=where),
            tak=evner.tak,
        )
    return found

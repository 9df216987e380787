"""Context by WFS: a dozen services for each kommune, most with next to nothing, in as few requests as prove it.

A type is asked for by the name that the configuration has, which these services take: the whole, and its count where
the answer does not say how many there are. What a service can do is asked for where that is not enough: the name is
refused, an attribute of it must be named, there is nothing of it, or so much that the service may have a ceiling.
"""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd

from tasks.errors import SourceError
from tasks.sources import wfs_evner
from tasks.sources.address import plain_address
from tasks.sources.asked import Asked, Take, read_by_number
from tasks.sources.refusal import MayPassError, NoAccessError, NotFoundError
from tasks.sources.wfs_sporsmaal import Question, box
from tasks.sources.wfs_svar import read_counted

POSTED = "2.0.0"
"""The version whose boxes are asked for as XML; the older one wants the name of the geometry there."""


def read(asked: Asked, take: Take) -> int:
    """Hand over every feature of each type of the source, and return how many it says it has.

    Raises
    ------
    SourceError
        When the source refuses, does not say how many it has, brings fewer or more than that, or has no such type.
    """

    def under(nummer: str, take: Take) -> int:
        return sum(_read_type(asked, o, name, nummer, take) for o, name in asked.kilde.lag.items())

    if asked.kilde.kommunefelt is None:
        return under(asked.kommune.nummer, take)
    said = read_by_number(asked, take, under)
    return 0 if said is None else said


def _read_type(asked: Asked, objekttype: str, name: str, nummer: str, take: Take) -> int:
    question, is_told = _plain(asked, name, nummer), False
    if question.felt is not None or question.utvalg or question.versjon != POSTED:
        question, is_told = _told(asked, question), True

    def ceiling() -> int | None:
        return question.tak if is_told else _told(asked, question).tak

    handed_over = False

    def taking(piece: gpd.GeoDataFrame) -> None:
        nonlocal handed_over
        handed_over = handed_over or len(piece) > 0
        take(piece)

    def in_full(question: Question) -> int:
        return read_counted(asked, question, objekttype, taking, before=None, tak=ceiling)

    try:
        came = in_full(question)
    except SourceError as error:
        if is_told or handed_over or not _may_be_the_name(error):
            raise
        question, is_told = _told(asked, question), True
        return in_full(question)
    if not came and not is_told:  # of a type that it does not have, or in a CRS that it does not know?
        told = _told(asked, question)
        return in_full(told) if told.epsg != question.epsg else 0
    return came


def _plain(asked: Asked, name: str, nummer: str) -> Question:
    """Return the question as it can be asked of a service that is not known."""
    kilde = asked.kilde
    return Question(
        versjon=kilde.versjon,
        typename=name,
        epsg=kilde.epsg,
        felt=kilde.kommunefelt,
        verdi=nummer,
        utvalg=tuple(kilde.filter.items()),
        boks=None if kilde.kommunefelt is not None else box(asked, kilde.epsg),
        post=True,
    )


def _told(asked: Asked, question: Question) -> Question:
    """Return the question in the words of the service: its name for the type, its CRS, its GML, its ceiling.

    Raises
    ------
    SourceError
        When it has no such type, or does not tell.
    """
    where = plain_address(asked.adresse)
    type_, evner = wfs_evner.type_of(asked.client, asked.adresse, question.typename, versjon=question.versjon)
    epsg = wfs_evner.epsg_of(type_, asked.kilde.epsg)
    posted = question.versjon == POSTED
    return replace(
        question,
        typename=type_.navn,
        namespace=type_.navnerom,
        epsg=epsg,
        utvalg=question.utvalg if posted or question.felt is not None else (),
        boks=None if question.felt is not None else box(asked, epsg),
        post=posted or question.felt is not None,
        format=wfs_evner.output_format(type_, evner, where=where),
        tak=evner.tak,
    )


def _may_be_the_name(error: SourceError) -> bool:
    """Say whether another name may help: not where we are not let in, nothing is there, or the source is down."""
    return not isinstance(error, NoAccessError | NotFoundError) and not isinstance(error.__context__, MayPassError)

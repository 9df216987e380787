"""The answer of a WFS to one question: counted apart, downloaded, paged where it has to be, and proved to be whole."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lxml import etree

from tasks.errors import SourceError
from tasks.sources import lesere, medlemmer, wfs_evner
from tasks.sources.address import plain_address
from tasks.sources.asked import Asked, Take
from tasks.sources.gjentak import Gjentak, Merke
from tasks.sources.unntak import shorten
from tasks.sources.wfs_sporsmaal import DIALECTS, Question, parameters, request

CEILING_FROM = 500
"""The lowest ceiling of an answer that a service of ours has (NAP); a smaller answer is below any."""


def read_type(asked: Asked, question: Question, objekttype: str, take: Take) -> int:
    """Hand over the features of one type and return how many there are. Raises as `read_counted`."""
    before = hits(asked, question)
    if before == 0:
        return 0
    return read_counted(asked, question, objekttype, take, before=before)


def read_counted(
    asked: Asked,
    question: Question,
    objekttype: str,
    take: Take,
    *,
    before: int | None,
    tak: Callable[[], int | None] | None = None,
) -> int:
    """Hand over the features of one type that the source has just said how many it has of.

    Of context they are not counted again when they came in one answer, as many as were said.

    Parameters
    ----------
    before
        How many; None: what the answer says itself where as many came, else it is asked for.
    tak
        Tells the most that the source gives in one answer; asked where that many may have come.

    Raises
    ------
    SourceError
        When the source refuses, or brings fewer or more than it says.
    """
    where = plain_address(asked.adresse)
    kilde = asked.kilde.model_copy(update={"lag": {objekttype: question.typename}})
    file, seen = asked.mappe / "wfs.gml", Gjentak()
    page, received, ceiling = question, 0, False
    paged = False
    while True:
        _download(asked, page, file)
        if page.start is not None:
            _check_new(asked, page, file, seen, f"the source says {before} features, {received} came")
        came = lesere.read_gml(file, kilde, where=where, take=take)
        received += came
        head = medlemmer.head(file, where=where)
        if before is None:
            before = came if head.sagt == came else hits(asked, question)
        if tak is not None and came >= CEILING_FROM:
            question, tak = replace(question, tak=tak()), None
        capped = head.flere or (question.tak is not None and came >= question.tak)
        # Only a count that the first answer reached, and that may be the ceiling itself, may be surpassed.
        ceiling = ceiling or (page.start is None and capped and came == before)
        if came == 0 or (received >= before and not capped) or (received > before and not ceiling):
            break
        seen.remember(_marks(file, where))
        page, paged = replace(question, start=received, antall=page.antall or came), True
    file.unlink()
    if asked.kilde.er_kontekst and not paged and received == before:
        return received
    after = hits(asked, question)
    if after != before:
        raise SourceError(f"{where}: the count changed from {before} to {after} while reading. Try again later.")
    if received < before or (received > before and not ceiling):
        raise SourceError(
            f"{where}: the source says {before} features, {received} came. An incomplete answer is not used; try again "
            "later."
        )
    return received


def _download(asked: Asked, question: Question, to: Path) -> None:
    if question.post:
        asked.client.download(asked.adresse, to=to, post=request(question), expected="xml")
    else:
        asked.client.download(asked.adresse, to=to, params=parameters(question), expected="xml")


def hits(asked: Asked, question: Question) -> int:
    """Return how many features the source says it has.

    Raises
    ------
    SourceError
        When it does not tell: an answer whose completeness cannot be checked is not used.
    """
    if question.post:
        body = asked.client.post_xml(asked.adresse, request(question, only_hits=True))
    else:
        body = asked.client.get(asked.adresse, params=parameters(question, only_hits=True), expected="xml")
    name = DIALECTS[question.versjon].hits
    said = wfs_evner.read_xml(body).get(name, "")
    if not (said.isascii() and said.isdecimal() and len(said) < 12):
        raise SourceError(
            f"{plain_address(asked.adresse)}: resultType=hits gives {name}={shorten(said)!r}, so that completeness "
            "cannot be checked. Try again later."
        )
    return int(said)


def _marks(file: Path, where: str) -> list[Merke]:
    marks = []
    for feature in medlemmer.members(file, where=where):
        xml = IDS.sub(b"", etree.tostring(feature, with_tail=False))
        marks.append(Merke(medlemmer.gml_id(feature), hashlib.blake2b(xml, digest_size=16).digest()))
    return marks


def _check_new(asked: Asked, page: Question, file: Path, seen: Gjentak, so_far: str) -> None:
    """Raise `SourceError` when a page brings features that have come already, before any of it is used.

    Content that came under another id may be the source's own duplicate. Whether it is, is known only when a page that
    is asked for again has the same ids again.
    """
    where = plain_address(asked.adresse)
    marks = _marks(file, where)
    again = seen.again(marks)
    if not again and seen.known_content(marks):
        _download(asked, page, file)
        if _marks(file, where) != marks:
            again = len({one.innhold for one in marks} & seen.innhold)
    if again:
        raise SourceError(
            f"{where}: {so_far}, and the page after that brings {again} features that have come already. The "
            "answer is cut short and the source does not page, or in no fixed order: try again later, or read it "
            "as a file."
        )


IDS = re.compile(rb' (?:[A-Za-z0-9_.-]+:)?f?id="[^"]*"')

"""CSW records: Geonorge's own answer, and answers that must not be believed."""

from __future__ import annotations

import pytest

from tasks.errors import SourceError
from tasks.sources import csw
from tasks.sources.http import Client
from tasks.sources.kandidat import candidate
from tests.sources.conftest import SHARED
from tests.sources.plantjenester import Plantjenester, entry

REAL = SHARED / "data/real/csw_getrecords_geonorge_test.xml"


@pytest.mark.skipif(not REAL.exists(), reason="../shared is not here")
def test_a_real_answer_of_geonorge():
    found = csw.read_records(REAL.read_bytes(), where="x", limit=1000)
    assert len({t.tittel for t in found}) > 80
    services = [c for t in found if (c := candidate(t, funnet="CSW"))]
    assert {c.protokoll for c in services} == {"arcgis", "wfs"}
    wfs = next(c for c in services if c.protokoll == "wfs")
    assert wfs.adresse == "https://kart.hi.no/mareano/mareano_kjemi/thc/ows"
    assert wfs.eier == "Institute of Marine Research"
    assert csw.read_records(REAL.read_bytes(), where="x", limit=1) == found[:2]  # two addresses in the first


ENTITY = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
RECORD = b"<csw:Record><dc:title>&e;</dc:title><dc:URI>https://x.no/wfs</dc:URI></csw:Record>"
HEAD = b'<csw:GetRecordsResponse xmlns:csw="%s" xmlns:dc="http://purl.org/dc/elements/1.1/">' % csw.NS.encode()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (ENTITY + HEAD + RECORD + b"</csw:GetRecordsResponse>", "document type"),
        (HEAD, "not well-formed"),
        (b"<Capabilities/>", "no GetRecordsResponse"),
        (
            HEAD + b'<csw:Record xmlns:ows="http://www.opengis.net/ows"><ows:BoundingBox dimensions="x"/></csw:Record>'
            b"</csw:GetRecordsResponse>",
            "a record cannot be read",
        ),
    ],
)
def test_what_is_no_answer_is_refused(content, why):
    with pytest.raises(SourceError, match=why):
        csw.read_records(content, where="x", limit=10)


def test_the_question_is_understood_by_the_sandbox_whatever_the_words(limits):
    entries = [entry("/wfs/plan", "OGC:WFS", tittel="Plan <og> & sånt"), entry("/wfs/annet", "OGC:WFS", tittel="Annet")]
    with Plantjenester(*entries) as server, Client(server.url, limits=limits) as client:
        base = server.url + csw.STI
        found = csw.search(client, base, "<og> & sånt", limit=10)
        assert [(t.tittel, t.adresse, t.protokoll) for t in found] == [
            ("Plan <og> & sånt", f"{server.url}/wfs/plan", "OGC:WFS")
        ]
        assert len(csw.search(client, base, "tomtevik", limit=10)) == 2
        assert len(csw.search(client, base, "tomtevik", limit=1)) == 1
        assert csw.search(client, base, "finnesikke", limit=10) == []

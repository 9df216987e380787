"""Links: form, coordinates, and that text from outside stays text."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.crm.links import arealplaner, norgeskart, seeiendom


def test_norgeskart_wants_metres_north_as_lat_and_east_as_lon_also_west_of_the_zone():
    link = norgeskart(nord_25833=6_735_304.04, ost_25833=-31_841.98)
    query = parse_qs(urlsplit(link).fragment.removeprefix("!?"))
    assert (query["lat"], query["lon"]) == (["6735304"], ["-31842"])
    assert (query["markerLat"], query["markerLon"]) == (["6735304"], ["-31842"])


def test_seeiendom():
    assert seeiendom("0301-215/42/0/3") == "https://seeiendom.kartverket.no/eiendom/0301/215/42/0/3"


@pytest.mark.parametrize(
    ("navn", "slug"), [("Bærum", "baerum3207"), ("Snåase - Snåsa", "snaase3207"), ("Nore og Uvdal", "noreoguvdal3207")]
)
def test_the_name_at_arealplaner(navn, slug):
    link = arealplaner(kommunenummer="3207", kommunenavn=navn, planidentifikasjon="1")
    assert urlsplit(link).path == f"/{slug}/gi"


@given(st.text(max_size=40))
def test_a_plan_id_cannot_leave_its_place(ident):
    link = arealplaner(
        kommunenummer="3207", kommunenavn="Ås", planidentifikasjon=ident.encode("utf-8", "ignore").decode()
    )
    url = urlsplit(link)
    assert url.netloc == "www.arealplaner.no"
    assert parse_qs(url.query)["kommunenummer"] == ["3207"]
    assert not url.fragment

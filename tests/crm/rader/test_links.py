"""Links: form, coordinates, and that text from outside stays text."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from config.registers import kommune_register
from tasks.crm.rader import links
from tasks.crm.rader.links import arealplaner, norgeibilder, norgeskart, own_link, page_name, seeiendom
from tasks.crm.rader.matrikkel import read_number

PLACES = {
    "Oslo rådhus": (10.7335, 59.9115),
    "Bergen, Bryggen": (5.3238, 60.3974),  # a negative easting
    "Vardø": (31.1071, 70.3705),
}
TO_25833 = Transformer.from_crs(4326, 25833, always_xy=True)


def nearest(lon: float, lat: float, *, ost: str, nord: str) -> bool:
    """True when whole metres, read as EPSG:25833, lie within a metre of the place."""
    back = TO_25833.transform(float(ost), float(nord), direction="INVERSE")
    return abs(back[0] - lon) < 3e-5 and abs(back[1] - lat) < 1e-5


@pytest.mark.parametrize("place", PLACES)
def test_map_and_photo_show_the_place_in_metres_of_25833(place):
    lon, lat = PLACES[place]
    ost, nord = TO_25833.transform(lon, lat)
    on_map = parse_qs(urlsplit(norgeskart(nord_25833=nord, ost_25833=ost)).fragment.removeprefix("!?"))
    assert nearest(lon, lat, ost=on_map["lon"][0], nord=on_map["lat"][0])
    assert (on_map["markerLat"], on_map["markerLon"]) == (on_map["lat"], on_map["lon"])
    photo = urlsplit(norgeibilder(nord_25833=nord, ost_25833=ost))
    query = parse_qs(photo.query)
    assert nearest(lon, lat, ost=query["x"][0], nord=query["y"][0])
    assert (photo.scheme, photo.netloc, photo.path) == ("https", "www.norgeibilder.no", "/")
    assert (query["utm"], query["level"]) == (["33"], ["17"])
    assert (float(query["x"][0]) < 0) == (place == "Bergen, Bryggen")


def test_coordinates_are_whole_metres_without_a_negative_zero():
    assert norgeibilder(nord_25833=6_735_304.04, ost_25833=-0.3).startswith(
        "https://www.norgeibilder.no/?x=0&y=6735304&"
    )
    link = norgeskart(nord_25833=6_735_304.04, ost_25833=-31_841.98)
    assert link.endswith("&zoom=15&lat=6735304&lon=-31842&markerLat=6735304&markerLon=-31842")


@pytest.mark.parametrize(
    ("enhet", "path"),
    [
        ("0301-215/42/0/3", "0301/215/42/0/3"),
        ("3207-46/1/7/0", "3207/46/1/7/0"),
        ("3207-46/1", "3207/46/1/0/0"),
        ("3207-46/1/7", "3207/46/1/7/0"),
        ("3207-046/01/0/0", "3207/46/1/0/0"),
    ],
)
def test_a_property_with_and_without_fnr_and_snr(enhet, path):
    assert seeiendom(enhet) == f"https://seeiendom.kartverket.no/eiendom/{path}"


@pytest.mark.parametrize(
    "enhet",
    [
        "",
        "46/1/0/0",
        "3207-46",
        "3207-46/",
        "3207-46/1/0/0/0",
        "3207-46/1/0/../..",
        "3207-46/-1/0/0",
        "3207-46/1.0/0/0",
        "3207-0/1/0/0",
        "3207-४६/1/0/0",
        "3207-46/1/0/0\n",
        "3207-46/1/0/0?x=1",
        "3207-46/123456/0/0",
    ],
)
def test_what_is_no_property_number_has_no_link(enhet):
    assert seeiendom(enhet) is None
    assert read_number(enhet) is None


@given(st.text(alphabet="0123456789-/. x?#", max_size=30) | st.text(max_size=20))
def test_a_link_to_a_property_is_a_path_of_five_numbers_or_none(enhet):
    link = seeiendom(enhet)
    if link is not None:
        url = urlsplit(link)
        assert url.netloc == "seeiendom.kartverket.no"
        assert [part.isdigit() for part in url.path.split("/")[2:]] == [True] * 5
        assert not url.query
        assert not url.fragment


@pytest.mark.parametrize(
    ("navn", "slug"),
    [
        ("Bærum", "baerum"),
        ("Ås", "as"),
        ("Sør-Odal", "sorodal"),
        ("St. Hanshaugen", "sthanshaugen"),
        ("Nore og Uvdal", "noreoguvdal"),
        ("Trondheim - Tråante", "trondheim"),
        ("Snåase - Snåsa", "snasa"),
        ("Gáivuotna - Kåfjord - Kaivuono", "kafjord"),
        ("A\u030alesund", "alesund"),  # the ring as a letter of its own
        ("Évry", "evry"),
        ("Áŋđŧ", "andt"),
    ],
)
def test_the_name_at_arealplaner(navn, slug):
    assert page_name(navn) == slug
    link = arealplaner(kommunenummer="3207", kommunenavn=navn, planidentifikasjon="1")
    assert link is not None
    assert urlsplit(link).path == f"/{slug}3207/gi"


def test_of_two_names_the_norwegian_one_counts_in_every_kommune():
    double = {k.navn: page_name(k.navn) for k in kommune_register().kommune if " - " in k.navn}
    assert len(double) == 22
    assert {navn.split(" - ")[0] for navn in double} >= links._SAMI_FIRST
    second = {navn for navn, slug in double.items() if slug == page_name(navn.split(" - ")[1])}
    assert {navn.split(" - ")[0] for navn in second} == links._SAMI_FIRST
    assert all(page_name(k.navn) for k in kommune_register().kommune)


@pytest.mark.parametrize(
    "ident", ["KPA 2023", "R/46/1", "områdeplan 7", "a&kommunenummer=0301", "x#y?z", "50%", "../.."]
)
def test_a_plan_id_is_read_back_as_it_was(ident):
    link = arealplaner(kommunenummer="3207", kommunenavn="Ås", planidentifikasjon=ident)
    assert link is not None
    assert parse_qs(urlsplit(link).query)["planidentifikasjon"] == [ident]
    assert "/" not in link.split("?")[1]
    assert unquote(link.split("planidentifikasjon=")[1].split("&")[0]) == ident


@given(st.text(alphabet=st.characters(codec=None), max_size=300))
def test_a_plan_id_cannot_leave_its_place(ident):
    link = arealplaner(kommunenummer="3207", kommunenavn="Ås", planidentifikasjon=ident)
    if link is None:
        return
    url = urlsplit(link)
    assert link.isascii()
    assert len(link) <= links.MAX_LINK
    assert url.netloc == "www.arealplaner.no"
    assert parse_qs(url.query)["kommunenummer"] == ["3207"]
    assert not url.fragment


@pytest.mark.parametrize("ident", ["", "  ", "\x00", "x" * 2001, "ø" * 400])
def test_a_plan_without_an_id_has_no_page(ident):
    assert arealplaner(kommunenummer="3207", kommunenavn="Ås", planidentifikasjon=ident) is None


@pytest.mark.parametrize(
    "lenke",
    [
        "https://plan.example.no/7?a=b#c",
        "http://plan.example.no",
        "HTTPS://PLAN.example.no/",
        "https://www.arealplaner.no/bergen4601/gi?funksjon=VisPlan&planidentifikasjon=65270000&kommunenummer=4601",
        "https://plan.example.no/områdeplan",
    ],
)
def test_a_plans_own_web_address_is_used(lenke):
    assert own_link(f" {lenke}\n") == lenke


def test_what_could_end_a_link_early_is_encoded():
    link = own_link('https://plan.example.no/Plan 7 "x".pdf?a=\'<b>`#\\{c}|^')
    assert link == "https://plan.example.no/Plan%207%20%22x%22.pdf?a=%27%3Cb%3E%60#%5C%7Bc%7D%7C%5E"
    assert own_link(link) == link


@pytest.mark.parametrize(
    "lenke",
    [
        None,
        float("nan"),
        "",
        "-",
        "javascript:alert(1)",
        "ftp://plan.example.no",
        "file:///etc/passwd",
        "//plan.example.no",
        "https://",
        "https://bruker:ord@plan.example.no",
        "https://plan.example.no/\x00",
        "https://plan.example.no <b>/",
        "https://plan.example.no\\@x.example/",
        "https://[::1",
        "https://plan.example.no:99999/",
        "https://plan.example.no/" + "x" * 2000,
    ],
)
def test_what_is_no_web_address_is_not(lenke):
    assert own_link(lenke) is None

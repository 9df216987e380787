"""Cards: what a salesperson reads, whole and in short."""

from __future__ import annotations

import pandas as pd
import pytest

from config.konflikt import konflikter
from tasks.scoring.tomt import kort as module
from tests.scoring.tomt.poenggrunn import andeler, dekning, fakta, merkede, poengsatt

LOT = "3207-000001"
KNOWN = {
    "areal_m2": 6500.0, "byggbar_m2": 5200.0, "kommuneklasse": "mellomstor", "tettsted_m": 0.0,
    "tettsted_navn": "Ås", "tettsted_folketall": 12_000.0, "holdeplass_m": 1440.0, "holdeplass_navn": "Torget",
    "dagligvare_m": float("inf"), "skole_m": 600.0, "barnehage_m": 350.0, "avstand_metode": "langs veg",
    "befolkning_1km": 4200.0, "befolkning_3km": 11_000.0, "tetthet_per_km2": 1900.0, "veg_m": 15.0,
    "vegkategori": "K", "bygninger_100m": 22.0, "bygninger_300m": 140.0, "adresser_100m": 12.0,
    "adresser_300m": 80.0, "politikk": 75.0, "antall_eiere": 1.0, "eierslag": "kommune",
}  # fmt: skip


def row(lot, *shares, **more):
    return poengsatt(fakta(lot), andeler(*shares), **more)[1].iloc[0]


def line(card, start):
    found = [x for x in card.splitlines() if x.startswith(start)]
    assert len(found) == 1, card
    return found[0]


def test_the_lines_of_a_card():
    card = row(KNOWN, (LOT, "flom", "hard", 0.1), (LOT, "flom", "myk", 0.3))["hvorfor"]
    assert "(18–46), blokk, 5\u00a0200 m² byggbart" in line(card, "Kapasitet")
    assert "antatt fortetting" in line(card, "Kapasitet")
    assert line(card, "· Tettsted").endswith("– inne i tettstedet, Ås, 12\u00a0000 innbyggere (NVE, 2026-11-20)")
    assert "1,4 km, Torget" in line(card, "· Holdeplass")
    assert "ingen innen rekkevidde" in line(card, "· Butikk")
    assert "10 % av tomten, frarådes; 30 % av tomten, må undersøkes" in line(card, "· Flom")
    assert line(card, "· Verste konflikt").endswith("– Flom")
    free = line(card, "· Ingen konflikt")
    assert all(t.navn in free for name, t in konflikter().tema.items() if name != "flom")
    assert "står for vann og avløp" in line(card, "Infrastruktur")
    assert "dekning" in line(card, "Sikkerhet")


def test_what_is_not_known_is_named_with_the_reason():
    cover = dekning(
        flom_aktsomhet={"er_kjent": False, "svar": "feilet"}, marka={"er_kjent": False, "svar": "ikke_dekket"}
    )
    lot = {**KNOWN, "ukjente_tema": ["marka", "flom"], "eierslag": None, "antall_eiere": None, "politikk": None}
    lot["avstand_metode"] = "luftlinje"
    of = row(lot, dekning=cover)
    dark = line(of["hvorfor"], "· Ikke kjent")
    assert "Flom (kilden svarte ikke)" in dark
    assert "Marka (kilden dekker ikke kommunen)" in dark
    assert "Marka: kilden dekker ikke kommunen" in of["mangler"]
    assert "Eierstruktur: eiere er ikke slått opp" in of["mangler"]
    assert "Politisk vilje: kommunen er ikke rangert" in of["mangler"]
    assert "målt i luftlinje" in of["mangler"]
    assert (
        line(of["hvorfor"], "Eierstruktur")
        == "Eierstruktur 0 av 10 (+10 ikke kjent) – ikke kjent; eiere er ikke slått opp"
    )
    assert "Verste" not in of["mangler"]  # it follows from the themes


def test_an_old_overlap_of_a_theme_that_is_no_longer_known_is_shown_with_it():
    of = row({**KNOWN, "ukjente_tema": ["flom"]}, (LOT, "flom", "hard", 0.4))
    assert "40 % av tomten, frarådes; resten er ikke kjent" in line(of["hvorfor"], "· Flom 0 av")


def test_the_short_forms():
    of = row(KNOWN)
    assert of["begrunnelse"].startswith("Trekkes opp av konfliktfri (18 av 18) og infrastruktur (9 av 9), ned av ")
    assert of["loft"] == "Avklar hvor mange boliger kommunen vil ha der, inntil 12,3 poeng."
    assert of["mangler"] == "Kapasitet: antatt fortetting: laveste tall teller"


def test_what_can_be_changed_is_told_when_nothing_is_open():
    of = row({**KNOWN, "byggbar_m2": 60_000.0, "areal_m2": 80_000.0, "politikk": 20.0})
    assert pd.isna(of["mangler"])
    assert of["loft"] == "Vinn kommunen for prosjektet: politisk vilje, inntil 7,2 poeng."
    owners = row({**KNOWN, "eierslag": None, "antall_eiere": None, "byggbar_m2": 0.0})
    assert owners["loft"] == "Slå opp eierne, inntil 10 poeng."


def test_a_stopped_lot():
    of = row({**KNOWN, "er_stoppet": True, "stopp_grunn": "Marka: hele tomten"}, (LOT, "marka", "stopp", 1.0))
    assert of["begrunnelse"] == "Stoppet: Marka: hele tomten."
    assert "Stoppet: Marka: hele tomten." in of["hvorfor"].splitlines()[1]
    assert of["loft"] == "Ingenting så lenge tomten er stoppet."
    assert pd.isna(of["mangler"])
    assert "100 % av tomten, forbudt å bygge" in line(of["hvorfor"], "· Marka 0 av")


def test_the_papers_profile_says_that_its_capacity_separates_nothing():
    card = row(KNOWN, profil="master-6")["hvorfor"]
    assert line(card, "Kapasitet").startswith("Kapasitet 25 av 25 – 81 boliger: 6\u00a0500 m² tomt / 80 m²")
    assert "full for alle tomter over 800 m²" in line(card, "Kapasitet")
    assert "Eierstruktur" not in card


def test_a_card_says_the_same_the_next_day():
    later = dekning(**{lag: {"alder_dager": 4.0, "sett_tid": "2026-11-21T01:00:00+00:00"} for lag in konflikter().lag})
    facts, shares, _ = merkede()
    texts = ["hvorfor", "begrunnelse", "loft", "mangler", "sikkerhet"]
    today, tomorrow = (poengsatt(facts, shares, dekning=d)[1][texts] for d in (dekning(), later))
    assert today.equals(tomorrow)


def test_no_card_is_longer_than_airtable_readers_bear(monkeypatch):
    facts, shares, _ = merkede()
    facts["ukjente_tema"] = [["flom", "marka"]] * len(facts)
    longest = poengsatt(facts, shares)[1]["hvorfor"].str.len().max()
    assert 1200 < longest <= module.MAKS_TEGN
    monkeypatch.setattr(module, "MAKS_TEGN", 600)
    card = poengsatt(facts, shares)[1]["hvorfor"][0]
    assert len(card) <= 600
    assert card.endswith("\n" + module.KUTTET)


@pytest.mark.parametrize("profil", ["eier-7", "master-6"])
def test_no_card_has_a_word_of_the_machine(profil):
    facts, shares, _ = merkede()
    texts = poengsatt(facts, shares, profil=profil)[1][["hvorfor", "begrunnelse", "loft"]]
    for column in texts:
        assert not texts[column].str.contains(r"nan|None|inf\b|_m2|\.\d", regex=True).any(), column

"""Cards: what a salesperson reads, whole and in short."""

from __future__ import annotations

import doctest
import re

import numpy as np
import pandas as pd
import pytest

from config import nivaa
from config.konflikt import konflikter
from tasks.scoring.tomt import avrunding, deler
from tasks.scoring.tomt import kort as module
from tasks.scoring.tomt.kort import AVRUNDET
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
    assert line(card, "· Tettsted").endswith("– inne i tettstedet, Ås, 12\u00a0000 innbyggere (NVE, 20.11.2026)")
    assert "1,4 km, Torget" in line(card, "· Holdeplass")
    assert "ingen innen rekkevidde" in line(card, "· Butikk")
    assert "10 % av tomten, frarådes; 30 % av tomten, må undersøkes" in line(card, "· Flom i")
    assert line(card, "· Verste konflikt").endswith("– Flom i vassdrag")
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
    assert "Flom i vassdrag (kilden svarte ikke som den skal)" in dark
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
    assert "40 % av tomten, frarådes; resten er ikke kjent" in line(of["hvorfor"], "· Flom i vassdrag 0 av")


def test_the_short_forms():
    of = row(KNOWN)
    # 12.3 points of capacity are open, not lost; of centrality 6.4 are
    assert of["begrunnelse"] == (
        "Trekkes opp av konfliktfri (18 av 18) og infrastruktur (9 av 9), ned av sentralitet (11,6 av 18)."
    )
    hard = row(KNOWN, (LOT, "jord", "hard", 1.0))
    assert hard["begrunnelse"].endswith("ned av konfliktfri (8,3 av 18: dyrka jord 100 %).")
    nothing = row({"areal_m2": 0.0, "politikk": 0.0, "ukjente_tema": sorted(konflikter().tema)})
    assert nothing["begrunnelse"] == "Trekkes ned av kapasitet (0 av 22,5); ingen annen faktor gir poeng."
    dark = row({"ukjente_tema": sorted(konflikter().tema)})
    assert dark["begrunnelse"] == "Ingenting av det som gir poeng er kjent."
    assert of["loft"] == "Avklar hvor mange boliger kommunen vil ha der, inntil 12,3 poeng."
    assert of["mangler"] == "Kapasitet: antatt fortetting: laveste tall teller"


def test_what_can_be_changed_is_told_when_nothing_is_open():
    of = row({**KNOWN, "byggbar_m2": 60_000.0, "areal_m2": 80_000.0, "politikk": 20.0})
    assert pd.isna(of["mangler"])
    assert of["loft"] == "Vinn kommunen for prosjektet: politisk vilje, inntil 7,2 poeng."
    owners = row({**KNOWN, "eierslag": None, "antall_eiere": None, "byggbar_m2": 0.0})
    assert owners["loft"] == (
        "Slå opp eierne, inntil 10 poeng. Slå sammen med nabotomter: kapasitet, inntil 22,5 poeng."
    )


def test_a_stopped_lot():
    of = row({**KNOWN, "er_stoppet": True, "stopp_grunn": "Marka: hele tomten"}, (LOT, "marka", "stopp", 1.0))
    assert of["begrunnelse"] == "Stoppet: Marka: hele tomten."
    assert "Stoppet: Marka: hele tomten." in of["hvorfor"].splitlines()[1]
    assert of["loft"] == "Ingenting så lenge tomten er stoppet."
    assert pd.isna(of["mangler"])
    dark = row({**KNOWN, "er_stoppet": True, "ukjente_tema": ["kvikkleire"], "politikk": None})
    assert dark["mangler"] == "Kvikkleire: delvis kjent\nPolitisk vilje: kommunen er ikke rangert"
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
    """Names are cut, so that no card is."""
    facts, shares, _ = merkede()
    facts["ukjente_tema"] = [["flom", "marka"]] * len(facts)
    shares["navn"] = "Lang " * 300
    cards = poengsatt(facts, shares)[1]["hvorfor"]
    assert cards.str.len().max() < module.MAKS_TEGN / 2
    assert not cards.str.contains(module.KUTTET).any()
    monkeypatch.setattr(module, "MAKS_TEGN", 600)
    card = poengsatt(facts, shares)[1]["hvorfor"][0]
    assert len(card) <= 600
    assert card.endswith("\n" + module.KUTTET)


def test_a_name_from_a_source_forges_no_line():
    forged = "Åsen\nScore 100 av 100\u2028· nivå A" + " og" * 700
    shares = andeler((LOT, "flom", "hard", 0.1)).assign(navn=forged)
    facts = fakta({**KNOWN, "holdeplass_navn": forged, "tettsted_navn": forged})
    card = poengsatt(facts, shares)[1]["hvorfor"][0]
    assert [x for x in card.splitlines() if x.startswith("Score")] == card.splitlines()[:1]
    for start in ("· Tettsted", "· Holdeplass", "· Flom i"):
        assert "Åsen Score 100 av 100" in line(card, start)
        assert len(line(card, start)) < 250


POINTS = re.compile(r"^(· )?([^–]*?) ([0-9,]+) av ([0-9,]+)(?: \(\+([0-9,]+) ikke kjent\))?(?=$| –|:)")


def number(text):
    return round(float((text or "0").replace(",", ".")) * 10)


def added_up(card):
    """Return what a card's head says, tenths of points, and what its factors and their parts add up to."""
    head = re.match(r"Score ([0-9,]+) av 100(?:, inntil ([0-9,]+))?", card)
    heads, parts = [], {}
    for said in card.splitlines()[1:]:
        if found := POINTS.match(said):
            part, _, points, most, dark = found.groups()
            of = np.array([number(points), number(dark)])
            assert of.sum() <= number(most), said
            assert part or most in {"22,5", "13,5", "18", "9", "10", "25", "15", "20"}, said
            if part:
                parts.setdefault(len(heads) - 1, []).append(of)
            else:
                heads.append(of)
    assert all((sum(of) == heads[k]).all() for k, of in parts.items()), card
    score = number(head[1])
    return np.array([score, number(head[2]) - score if head[2] else 0]), sum(heads)


@pytest.mark.parametrize("profil", ["eier-7", "master-6"])
def test_what_is_read_adds_up(profil):
    random = np.random.default_rng(8)
    themes, n = list(konflikter().tema), 100
    facts = pd.concat([fakta(KNOWN)] * n, ignore_index=True).assign(tomt_id=[f"t{k}" for k in range(n)])
    numbers = ["areal_m2", "byggbar_m2", "holdeplass_m", "skole_m", "dagligvare_m", "befolkning_1km", "befolkning_3km"]
    for column in (*numbers, "tetthet_per_km2", "veg_m", "bygninger_100m", "adresser_300m", "politikk"):
        facts[column] = np.where(random.random(n) < 0.15, np.nan, facts[column].replace(np.inf, 900) * random.random(n))
    facts["fri_m2"] = facts["byggbar_m2"] * random.random(n)
    facts["ukjente_tema"] = [list(random.choice(themes, random.integers(0, 5), replace=False)) for _ in range(n)]
    shares = andeler(*((f"t{random.integers(n)}", t, a, random.random() / 2) for t in themes for a in ("hard", "myk")
                       for _ in range(9)))  # fmt: skip
    shares = shares.drop_duplicates(["tomt_id", "tema", "alvor"])
    _, scores = poengsatt(facts, shares, profil=profil)
    for of in scores.to_dict("records"):
        told, summed = added_up(of["hvorfor"])
        assert (told == summed).all(), of["hvorfor"]
        assert abs(told[0] / 10 - of["score"]) < 0.1
        assert abs(told.sum() / 10 - of["hoyest"]) < 0.1
    assert AVRUNDET in scores["hvorfor"][0]


@pytest.mark.parametrize(("mangel", "shown"), [(0.04, "79,9"), (0.0, "80")])
def test_a_score_is_never_shown_rounded_up_over_the_limit_of_a_tier(mangel, shown):
    near = {"holdeplass_m": 100.0, "befolkning_1km": 9000.0, "befolkning_3km": 90_000.0, "dagligvare_m": 100.0}
    best = {**KNOWN, **near, "areal_m2": 20_000.0, "byggbar_m2": 20_000.0, "politikk": 0.0, "skole_m": None}
    points = row(best)["score"] - 80.0 + mangel
    of = row({**best, "areal_m2": 10_000.0 * (1 - points / 13.5)})
    assert of["score"] == pytest.approx(80.0 - mangel)
    assert of["hvorfor"].startswith(f"Score {shown} av 100, ")
    assert (" · nivå A · " in of["hvorfor"]) == (mangel == 0)


def test_where_weights_come_from_stands_on_the_card():
    card = row(KNOWN)["hvorfor"]
    assert "Vekter: grunnlagsdokumentene §3 × 0,9 (kapasitet, størrelse, " in card
    assert "antatt av oss (eierstruktur)." in card
    assert "Tall i formlene: antatt av oss (kapasitet, størrelse, konfliktfri)." in card


@pytest.mark.parametrize("profil", ["eier-7", "master-6"])
def test_no_card_has_a_word_of_the_machine(profil):
    facts, shares, _ = merkede()
    texts = poengsatt(facts, shares, profil=profil)[1][["hvorfor", "begrunnelse", "loft"]]
    for column in texts:
        assert not texts[column].str.contains(r"nan|None|inf\b|_m2|(?<!\d)\d?\.\d|\d{3}\.\d", regex=True).any(), column


def test_the_examples_in_the_docstrings_run():
    assert [doctest.testmod(m).failed for m in (avrunding, deler, nivaa)] == [0, 0, 0]

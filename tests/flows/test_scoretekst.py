"""What a run tells of its scores and of what stands around the lots."""

from __future__ import annotations

import json

import pandas as pd

from flows.scoretekst import layers, lines, markdown, setninger
from tasks.tomtekontrakter import KONTEKSTDEKNING

SUM = {"tomter": 2, "uten_anslag": 0, "boliger_lav": 10.0, "boliger": 15.0, "boliger_hoy": 30.0}
SCORING = {
    "profil": "eier-7 1",
    "antall": 5,
    "poengsatt": 4,
    "gjenbrukt": 1,
    "stoppet": 1,
    "nivaaer": {"A": 2, "B": 0, "C": 1, "D": 1},
    "endret": 1,
    "sammenslaatt": 3,
    "ukjente_tema": ["stoy_fly"],
    "totaler": {"i_alt": SUM, "nivaa": {"A": SUM, "B": SUM | {"tomter": 0}}, "stoppet": 1},
}


def dekning(*rows):
    base = {"tema": None, "hentet_tid": "2026-11-20T01:00:00+00:00", "sett_tid": "2026-11-20T01:00:00+00:00"}
    base |= {"er_reserve": False}
    rest = {"alder_dager": 2.0, "antall": 3.0, "adresse": "https://kilde.example", "lisens": "NLOD", "sha256": "a"}
    made = pd.DataFrame([base | rest | row for row in rows])[list(KONTEKSTDEKNING.columns)]
    return made.astype({c: object for c, kind in KONTEKSTDEKNING.columns.items() if kind == "text"}).replace(
        {float("nan"): None}
    )


DEKNING = dekning(
    {"lag": "veg", "svar": "rader", "er_kjent": True, "kilde": "nvdb_veger", "grunn": None},
    {
        "lag": "marka",
        "svar": "rader",
        "er_kjent": True,
        "er_reserve": True,
        "kilde": "marka",
        "grunn": "HTTP 503 | bruker 2026-11-20.",
    },
    {"lag": "stoy_fly", "svar": "ikke_dekket", "er_kjent": False, "kilde": "", "grunn": "ingen kilde"},
)


def test_an_operator_reads_figures_and_what_is_not_known():
    said = lines(SCORING, DEKNING)
    assert said[0] == ("scored by eier-7 1: 2 A, 0 B, 1 C, 1 D, 1 stopped; 4 scored anew, 1 moved, 3 assemblies")
    assert said[1].startswith("context: 2 of 30 layers known; not known: naturvern, ")  # of all that there are
    assert said[2] == "marka: HTTP 503 | bruker 2026-11-20."
    assert lines({}, DEKNING) == []


def test_sales_reads_what_nobody_has_looked_at():
    said = "".join(setninger(SCORING))
    assert "Nivå A: 2, B: 0, C: 1." in said
    assert "1 tomt er stoppet" in said
    assert "Ikke kjent for alle: Støy fra fly." in said
    assert setninger({}) == []


def test_the_artifact_has_totals_and_every_layer():
    said = markdown(SCORING, DEKNING)
    assert "| Nivå A | 2 | 10 | 15 | 30 |" in said
    assert any(line.startswith("| Støy fra lufthavner |") and "ikke dekket" in line for line in said)
    (marka,) = [line for line in said if line.startswith("| Markaloven |")]
    assert marka.count(" | ") == 5  # what a source says cannot add a column
    assert markdown({}, KONTEKSTDEKNING.empty()) == []


def test_what_is_known_is_json():
    made = json.loads(json.dumps(layers(DEKNING), allow_nan=False))
    assert made["stoy_fly"]["er_kjent"] is False
    assert made["veg"]["antall"] == 3.0

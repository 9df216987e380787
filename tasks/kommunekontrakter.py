"""The contracts of the municipality analysis: figures, what came of each table, indicators, factors, scores.

Sources write `STATISTIKK` and `STATISTIKKILDER`, scoring reads them and writes the others, crm reads those. None has
geometry; the number of a kommune is that of today (Klass 131), and `LANDET` stands for the whole country.
"""

from __future__ import annotations

from tasks.contracts import FLAG, INTEGER, NUMBER, TEXT, TEXTS, Contract

LANDET = "0000"
"""Stands in the place of a kommunenummer in the figures of the whole country."""
NORGE = "norge"
"""Name of the files that hold all kommuner: core/statistikk/norge.parquet."""

STATISTIKK = Contract(
    "statistikk",
    {
        "kommunenummer": TEXT,  # of today; LANDET for the country
        "maal": TEXT,  # what is measured, as config/statistikk.toml names it: folkemengde, mandater …
        "gruppe": TEXT,  # age, type of dwelling, party …; "" where the measure has no groups
        "aar": INTEGER,  # calendar year of the period
        "periode": TEXT,  # as the source writes it: "2024", "2024K3", "2024M11"
        "verdi": NUMBER,  # missing where status says so
        "status": TEXT,  # None: a figure. "." | ".." | ":" as the source has it; or why there is none: tasks/sources
        "er_omregnet": FLAG,  # carried over from other numbers (merger, new number)
        "tabell": TEXT,  # "06913", "valgresultat.no 2023"
        "kode": TEXT,  # ContentsCode
        "oppdatert": TEXT,  # the table's own stamp, ISO
        "er_oppdiktet": FLAG,  # from the sandbox's sources: an invented figure
    },
    key=("kommunenummer", "maal", "gruppe", "periode"),
    required=("tabell", "kode"),
    has_geometry=False,
)
"""Every figure of every kommune and period: core/statistikk/norge.parquet."""

STATISTIKKILDER = Contract(
    "statistikkilder",
    {
        "kilde": TEXT,  # SSB | Klass | valgresultat.no
        "tabell": TEXT,  # "06913", "kommuner", "2023"
        "svar": TEXT,  # hentet | uendret | lager (cache serves, source did not answer) | mangler (nothing to serve)
        "grunn": TEXT,  # why it is not hentet or uendret
        "maal": TEXTS,  # which measures it gives
        "oppdatert": TEXT,  # the table's own stamp, ISO
        "hentet_tid": TEXT,  # when the content was fetched, ISO UTC
        "antall_foresporsler": INTEGER,  # of this run
        "antall_verdier": INTEGER,
        "er_oppdiktet": FLAG,
    },
    key=("kilde", "tabell"),
    required=("svar",),
    has_geometry=False,
)
"""What came of each table and service of one fetch: core/statistikkilder/norge.parquet."""

INDIKATORER = Contract(
    "indikatorer",
    {
        "kommunenummer": TEXT,
        "indikator": TEXT,
        "verdi": NUMBER,
        "enhet": TEXT,  # prosent | kr | personer | …
        "aar": NUMBER,  # of the newest figure behind it
        "kilde": TEXT,  # "SSB 06913 Folkemengde 2019 og 2024"
        "mangler": TEXT,  # why there is no value, None where there is one
        "landstall": NUMBER,  # the same for the country
        "persentil": NUMBER,  # 0–100: share of the kommuner with a lower value
        "trend": TEXT,  # opp | ned | flat, None where it cannot be told
        "er_oppdiktet": FLAG,
    },
    key=("kommunenummer", "indikator"),
    required=("enhet", "kilde"),
    has_geometry=False,
)
"""One row per kommune and indicator: out/indikatorer/norge.parquet."""

KOMMUNEFAKTORER = Contract(
    "kommunefaktorer",
    {
        "kommunenummer": TEXT,
        "faktor": TEXT,  # name in config/vekter.toml
        "navn": TEXT,  # to read
        "omraade": TEXT,  # demografi | okonomi | politikk | eiendom
        "poeng": NUMBER,  # earned; 0 where it is missing
        "maks": NUMBER,
        "indikator": TEXT,  # what decided: the factor's own, or its named stand-in
        "verdi": NUMBER,
        "enhet": TEXT,
        "aar": NUMBER,
        "kilde": TEXT,
        "status": TEXT,  # beregnet | stedfortreder | mangler
        "hvorfor": TEXT,  # the rule that decided, or why it is missing; Norwegian, one line
        "trend": TEXT,
        "er_oppdiktet": FLAG,  # a figure that was looked at is invented
    },
    key=("kommunenummer", "faktor"),
    required=("navn", "omraade", "poeng", "maks", "indikator", "enhet", "status", "hvorfor"),
    has_geometry=False,
)
"""The why-card: one row per kommune and factor of one profile: out/kommunefaktorer/<profil>.parquet."""

KOMMUNESCORER = Contract(
    "kommunescorer",
    {
        "kommunenummer": TEXT,
        "navn": TEXT,
        "fylke": TEXT,
        "profil": TEXT,  # "boligsosial 1"
        "score": NUMBER,  # points earned / possible × 100, unrounded
        "score_hoy": NUMBER,  # with the maximum of the factors that are missing
        "nivaa": INTEGER,  # 1 | 2 | 3
        "rang": INTEGER,  # 1 is best; among the real kommuner, the invented ones apart
        "rang_sist": NUMBER,  # in the month before
        "persentil": NUMBER,  # 0–100: share of the kommuner with a lower score
        "er_topp": FLAG,  # among the N best (config/rangering.toml)
        "robusthet": NUMBER,  # 0–1: share of the draws of weights in which it is among the N best
        "dekning": NUMBER,  # 0–1: share of the weight that rests on real data
        "score_demografi": NUMBER,  # points / the area's possible points × 100; NaN where the profile has none
        "score_okonomi": NUMBER,
        "score_politikk": NUMBER,
        "score_eiendom": NUMBER,
        "er_oppdiktet_kommune": FLAG,
        "har_oppdiktede_tall": FLAG,
        "rangert_dato": TEXT,  # ISO date
        "per_aar": INTEGER,  # the year that it is computed as of
    },
    key=("kommunenummer",),
    required=("navn", "profil", "nivaa", "rang"),
    has_geometry=False,
)
"""One row per kommune of one profile: out/kommunescorer/<profil>.parquet."""

KOMMUNEHISTORIKK = Contract(
    "kommunehistorikk",
    {
        "maaned": TEXT,
        "regler": TEXT,  # digest of the settings that move scores besides the profile
        **KOMMUNESCORER.columns,
    },
    key=("kommunenummer",),
    required=("maaned", "regler", *KOMMUNESCORER.required),
    has_geometry=False,
)
"""The scores of one month: out/kommunehistorikk/<profil>-<yyyy-mm>.parquet; the last run of a month stands."""

SALGSKOMMUNER = Contract(
    "salgskommuner",
    {
        "kommunenummer": TEXT,
        "er_fulgt": FLAG,  # pinned by sales: always in the nightly run
        "er_vellykket": FLAG,  # sales calls it a success: what the back-test is measured against
    },
    key=("kommunenummer",),
    has_geometry=False,
)
"""What sales has said of kommuner, read from one base: raw/salgskommuner/<base>.parquet; no names, no notes."""

"""The contracts of what surrounds the lots, and of what their score is made of; see tasks/contracts.py.

Context lies under core/, one file a kommune, and reaches beyond its border; what is computed of the lots lies under
out/. NaN and None are *not known*; a distance of inf is known: nothing within reach.
"""

from __future__ import annotations

from tasks.contracts import FLAG, INTEGER, NUMBER, TEXT, TEXTS, Contract

ALVOR = ("stopp", "hard", "myk")
"""How much a conflict weighs, the worst first: no building; no building where it lies; to be reckoned with."""

FAKTORER = ("kapasitet", "storrelse", "sentralitet", "konflikt", "infrastruktur", "politikk", "eier")
"""What a lot earns points for, in the order in which it is told."""

# --- context: core/ ---

KONTEKSTDEKNING = Contract(
    "kontekstdekning",
    {
        "lag": TEXT,  # name of a layer of context: config/konflikter.toml and config/kontekst.toml
        "tema": TEXT,  # theme of conflict that it is part of, None for the rest
        "svar": TEXT,  # rader | tom | ikke_dekket | feilet
        "er_kjent": FLAG,  # rader or tom, from now or in reserve: what is not there counts as not there
        "er_reserve": FLAG,  # known from an earlier answer, since the source gives none that can be used now
        "kilde": TEXT,  # who answered, or was asked last
        "grunn": TEXT,  # why it is not known, or what serves in its place
        "hentet_tid": TEXT,  # of the content in use, ISO UTC
        "sett_tid": TEXT,  # when the source last said that this is what it has
        "alder_dager": NUMBER,  # since then
        "antall": NUMBER,  # rows in core
        "adresse": TEXT,
        "lisens": TEXT,
        "sha256": TEXT,  # of the content: changes when it does
    },
    key=("lag",),
    required=("svar", "er_kjent", "er_reserve", "kilde"),
    has_geometry=False,
)
"""What each layer of context is worth; a layer without a row was never asked for."""

KONFLIKTER = Contract(
    "konflikter",
    {
        "lag": TEXT,
        "tema": TEXT,
        "alvor": TEXT,  # stopp | hard | myk
        "verdi": TEXT,  # of the attribute that decides how severe it is
        "navn": TEXT,  # of the place, where the source has one
    },
    required=("lag", "tema", "alvor"),
)
"""What binds land, buffers included. Rows of a layer that is no longer known stay: they count against a lot still."""

TETTSTEDER = Contract(
    "tettsteder",
    {"tettstedsnummer": TEXT, "navn": TEXT, "folketall": NUMBER},
    key=("tettstedsnummer",),
)

GRUNNKRETSER = Contract(
    "grunnkretser",
    {"grunnkretsnummer": TEXT, "navn": TEXT, "folketall": NUMBER, "areal_m2": NUMBER},
    key=("grunnkretsnummer",),
)
"""areal_m2 is that of the geometry, in the kommune's own UTM zone; folketall is NaN where SSB tells none."""

HOLDEPLASSER = Contract(
    "holdeplasser",
    {"stopp_id": TEXT, "navn": TEXT, "transport": TEXTS},
    key=("stopp_id",),
    geometry_types=("Point",),
)
"""Stops in use."""

VEGLENKER = Contract(
    "veglenker",
    {
        "lenke_id": TEXT,
        "vegkategori": TEXT,  # E | R | F | K | P | S: Europaveg … privat, skogsbilveg
        "typeveg": TEXT,
        "fra_node": TEXT,
        "til_node": TEXT,
        "lengde_m": NUMBER,
    },
    key=("lenke_id",),
    geometry_types=("LineString",),
)

TJENESTER = Contract(
    "tjenester",
    {"tjeneste_id": TEXT, "slag": TEXT, "bygningstype": TEXT},  # slag: config/kontekst.toml
    key=("tjeneste_id",),
    required=("slag",),
    geometry_types=("Point",),
)
"""Buildings of daily services by building type: that there is such a building, not that it is open."""

ADRESSEPUNKTER = Contract("adressepunkter", {"adresse_id": TEXT}, key=("adresse_id",), geometry_types=("Point",))

OMGIVELSER = (
    KONTEKSTDEKNING,
    KONFLIKTER,
    TETTSTEDER,
    GRUNNKRETSER,
    HOLDEPLASSER,
    VEGLENKER,
    TJENESTER,
    ADRESSEPUNKTER,
)
"""Everything that reading the context of a kommune leaves."""

EIERSTRUKTUR = Contract(
    "eierstruktur",
    {
        "matrikkelenhet": TEXT,
        "antall_eiere": INTEGER,
        "eierslag": TEXT,  # kommune | interkommunal | fylke | stat | selskap | privat | bo | blandet
        "hentet_tid": TEXT,
    },
    key=("matrikkelenhet",),
    required=("eierslag",),
    has_geometry=False,
)
"""How many own a property and of what kind: never who. Absent until owners are looked up."""

# --- lots: out/ ---

KONFLIKTANDELER = Contract(
    "konfliktandeler",
    {
        "tomt_id": TEXT,
        "tema": TEXT,
        "alvor": TEXT,
        "andel": NUMBER,  # 0–1 of the lot
        "andel_kjerne": NUMBER,  # 0–1 of its core; NaN without a core
        "verdi": TEXT,  # of the feature that covers most
        "navn": TEXT,
    },
    key=("tomt_id", "tema", "alvor"),
    has_geometry=False,
)
"""Overlaps greater than 0. Land under two features of one theme counts once, by the worse of them."""

TOMTEFAKTA = Contract(
    "tomtefakta",
    {
        "tomt_id": TEXT,
        "areal_m2": NUMBER,
        "kjerne_m2": NUMBER,  # of the contract tomter
        "byggbar_m2": NUMBER,  # the core without what conflicts take of it
        "fri_m2": NUMBER,  # the core without anything under stopp or hard, whatever the layer takes of the core
        "er_stoppet": FLAG,
        "stopp_grunn": TEXT,
        "ukjente_tema": TEXTS,  # themes of conflict that are not known here
        "kommuneklasse": TEXT,  # config/fortetting.toml
        "tettsted_navn": TEXT,
        "tettsted_folketall": NUMBER,
        "tettsted_m": NUMBER,  # 0 inside
        "holdeplass_navn": TEXT,
        "holdeplass_m": NUMBER,
        "dagligvare_m": NUMBER,
        "skole_m": NUMBER,
        "barnehage_m": NUMBER,
        "avstand_metode": TEXT,  # luftlinje | langs veg
        "befolkning_1km": NUMBER,
        "befolkning_3km": NUMBER,
        "tetthet_per_km2": NUMBER,  # of the grunnkrets
        "veg_m": NUMBER,  # to the road that gives most (config/tomtefaktorer.toml)
        "vegkategori": TEXT,
        "bygninger_100m": NUMBER,
        "bygninger_300m": NUMBER,
        "adresser_100m": NUMBER,
        "adresser_300m": NUMBER,
        "politikk": NUMBER,  # 0–100, of the ranking of the kommuner
        "politikk_tid": TEXT,
        "antall_eiere": NUMBER,
        "eierslag": TEXT,
        "kommunal": TEXT,  # eier | tegn | nei | ukjent
        "kommunal_grunn": TEXT,
        "noekkel": TEXT,  # digest of what the row was measured from
    },
    key=("tomt_id",),
    required=("er_stoppet", "kommunal"),
    has_geometry=False,
)
"""What is measured of each living lot: points are given from this alone."""

_POENG = {f"{what}_{faktor}": NUMBER for faktor in FAKTORER for what in ("poeng", "ukjent")}

SCORER = Contract(
    "scorer",
    {
        "tomt_id": TEXT,
        "profil": TEXT,  # "eier-7 1"
        "score": NUMBER,  # 0–100, unrounded: the sum of the points
        "hoyest": NUMBER,  # score + what is not known
        "nivaa": TEXT,  # A–D; D for a stopped lot
        **_POENG,  # poeng_kapasitet, ukjent_kapasitet …; NaN where the profile has no such factor
        "er_stoppet": FLAG,
        "stopp_grunn": TEXT,
        "boliger_lav": NUMBER,
        "boliger": NUMBER,
        "boliger_hoy": NUMBER,
        "byggbar_m2": NUMBER,
        "verste_tema": TEXT,
        "verste_andel": NUMBER,
        "sikkerhet": NUMBER,  # 0–1: coverage × freshness × geometry quality
        "kommunal": TEXT,
        "selvkost_lav_kr": NUMBER,  # highest land price at which cost-price housing breaks even, NOK
        "selvkost_hoy_kr": NUMBER,
        "begrunnelse": TEXT,  # one sentence
        "hvorfor": TEXT,  # the whole card as text
        "loft": TEXT,  # what would raise it most
        "mangler": TEXT,  # what is not known
        "selvkost": TEXT,  # the estimate in words
        "endring": TEXT,  # what moved the score last, and when
        "noekkel": TEXT,  # digest of facts, profile and rules
    },
    key=("tomt_id",),
    required=("profil", "score", "hoyest", "nivaa", "er_stoppet"),
    has_geometry=False,
)

SCOREKORT = Contract(
    "scorekort",
    {
        "tomt_id": TEXT,
        "faktor": TEXT,
        "del": TEXT,  # part of the factor: a theme, a distance; "" for the whole
        "verdi": NUMBER,
        "verdi_tekst": TEXT,  # the raw value in words, unit included
        "enhet": TEXT,
        "poeng": NUMBER,
        "maks": NUMBER,
        "ukjent": NUMBER,  # points that are not known: 0 ≤ poeng, ukjent; poeng + ukjent ≤ maks
        "kilde": TEXT,
        "dato": TEXT,  # ISO date of the content
        "merknad": TEXT,  # an assumption, an old answer, a stand-in
    },
    key=("tomt_id", "faktor", "del"),
    has_geometry=False,
)
"""The parts of every score: the points of a lot's rows add up to its score."""

SCOREENDRINGER = Contract(
    "scoreendringer",
    {
        "nr": INTEGER,  # 1, 2, 3 … in the order of writing
        "tomt_id": TEXT,
        "kommunenummer": TEXT,
        "dato": TEXT,  # ISO time of the run, UTC
        "score_foer": NUMBER,
        "score_etter": NUMBER,
        "faktor": TEXT,  # which moved; "profil" where the profile is another
        "poeng_foer": NUMBER,
        "poeng_etter": NUMBER,
        "aarsak": TEXT,  # in words: "Flom: 0 → 40 % av tomten"
    },
    key=("nr",),
    required=("tomt_id", "kommunenummer", "dato", "faktor", "aarsak"),
    has_geometry=False,
)
"""The log of scores that moved, append-only: one row for each factor that did."""

SAMMENSLAAINGER = Contract(
    "sammenslaainger",
    {
        "sammenslaaing_id": TEXT,  # "3207-S000123": of the first lot
        "kommunenummer": TEXT,
        "grunnlag": TEXT,  # område | eier
        "omraade_id": TEXT,
        "tomt_ider": TEXTS,
        "areal_m2": NUMBER,
        "byggbar_m2": NUMBER,
        "score": NUMBER,
        "hoyest": NUMBER,
        "nivaa": TEXT,
        "beste_tomt_score": NUMBER,  # of its lots, alone
        "boliger_lav": NUMBER,
        "boliger": NUMBER,
        "boliger_hoy": NUMBER,
        "hvorfor": TEXT,
        "lengdegrad": NUMBER,
        "breddegrad": NUMBER,
        "ost_25833": NUMBER,
        "nord_25833": NUMBER,
        "tilstand": TEXT,  # aktiv | borte
    },
    key=("sammenslaaing_id",),
    required=("kommunenummer", "grunnlag", "tilstand"),
)
"""Neighbouring lots that together reach what none of them does alone."""

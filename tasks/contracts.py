"""The contract of each frame that is handed from one wing to the next: columns, types, CRS, key.

Wings meet only in files; what a file holds is said here and checked at every write. All geometry is stored in
EPSG:25833; `areal_m2` is computed in the kommune's own UTM zone and carried as a column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import pandas as pd

from tasks.crs import STORAGE_CRS, STORAGE_EPSG
from tasks.errors import ContractError

POLYGONS = ("Polygon", "MultiPolygon")
TEXT, NUMBER, INTEGER, FLAG, TEXTS, NUMBERS = "text", "number", "integer", "flag", "texts", "numbers"


@dataclass(frozen=True)
class Contract:
    """What a frame must hold.

    Attributes
    ----------
    name
        Noun in the plural, also the folder under core/ or out/.
    columns
        Column → kind; kinds are TEXT, NUMBER, INTEGER, FLAG, TEXTS and NUMBERS (lists).
    key
        Columns that together are unique and never missing; empty for none.
    required
        Columns that are never missing, beside the key.
    has_geometry
        True for a layer in EPSG:25833.
    geometry_types
        What its geometries may be.
    defaults
        Column → what it holds in files that are older than the column.
    """

    name: str
    columns: dict[str, str]
    key: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    has_geometry: bool = True
    geometry_types: tuple[str, ...] = POLYGONS
    defaults: Mapping[str, str | float | None] = field(default_factory=dict)

    def brought_up(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return `frame` with the columns that the contract has got since it was written."""
        late: dict[str, Any] = {c: v for c, v in self.defaults.items() if c not in frame}
        for column in late:
            if self.columns[column] == TEXTS:
                late[column] = [[] for _ in range(len(frame))]
        return frame.assign(**late)

    def empty(self) -> pd.DataFrame:
        """Return a frame of this contract without rows."""
        dtypes = {TEXT: "object", TEXTS: "object", NUMBERS: "object", NUMBER: "float64", INTEGER: "int64", FLAG: "bool"}
        data = {name: pd.Series(dtype=dtypes[kind]) for name, kind in self.columns.items()}
        if not self.has_geometry:
            return pd.DataFrame(data)
        frame: pd.DataFrame = gpd.GeoDataFrame(data, geometry=gpd.GeoSeries([], crs=STORAGE_CRS), crs=STORAGE_CRS)
        return frame

    def check(self, frame: pd.DataFrame) -> None:
        """Raise unless `frame` keeps the contract.

        Raises
        ------
        ContractError
            Naming the frame, the column and the first offending keys.
        """
        wanted = [*self.columns, "geometry"] if self.has_geometry else list(self.columns)
        missing = [c for c in wanted if c not in frame.columns]
        extra = [c for c in frame.columns if c not in wanted]
        if missing or extra:
            raise ContractError(f"{self.name}: columns missing {missing}, unknown {extra}")
        for column, kind in self.columns.items():
            self._check_column(frame, column, kind)
        if self.key and frame.duplicated(list(self.key)).any():
            twice = frame.loc[frame.duplicated(list(self.key)), list(self.key)].head(3).to_dict("records")
            raise ContractError(f"{self.name}: key {self.key} is not unique, first {twice}")
        if self.has_geometry:
            self._check_geometry(frame)

    def _check_column(self, frame: pd.DataFrame, column: str, kind: str) -> None:
        values = frame[column]
        present = values if kind in (TEXTS, NUMBERS) else values[values.notna()]
        if column in (*self.key, *self.required) and len(present) < len(frame):
            raise ContractError(f"{self.name}.{column}: {len(frame) - len(present)} rows without a value")
        if kind == TEXT:
            wrong = present[[not isinstance(v, str) for v in present]]
        elif kind in (TEXTS, NUMBERS):
            item = str if kind == TEXTS else float
            wrong = present[[not _is_list_of(v, item) for v in present]]
        else:
            test = {
                NUMBER: pd.api.types.is_numeric_dtype,
                INTEGER: pd.api.types.is_integer_dtype,
                FLAG: pd.api.types.is_bool_dtype,
            }[kind]
            wrong = present[:0] if test(values) else present.head(1)
        if len(wrong):
            raise ContractError(f"{self.name}.{column}: {len(wrong)} values are not {kind}, first {list(wrong[:3])!r}")

    def _check_geometry(self, frame: pd.DataFrame) -> None:
        if not isinstance(frame, gpd.GeoDataFrame) or frame.crs is None or frame.crs != STORAGE_CRS:
            raise ContractError(f"{self.name}: geometry must be EPSG:{STORAGE_EPSG}")
        bad = frame.geometry.isna() | frame.geometry.is_empty | ~frame.geom_type.isin(self.geometry_types)
        if bad.any():
            keys = frame.loc[bad, list(self.key)].head(3).to_dict("records") if self.key else int(bad.sum())
            wanted = " or ".join(self.geometry_types)
            raise ContractError(f"{self.name}: {int(bad.sum())} rows without {wanted}, first {keys}")


def _is_list_of(value: object, item: type) -> bool:
    return isinstance(value, list) and all(isinstance(v, item) for v in value)


GRENSER = Contract("grenser", {"kommunenummer": TEXT, "kommunenavn": TEXT}, key=("kommunenummer",))

SONER = Contract(
    "soner",
    {
        "sone_id": TEXT,  # identifikasjon.lokalId, or objekttype and number in the answer
        "objekttype": TEXT,  # KpArealformålOmråde (PBL 2008) | KpArealbrukOmråde (PBL 1985)
        "kode": TEXT,  # arealformål | arealbruk
        "arealstatus": TEXT,  # 1 nåværende, 2 framtidig, 3 videreutvikling
        "plan_id": TEXT,  # arealplanId, kommunenummer of today: "3207_KPA-2023"
        "navn": TEXT,
    },
    key=("sone_id",),
    required=("objekttype", "plan_id", "arealstatus"),
)
"""Every zone of every kommuneplan and kommunedelplan, whatever its status or purpose, as the sources have it."""

PLANOMRAADER = Contract(
    "planomraader",
    {
        "plan_id": TEXT,
        "plantype": TEXT,  # 20 kommuneplan, 21 kommunedelplan, 30–35 regulering
        "planstatus": TEXT,  # 1–8; 3 adopted
        "vertikalnivaa": TEXT,  # regulering: 1 tunnel, 2 ground, 3 bridge …; kommuneplan: None
        "navn": TEXT,
        "vedtatt_dato": TEXT,  # ISO date
        "lenke": TEXT,
    },
    required=("plan_id",),
)
"""Extents of plans (KpOmråde, RpOmråde): a plan may have several rows."""

REGULERINGSPLANER = Contract(
    "reguleringsplaner", PLANOMRAADER.columns, required=("plan_id", "planstatus", "vertikalnivaa")
)

TEIGER = Contract(
    "teiger",
    {
        "teig_id": TEXT,
        "kommunenummer": TEXT,
        "matrikkelenheter": TEXTS,  # "3207-46/1/0/0", one or more, or none when unregistered
        "matrikkelnummer_tekst": TEXT,  # "46/1,7"
        "registrert_areal_m2": NUMBER,
        "har_tvist": FLAG,
    },
    key=("teig_id",),
)

REGULERINGSFORMAAL = Contract(
    "reguleringsformaal",
    {
        "formaal_id": TEXT,  # identifikasjon.lokalId, or objekttype and number in the answer
        "objekttype": TEXT,  # RpArealformålOmråde (PBL 2008) | RbFormålOmråde (PBL 1985)
        "kode": TEXT,  # arealformål | reguleringsformål
        "plan_id": TEXT,
        "vertikalnivaa": TEXT,  # as for reguleringsplaner
    },
    key=("formaal_id",),
    required=("objekttype", "plan_id", "vertikalnivaa"),
)
"""Purposes inside reguleringsplaner: read only where the second class of differanse is switched on."""

HINDRE = Contract(
    "hindre",
    {
        "hinder_id": TEXT,
        "slag": TEXT,  # bygningspunkt | bygning | veg
    },
    key=("hinder_id",),
    required=("slag",),
    geometry_types=("Point", *POLYGONS),
)
"""What stands in the way of building: a building's point or outline, a road's surface."""

OMRAADER = Contract(
    "omraader",
    {
        "omraade_id": TEXT,  # "7001-O00012", persisted
        "kommunenummer": TEXT,
        "differanse": TEXT,  # uregulert | ikke bolig i plan (only where config/regler.toml asks for it)
        "areal_m2": NUMBER,  # in the kommune's own UTM zone
        "klasse": TEXT,  # bolig | mulig | spredt: the class with the largest area
        "arealstatus": TEXT,  # of the largest zone
        "sone_ider": TEXTS,
        "sone_areal_m2": NUMBERS,  # of the zone inside the område, in the order of sone_ider: largest first
        "plan_ider": TEXTS,  # kommune(del)planer that zone it
        "andel_regulert": NUMBER,  # 0–1: how much of its zones adopted plans have settled
        "reguleringsplaner": TEXTS,  # adopted plans that it ends at
        "planer_under_arbeid": TEXTS,  # reguleringsplaner with status 1, 2, 6 that touch it
        "tilstand": TEXT,  # aktiv | borte
        "aarsak": TEXT,  # why it is borte
    },
    key=("omraade_id",),
    required=("kommunenummer", "tilstand"),
    defaults={"differanse": "uregulert", "andel_regulert": float("nan"), "reguleringsplaner": None},
)

TOMTER = Contract(
    "tomter",
    {
        "tomt_id": TEXT,  # "7001-000123", persisted, never reused
        "kommunenummer": TEXT,
        "omraade_id": TEXT,
        "teig_id": TEXT,
        "matrikkelenheter": TEXTS,
        "differanse": TEXT,
        "areal_m2": NUMBER,
        "kjerne_m2": NUMBER,  # buildable core, 0 = none; kjerner has its shape
        "kjerne_grunnlag": TEXT,  # bygninger | form: without buildings, which no source has told
        "klasse": TEXT,
        "arealstatus": TEXT,
        "plan_ider": TEXTS,
        "planer_under_arbeid": TEXTS,
        "har_tvist": FLAG,
        "ost_25833": NUMBER,  # a point inside the lot
        "nord_25833": NUMBER,
        "lengdegrad": NUMBER,
        "breddegrad": NUMBER,
        "tilstand": TEXT,  # aktiv | borte
        "aarsak": TEXT,
    },
    key=("tomt_id",),
    required=("kommunenummer", "omraade_id", "teig_id", "tilstand"),
    defaults={"differanse": "uregulert", "kjerne_m2": float("nan"), "kjerne_grunnlag": None},
)

KJERNER = Contract(
    "kjerner",
    {
        "tomt_id": TEXT,
        "areal_m2": NUMBER,  # in the kommune's own UTM zone
        "lengde_m": NUMBER,  # sides of the smallest rectangle around it, of any direction
        "bredde_m": NUMBER,
        "kompakthet": NUMBER,  # 4π × area / perimeter²: 1 for a circle, 0.79 for a square
        "noekkel": TEXT,  # digest of what it was computed from: the lot, obstacles, distances
    },
    key=("tomt_id",),
    defaults={"noekkel": None},
)
"""Buildable cores of living lots; a lot without one has no row."""

HENDELSER = Contract(
    "hendelser",
    {
        "nr": INTEGER,  # 1, 2, 3 … in the order of writing
        "tomt_id": TEXT,
        "kommunenummer": TEXT,
        "dato": TEXT,  # ISO time of the run, UTC
        "hendelse": TEXT,  # what happened: tasks.land.ledger.HENDELSER
        "aarsak": TEXT,  # why: tasks.land.ledger.AARSAKER
        "aarsak_ider": TEXTS,  # the plans, zones, teiger or rules that it comes from
        "areal_foer_m2": NUMBER,
        "areal_etter_m2": NUMBER,
        "fra": TEXTS,  # lots whose land this one took over (split off from, merged)
        "til": TEXTS,  # lots that took over the land of this one
        "teig_id": TEXT,
        "omraade_id": TEXT,
        "differanse": TEXT,  # which class of it the lot is of
    },
    key=("nr",),
    required=("tomt_id", "kommunenummer", "dato", "hendelse", "aarsak"),
    defaults={"differanse": "uregulert"},
)
"""The ledger of a kommune, append-only: geometry is the lot after the event, or as last seen when it went."""

DEKNING = Contract(
    "dekning",
    {
        "kommunenummer": TEXT,
        "tema": TEXT,
        "er_paakrevd": FLAG,  # counts in the grade of the kommune: no lots without this theme
        "kilde": TEXT,  # the source that served, or that was asked last
        "svar": TEXT,  # rader | tom | ikke_dekket | feilet
        "forsoek": TEXTS,  # sources that go first and did not serve, "name: why"
        "reserve": TEXT,  # why the last good snapshot serves; None when the source has just answered
        "holdt": TEXT,  # why a new answer is held back for a person
        "hentet_tid": TEXT,  # when the content in use was fetched, ISO UTC
        "sett_tid": TEXT,  # when the source last said that this is what it has, ISO UTC
        "alder_dager": NUMBER,  # since then
        "snapshot": TEXT,  # name of the raw file that the figures were measured on
        "kopidato": TEXT,  # newest copy date in the content, ISO date
        "nyeste_plan": TEXT,  # newest decision on a plan, ISO date
        "antall_ventet": NUMBER,  # features that the source said it has
        "antall_mottatt": NUMBER,
        "andel_dekket": NUMBER,  # 0–1: how much of the kommune lies in a zone of its own adopted plans
        "andel_ukjent_kode": NUMBER,  # 0–1: zones whose purpose is in no code list
        "andel_ugyldig": NUMBER,  # 0–1: features whose geometry is missing or crosses itself
        "andel_uten_status": NUMBER,  # 0–1: plans without a planstatus
        "endring_antall": NUMBER,  # features against the snapshot before: -0.2 is a fall of 20 %
        "endring_areal": NUMBER,
        "karakter": TEXT,  # A | B | C | D
        "grunner": TEXTS,  # why it is not A, worst first
        "kilde_adresse": TEXT,
        "lisens": TEXT,
    },
    key=("kommunenummer", "tema"),
    required=("er_paakrevd", "kilde", "svar", "karakter"),
    has_geometry=False,
)
"""What is covered, how fresh it is and how good: one row per theme of a kommune; NaN is not measured."""

KONTROLL = Contract(
    "kontroll",
    {
        "kontroll_id": TEXT,  # stable: "3207-kommuneplan-holdt-nap_kommuneplan"
        "kommunenummer": TEXT,  # "" for what concerns no single kommune
        "opphav": TEXT,  # who finds it, and alone closes it: kjoering | oppdagelse | helse
        "hva": TEXT,
        "hvor": TEXT,
        "hvorfor": TEXT,
        "forslag": TEXT,
        "alvor": TEXT,  # høy | middels | lav
        "tilstand": TEXT,  # aapen | lukket
        "foerst_sett": TEXT,  # ISO date
        "sist_sett": TEXT,
    },
    key=("kontroll_id",),
    required=("kommunenummer", "opphav", "hva", "hvor", "hvorfor", "forslag", "alvor", "tilstand", "foerst_sett"),
    has_geometry=False,
)
"""What a person should look at: rows are never removed, what has passed is closed."""

FELLES = "felles"
"""Stands in the place of a kommunenummer in the file of matters that concern no single kommune."""

ADRESSER = Contract(
    "adresser",
    {
        "tomt_id": TEXT,
        "adresse": TEXT,  # "Storgata 2B" or "123/4-2"; None: none within maks_avstand_m
        "postnummer": TEXT,
        "poststed": TEXT,
        "avstand_m": NUMBER,  # from the lot's edge, 0 inside it; in EPSG:25833, at most 0.4 % too long
        "hentet_dato": TEXT,
        "ost_25833": NUMBER,  # the lot's point when it was asked about
        "nord_25833": NUMBER,
    },
    key=("tomt_id",),
    required=("hentet_dato",),
    has_geometry=False,
)
"""The nearest address of each living lot that has been asked about."""

SALG = Contract(
    "salg",
    {
        "tomt_id": TEXT,
        "kommunenummer": TEXT,
        "fase": TEXT,  # stage, as sales has set it
        "parkert_til": TEXT,  # ISO date
        "neste_steg_dato": TEXT,
        "sist_kontaktet": TEXT,
        "er_beholdt": FLAG,  # pinned: stays whatever its score
        "til_vurdering": FLAG,
        "er_roert": FLAG,  # sales has written something, moved the stage, or logged an activity
    },
    key=("tomt_id",),
    required=("kommunenummer",),
    has_geometry=False,
)
"""What sales has made of each lot that is in the base, read back at every run; no notes, no names."""

SALGSSTAND = Contract(
    "salgsstand",
    {
        "record_id": TEXT,  # Airtable's, of this base
        "tomt_id": TEXT,  # None: people's own lot
        "kommunenummer": TEXT,  # None where an own lot does not tell
        "fase": TEXT,
        "neste_steg_dato": TEXT,  # ISO date
        "parkert_til": TEXT,
        "sist_kontaktet": TEXT,
        "tilstand": TEXT,  # Aktiv | Borte, as published
        "boliger": NUMBER,
        "ansvarlig": TEXT,  # Airtable's user id, never a name
    },
    key=("record_id",),
    required=("fase",),
    has_geometry=False,
)
"""What sales has made of each lot in the pipeline, read from one base (raw/salgsstand/<base>/); no notes or names."""

FASESKIFTER = Contract(
    "faseskifter",
    {
        "record_id": TEXT,
        "nr": INTEGER,  # 1, 2, 3 … of the lot
        "aktivitets_id": TEXT,  # its row in Aktiviteter
        "tomt_id": TEXT,
        "kommunenummer": TEXT,
        "fra": TEXT,  # None: not known, the lot was first seen in `til`
        "til": TEXT,  # None: the record is no longer in the base
        "tidspunkt": TEXT,  # ISO, UTC
        "er_noeyaktig": FLAG,  # True: Airtable told when; False: seen at the run of that time
        "endret_av": TEXT,  # Airtable's user id, None where it does not tell
    },
    key=("record_id", "nr"),
    required=("aktivitets_id", "tidspunkt"),
    has_geometry=False,
)
"""The ledger of stages of one base: out/faseskifter/<base>.parquet. What Aktiviteter tell beside it is merged in by
time, which may renumber a lot's rows; nothing is taken out."""

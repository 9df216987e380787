"""The spool: what is written is what was taken, whatever the pieces; what is counted does not depend on them."""

from __future__ import annotations

import itertools
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point, box

from config.kilder import kilder
from tasks.answer import Provenance
from tasks.errors import SourceError
from tasks.sources import flat, kontekstfelt, spool
from tasks.sources.personfelt import is_personal
from tasks.sources.spool import Spool, row_digests
from tasks.store import read_parquet

from .conftest import feature, square


def provenance(made: Spool) -> Provenance:
    return Provenance(
        kilde="prøve",
        adresse="https://kilde.example",
        hentet_tid="2026-11-21T08:00:00.5+00:00",
        antall_ventet=None,
        antall_mottatt=made.antall,
        sha256=made.sha256(),
        crs="EPSG:25833",
        lisens="CC BY 4.0",
    )


def mixed(rows: int = 9) -> gpd.GeoDataFrame:
    """Return rows of every kind of column that the readers make."""
    return gpd.GeoDataFrame(
        {
            "objekttypenavn": ["Teig" if n % 3 else "Annet" for n in range(rows)],
            "tekst": [None if n % 4 == 0 else f"0{n}" for n in range(rows)],
            "liste": [[f"0099-{n}/1/0/0"] * (n % 3) for n in range(rows)],
            "tall": [float("nan") if n % 5 == 0 else n / 2 for n in range(rows)],
            "flagg": [n % 2 == 0 for n in range(rows)],
            "tom": pd.Series([None] * rows, dtype=object),
        },
        geometry=[None if n == 4 else Point(n, 0) if n == 5 else box(n, 0, n + 1, 1) for n in range(rows)],
        crs=25833,
    )


@pytest.mark.parametrize("in_memory", [1, spool.IN_MEMORY])
def test_what_is_written_is_what_was_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int) -> None:
    monkeypatch.setattr(spool, "IN_MEMORY", in_memory)
    frame, made = mixed(), Spool(tmp_path)
    made.take(frame.iloc[:4].drop(columns="liste"))  # a column that comes later
    made.take(frame.iloc[4:])
    made.take(frame.iloc[:0])
    assert (made.antall, made.areal_m2, made.bounds) == (9, 7.0, (0.0, 0.0, 9.0, 1.0))
    assert made.objekttyper == {"Annet": 3, "Teig": 6}
    path = tmp_path / "out" / "x.parquet"
    path.parent.mkdir()
    made.write(path, provenance(made))
    back = gpd.GeoDataFrame(read_parquet(path))
    assert back.crs.to_epsg() == 25833
    assert back["tekst"].where(back["tekst"].notna(), None).tolist() == frame["tekst"].tolist()
    assert [v if v is None else list(v) for v in back["liste"]] == [None] * 4 + frame["liste"].tolist()[4:]
    np.testing.assert_array_equal(back["tall"], frame["tall"])
    assert back["flagg"].tolist() == frame["flagg"].tolist()
    assert back["tom"].isna().all()
    assert back.geometry.geom_equals(frame.geometry, align=False).tolist() == [n != 4 for n in range(9)]
    assert back.geometry.isna().tolist() == [n == 4 for n in range(9)]
    assert bool(list(tmp_path.glob("spool-*"))) is (in_memory == 1)
    assert b"PANDAS_ATTRS" in pq.read_schema(path).metadata


def test_nothing_at_all_can_be_written_and_read(tmp_path: Path) -> None:
    made = Spool(tmp_path)
    made.write(tmp_path / "x.parquet", provenance(made))
    assert len(read_parquet(tmp_path / "x.parquet")) == 0
    assert made.bounds is None


@settings(max_examples=30)
@given(st.permutations(range(9)), st.lists(st.integers(0, 9), max_size=3), st.permutations(list(mixed().columns)))
def test_the_digest_depends_on_neither_order_nor_pieces(order: list[int], cuts: list[int], columns: list[str]) -> None:
    frame = mixed().iloc[order][columns]
    whole, pieces = Spool(Path()), Spool(Path())
    whole.take(mixed())
    edges = [0, *sorted(cuts), 9]
    for start, end in itertools.pairwise(edges):
        pieces.take(frame.iloc[start:end])
    assert pieces.sha256() == whole.sha256()


def test_the_digest_sees_content_and_not_what_changes_by_itself() -> None:
    one, two = feature(1, objid=1), feature(2, objid=2)

    def sha(*features: dict[str, object]) -> str:
        made = Spool(Path())
        made.take(flat.frame(features, epsg=25833, where="x"))
        return made.sha256()

    assert sha(one, two) == sha(two | {"id": 9}, one)
    assert sha(one, two) == sha(feature(1, objid=7), two)
    for stamp in ("kopidata.kopidato", "KOPIDATO", "identifikasjon.versjonId", "versjonid", "OBJID", "OBJECTID"):
        assert sha(feature(1, **{stamp: "2026-11-21"})) == sha(feature(1, **{stamp: "2026-11-22"})), stamp
    assert sha(feature(1, vedtaksdato="2026-11-21")) != sha(feature(1, vedtaksdato="2026-11-22"))
    assert sha(one, two) != sha(one, one)
    assert sha(one) != sha(one | {"geometry": square(side=101)})
    assert sha(one) != sha(feature(1, objid=1, plannavn="ny"))


def test_an_empty_column_more_is_no_change() -> None:
    frame = mixed()
    assert row_digests(frame.assign(ny=None)) == row_digests(frame)


def test_the_newest_copy_is_told() -> None:
    made = Spool(Path())
    for day in ("2026-03-01T00:00:00Z", "20260401", None, "noe annet"):
        made.take(flat.frame([feature(1, **{"kopidata.kopidato": day})], epsg=25833, where="x"))
    assert made.kopidato == "2026-04-01"


@pytest.mark.parametrize("in_memory", [1, spool.IN_MEMORY])
def test_a_column_of_two_types_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int) -> None:
    monkeypatch.setattr(spool, "IN_MEMORY", in_memory)
    made = Spool(tmp_path)
    for value in ("x", 1.5):
        made.take(gpd.GeoDataFrame({"høyde": [value]}, geometry=[Point(0, 0)], crs=25833))
    with pytest.raises(SourceError, match=r"høyde \(double and (large_)?string\)"):
        made.write(tmp_path / "x.parquet", provenance(made))


def test_a_column_of_two_types_in_one_piece_is_named(tmp_path: Path) -> None:
    values = pd.Series(["x", 1.5], dtype=object)
    piece = gpd.GeoDataFrame({"høyde": values}, geometry=[Point(0, 0)] * 2, crs=25833)
    with pytest.raises(SourceError, match="høyde"):
        Spool(tmp_path).take(piece)


CONTEXT = {
    "mdir_forurenset_grunn": ["Lokalitetnavn"],
    "ra_kulturminner": ["vernetype", "enkeltminnekategori", "navn"],
    "nap_hensyn": ["fare", "arealplanId.planidentifikasjon", "arealplanId.kommunenummer", "identifikasjon.lokalId"],
    "nve_luftledninger": ["app:nettniva"],
    "nvdb_veger": ["veglenkesekvensid", "typeVeg_sosi", "lengde"],
    "entur_holdeplasser": ["stopp_id", "transport"],
    "ssb_grunnkretser": ["grunnkretsnummer", "grunnkretsnavn"],
    "kartverket_adressepunkter": ["adresseId", "kommunenummer"],
    "geonorge_marka": [],
}


@pytest.mark.parametrize("kilde", CONTEXT)
def test_of_context_only_what_is_read_reaches_the_disk(tmp_path: Path, kilde: str) -> None:
    kept = CONTEXT[kilde]
    names = [
        "GrunneierNavn",
        "Lokalitetseier",
        "tiltakshaver",
        "rettighetHaver",
        "KontaktNavn",
        "Saksnr",
        "Lokalitetseier.navn",
    ]
    row = feature(1, plannavn="x", **dict.fromkeys(names, "Kari Nordmann"), **dict.fromkeys(kept, "x"))
    made = Spool(tmp_path, kolonner=kontekstfelt.tillatt(kilder()[kilde]))
    made.take(flat.frame([row], epsg=25833, where="x"))
    made.write(path := tmp_path / "x.parquet", provenance(made))
    back = read_parquet(path)
    with_values = {c for c in back if back[c].notna().any()}
    assert {*kept, "objekttypenavn", "geometry"} <= with_values
    assert not with_values & {*names, "plannavn"}
    assert "Saksnr" in back  # its name tells whoever corrects the config what there was
    assert b"Kari" not in path.read_bytes()


def test_sources_of_the_land_keep_what_they_have() -> None:
    assert kontekstfelt.tillatt(kilder()["nap_kommuneplan"]) is None


@pytest.mark.parametrize("name", ["GrunneierNavn", "Lokalitetseier", "rettighetHaver", "KontaktNavn", "TILTAKSHAVER_1"])
def test_columns_of_persons_are_known_in_longer_names(name: str) -> None:
    assert is_personal(name)


def test_columns_of_persons_never_reach_the_disk(tmp_path: Path) -> None:
    row = feature(
        1, saksbehandler="Kari", created_user="KARNOR", eier={"navn": "Per"}, plannavn="Sentrum", eierform="1"
    )
    kontakter = {"opphav": [{"epost": "a@b.no"}], "kilder": [{"merke": "x"}], "tekst": "[Kari"}
    row["properties"] |= kontakter
    made = Spool(tmp_path)
    made.take(flat.frame([row, feature(2)], epsg=25833, where="x"))
    made.write(tmp_path / "x.parquet", provenance(made))
    back = read_parquet(tmp_path / "x.parquet")
    assert not {"saksbehandler", "created_user", "eier.navn"} & {*back.columns, *made.kolonner}
    assert {"plannavn", "eierform", "kilder"} <= made.kolonner
    assert back["opphav"].isna().all()
    assert back["kilder"][0] == '[{"merke": "x"}]'
    assert back["tekst"][0] == "[Kari"
    assert b"Kari" not in (tmp_path / "x.parquet").read_bytes().replace(b"[Kari", b"")

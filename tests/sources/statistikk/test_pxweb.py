"""The client against a table that answers as SSB does: what is asked, what comes, what is not asked again."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tasks.sources.statistikk.feil import (
    NoAnswerError,
    QuietHoursError,
    UnknownCodeError,
    UnknownTableError,
    UnknownVariableError,
)
from tests.sources.conftest import Upstream
from tests.sources.statistikk.pxbord import ALT, TABELL, Bord, Klokke, Valgt, klient, regler


@pytest.fixture
def bord(upstream: Upstream) -> Bord:
    bord = Bord()
    upstream.answer = bord
    return bord


@pytest.fixture
def klokke() -> Klokke:
    return Klokke()


def asked(upstream: Upstream) -> list[str]:
    return [f"{a.method} {a.path.partition('?')[0]}" for a in upstream.asked]


def test_metadata_name_variables_codes_and_code_lists(upstream, bord, tmp_path):
    with klient(upstream.url, tmp_path) as ssb:
        found = ssb.metadata(TABELL)
    assert found.etikett == "06913: Befolkning og endringer"
    assert found.oppdatert == bord.oppdatert
    assert list(found.variabler) == ["Region", "Kjonn", "ContentsCode", "Tid"]
    region = found.variabler["Region"]
    assert (list(region.koder), region.kan_utelates) == (["0301", "3207", "3218"], True)
    assert region.kodelister == ("agg_KommSummer",)
    assert region.koder["3207"] == "Region 3207"


def test_figures_come_with_their_codes(upstream, bord, tmp_path):
    with klient(upstream.url, tmp_path) as ssb:
        frame = ssb.hent(TABELL, ALT)
        assert list(frame) == ["Region", "ContentsCode", "Tid", "verdi", "status"]
        row = frame[(frame["Region"] == "3207") & (frame["Tid"] == "2024")].iloc[0]
        assert (row["verdi"], len(frame)) == (5.0, 9)
        assert frame["status"].isna().all()
        assert ssb.foresporsler == 2
        henting = ssb.henting(TABELL)
        assert henting is not None
        assert (henting.svar, henting.foresporsler, henting.oppdatert) == ("hentet", 2, bord.oppdatert)


def test_content_and_period_are_always_sent(upstream, bord, tmp_path):
    with klient(upstream.url, tmp_path) as ssb:
        with pytest.raises(UnknownVariableError, match="06913: 'Tid'"):
            ssb.hent(TABELL, ALT[:2])
        with pytest.raises(UnknownVariableError, match="'ContentsCode'"):
            ssb.hent(TABELL, [ALT[0], ALT[2]])
    assert asked(upstream) == [f"GET /tables/{TABELL}/metadata"]


def test_codes_are_sent_once_in_the_tables_order(upstream, bord, tmp_path):
    twice = [Valgt("Region", ("3218", "3207", "3218")), ALT[1], Valgt("Tid", ("2024", "2023", "2024"))]
    with klient(upstream.url, tmp_path) as ssb:
        frame = ssb.hent(TABELL, twice)
    assert frame[["Region", "Tid"]].to_numpy().tolist() == [
        ["3207", "2023"],
        ["3207", "2024"],
        ["3218", "2023"],
        ["3218", "2024"],
    ]


def test_codes_of_a_code_list_are_asked_for_without_asking_for_the_list(upstream, bord, tmp_path):
    with klient(upstream.url, tmp_path) as ssb:
        frame = ssb.hent(TABELL, [Valgt("Region", ("K-3207", "K-3207"), "agg_KommSummer"), *ALT[1:]])
        assert frame["Region"].tolist() == ["K-3207"] * 3
        assert ssb.foresporsler == 2
        with pytest.raises(UnknownVariableError, match=r"no code list 'agg_Fylker'.*agg_KommSummer"):
            ssb.hent(TABELL, [Valgt("Region", ("K-3207",), "agg_Fylker"), *ALT[1:]])
        assert ssb.foresporsler == 2


def test_a_code_that_its_code_list_does_not_have_is_said_of_that_variable(upstream, bord, tmp_path):
    utvalg = [Valgt("Region", ("K-9999",), "agg_KommSummer"), *ALT[1:]]
    with klient(upstream.url, tmp_path) as ssb, pytest.raises(UnknownCodeError) as caught:
        ssb.hent(TABELL, utvalg)
    assert (caught.value.variabel, caught.value.tittel) == ("Region", "Non-existent value")


@pytest.mark.parametrize(("maks_tegn", "method"), [(1_800, "GET"), (150, "POST")])
def test_a_long_question_is_posted(upstream, bord, tmp_path, maks_tegn, method):
    with klient(upstream.url, tmp_path, rules=regler(maks_adresse_tegn=maks_tegn)) as ssb:
        frame = ssb.hent(TABELL, ALT)
    assert asked(upstream)[-1] == f"{method} /tables/{TABELL}/data"
    assert frame["verdi"].tolist() == list(range(9))
    assert "outputFormat=json-stat2" in upstream.asked[-1].path


def test_an_address_that_ssb_finds_too_long_is_posted(upstream, bord, tmp_path):
    bord.maks_adresse = 150
    with klient(upstream.url, tmp_path) as ssb:
        assert len(ssb.hent(TABELL, ALT)) == 9
    assert [a.split()[0] for a in asked(upstream)] == ["GET", "GET", "POST"]


def test_a_large_question_is_split_and_joined(upstream, bord, tmp_path):
    bord.variabler["Region"] = [f"{n:04d}" for n in range(100)]
    with klient(upstream.url, tmp_path, rules=regler(maks_celler=120)) as ssb:
        frame = ssb.hent(TABELL, [Valgt("Region", tuple(bord.variabler["Region"])), *ALT[1:]])
        assert ssb.foresporsler == 1 + 3
    assert not frame.duplicated(["Region", "Tid"]).any()
    assert frame.index.tolist() == list(range(300))


# --- on disk ---


def test_what_has_not_changed_is_not_asked_for(upstream, bord, tmp_path, klokke):
    with klient(upstream.url, tmp_path, klokke) as ssb:
        first = ssb.hent(TABELL, ALT)
    klokke.s += 19 * 3600
    with klient(upstream.url, tmp_path, klokke) as ssb:
        assert ssb.hent(TABELL, ALT).equals(first)
        assert ssb.foresporsler == 0
        assert ssb.henting(TABELL).svar == "uendret"
        assert ssb.henting(TABELL).hentet == klokke.start
    klokke.s += 2 * 3600
    with klient(upstream.url, tmp_path, klokke) as ssb:
        assert ssb.hent(TABELL, ALT).equals(first)
        assert ssb.foresporsler == 1  # metadata alone
        assert ssb.henting(TABELL).hentet == klokke.start
    with klient(upstream.url, tmp_path, klokke, ferskt=True) as ssb:
        ssb.hent(TABELL, ALT)
        assert ssb.foresporsler == 1


def test_a_new_stamp_brings_new_figures_and_drops_the_old(upstream, bord, tmp_path, klokke):
    with klient(upstream.url, tmp_path, klokke) as ssb:
        ssb.hent(TABELL, ALT)
    bord.oppdatert = "2027-02-25T07:00:00Z"
    bord.variabler["Tid"].append("2025")
    klokke.s += 21 * 3600
    with klient(upstream.url, tmp_path, klokke) as ssb:
        newer = [*ALT[:2], Valgt("Tid", ("2024", "2025"))]
        assert set(ssb.hent(TABELL, newer)["Tid"]) == {"2024", "2025"}
        assert ssb.foresporsler == 2
        assert ssb.henting(TABELL).svar == "hentet"
    (kept,) = (tmp_path / TABELL).glob("*.json.gz")
    assert json.loads(gzip.decompress(kept.read_bytes()))["oppdatert"] == bord.oppdatert


@pytest.mark.parametrize(
    "damage",
    [
        b"\x1f\x8b half",
        b"{}",
        *(
            pytest.param(its, marks=pytest.mark.long)
            for its in (b"", b'{"hentet": "2026-03-02", "svar": []}', b"[" * 9999)
        ),
    ],
)
def test_damaged_files_are_fetched_anew(upstream, bord, tmp_path, damage):
    with klient(upstream.url, tmp_path) as ssb:
        first = ssb.hent(TABELL, ALT)
    for path in (tmp_path / TABELL).iterdir():
        is_packed = path.suffix == ".gz" and damage[:1] in {b"{", b"["}
        path.write_bytes(gzip.compress(damage) if is_packed else damage)
    with klient(upstream.url, tmp_path) as ssb:
        assert ssb.hent(TABELL, ALT).equals(first)
        assert ssb.foresporsler == 2


def test_whole_files_with_other_content_are_fetched_anew(upstream, bord, tmp_path):
    with klient(upstream.url, tmp_path) as ssb:
        first = ssb.hent(TABELL, ALT)
    for path in (tmp_path / TABELL).iterdir():
        opened = gzip.decompress if path.suffix == ".gz" else bytes
        packed = gzip.compress if path.suffix == ".gz" else bytes
        kept = json.loads(opened(path.read_bytes()))
        path.write_bytes(packed(json.dumps(kept | {"svar": {"id": ["Region"]}}).encode()))
    with klient(upstream.url, tmp_path) as ssb:
        assert ssb.hent(TABELL, ALT).equals(first)
        assert ssb.foresporsler == 2


def test_metadata_on_disk_that_ssb_has_outgrown_are_asked_for_again(upstream, bord, tmp_path, klokke):
    with klient(upstream.url, tmp_path, klokke) as ssb:
        ssb.metadata(TABELL)
    bord.variabler["Tid"] = ["2023", "2024", "2025"]
    with klient(upstream.url, tmp_path, klokke) as ssb:
        assert "2022" in ssb.metadata(TABELL).variabler["Tid"].koder
        newer = ssb.newer_metadata(TABELL)
        assert list(newer.variabler["Tid"].koder) == ["2023", "2024", "2025"]
        assert ssb.metadata(TABELL) is newer
        assert ssb.newer_metadata(TABELL) is None  # once is enough
        assert ssb.asked(TABELL) == 1


def test_requests_of_a_table_that_failed_are_counted(upstream, tmp_path, klokke):
    upstream.answer = lambda handler: handler.send(b"", status=500)
    with klient(upstream.url, tmp_path, klokke) as ssb, pytest.raises(NoAnswerError):
        ssb.metadata(TABELL)
    assert (ssb.henting(TABELL), ssb.asked(TABELL)) == (None, 3)


def test_a_folder_that_cannot_be_written_costs_no_figures(upstream, bord, tmp_path, caplog):
    (tmp_path / TABELL).write_text("a file in the place of the folder")
    with klient(upstream.url, tmp_path) as ssb:
        assert len(ssb.hent(TABELL, ALT)) == 9
    assert "could not be kept" in caplog.text


def test_a_number_that_is_no_table_leaves_no_trace(upstream, bord, tmp_path):
    with klient(upstream.url, tmp_path / "ssb") as ssb:
        for evil in ("../06913", "", "06913/data", "å", "x" * 99):
            with pytest.raises(UnknownTableError):
                ssb.metadata(evil)
    assert not upstream.asked
    assert not list(tmp_path.iterdir())


# --- quiet hours ---

QUIET = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)  # 07:00 in Oslo


def test_in_quiet_hours_the_disk_serves_and_says_why(upstream, bord, tmp_path):
    with klient(upstream.url, tmp_path, Klokke(QUIET - timedelta(hours=23))) as ssb:
        first = ssb.hent(TABELL, ALT)
    upstream.asked.clear()
    with klient(upstream.url, tmp_path, Klokke(QUIET), med_takt=True) as ssb:
        assert ssb.hent(TABELL, ALT).equals(first)
        henting = ssb.henting(TABELL)
        assert (henting.svar, henting.grunn) == ("lager", "SSB 06913: stille tid til kl. 08:20")
        with pytest.raises(QuietHoursError, match="08:20"):
            ssb.hent(TABELL, [*ALT, Valgt("Kjonn", ("1",))])
        with pytest.raises(QuietHoursError) as caught:
            ssb.metadata("07459")
    assert caught.value.til.isoformat() == "2026-03-03T08:20:00+01:00"
    assert "07459" in str(caught.value)
    assert not upstream.asked


def test_a_server_of_this_machine_is_asked_at_any_hour(upstream, bord, tmp_path):
    with klient(upstream.url, tmp_path, Klokke(QUIET)) as ssb:
        assert len(ssb.hent(TABELL, ALT)) == 9
    assert not (tmp_path / "takt.json").exists()


def test_waiting_for_the_turn_does_not_lead_into_quiet_hours(upstream, bord, tmp_path):
    klokke = Klokke(datetime(2026, 3, 3, 3, 54, 50, tzinfo=UTC))
    with klient(upstream.url, tmp_path, klokke, med_takt=True, rules=regler(per_minutt=1)) as ssb:
        ssb.metadata(TABELL)
        with pytest.raises(QuietHoursError):
            ssb.hent(TABELL, ALT)
    assert len(upstream.asked) == 1


# --- the pace ---


def test_no_minute_holds_more_requests_than_allowed(upstream, tmp_path, klokke):
    times: list[float] = []
    bord = Bord()

    def answer(handler) -> None:
        times.append(klokke.s)
        klokke.s += 0.7
        bord(handler)

    upstream.answer = answer
    for n in range(3):  # one run after another, from a cold disk, on the same pace
        bord.oppdatert = f"stamp {n}"
        with klient(upstream.url, tmp_path, klokke, med_takt=True, ferskt=True, rules=regler(maks_celler=1_000)) as ssb:
            for region in ("0301", "3207", "3218"):
                for year in ("2022", "2023", "2024"):
                    ssb.hent(TABELL, [Valgt("Region", (region,)), ALT[1], Valgt("Tid", (year,))])
    assert len(times) == 30
    assert max(sum(t <= u < t + 60 for u in times) for t in times) == regler().per_minutt
    assert times[-1] - times[0] < 90


def test_files_lie_where_they_are_said_to(upstream, bord, tmp_path: Path):
    with klient(upstream.url, tmp_path, med_takt=True) as ssb:
        ssb.hent(TABELL, [Valgt("Region", ("K-3207", "K-3218"), "agg_KommSummer"), *ALT[1:]])
    names = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    assert names[:2] == ["06913/" + names[0][6:], "06913/metadata.json"]
    assert names[2:] == ["takt.json"]
    kept = json.loads(gzip.decompress((tmp_path / names[0]).read_bytes()))
    assert kept["sporring"][0] == {
        "variableCode": "Region",
        "valueCodes": ["K-3207", "K-3218"],
        "codelist": "agg_KommSummer",
    }

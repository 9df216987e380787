"""The faults that can be switched on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx

from tasks.sandbox.statistikk import Feil, klass, valg
from tasks.sandbox.statistikk.feil import Taktmaaler
from tasks.sandbox.statistikk.tjener import StatistikkServer
from tests.sandbox.statistikk.conftest import Ssb

ASKED = {"Region": ["0301"], "ContentsCode": ["Folkemengde"], "Tid": ["top(1)"]}


def test_the_limit_holds_per_client_and_says_how_long(ssb: Ssb, feil: Feil) -> None:
    feil.per_minutt = 2
    answers = [ssb.get("/config") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert [a.headers["x-ratelimit-remaining"] for a in answers] == ["1", "0", "0"]
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert answers[2].headers["x-ratelimit-policy"] == "2;w=60s"
    feil.per_minutt = None
    assert ssb.get("/config").status_code == 200


def test_the_window_moves_with_the_clock() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    counter = Taktmaaler(lambda: now)
    assert [counter.meld("a", 2).vent_s for _ in range(3)] == [0, 0, 60]
    assert counter.meld("b", 2).igjen == 1
    now += timedelta(seconds=45.5)
    assert counter.meld("a", 2).vent_s == 15
    now += timedelta(seconds=14.5)
    assert [counter.meld("a", 2).vent_s for _ in range(3)] == [0, 0, 60]


def test_some_answers_are_spoiled_then_all_is_well(ssb: Ssb, feil: Feil) -> None:
    feil.svar_429, feil.tomme_500, feil.svar_503, feil.html, feil.vent_s = 2, 1, 1, 1, 7
    answers = [ssb.post("06913", **ASKED) for _ in range(6)]
    assert [a.status_code for a in answers] == [429, 429, 500, 503, 200, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[2].content == b""
    assert answers[4].headers["Content-Type"].startswith("text/html")
    assert answers[5].json()["value"][0] > 0
    feil.svar_429, feil.vent_s = 1, None
    assert "Retry-After" not in ssb.get("/config").headers


def test_a_table_that_is_gone(ssb: Ssb, feil: Feil) -> None:
    feil.ukjente_tabeller.add("06913")
    assert ssb.get("/tables/06913/metadata").json()["title"] == "Non-existent table"
    assert "06913" not in {one["id"] for one in ssb.get("/tables", pagesize="99").json()["tables"]}
    assert ssb.get("/tables/07459/metadata").status_code == 200


def test_labels_and_codes_that_changed(ssb: Ssb, feil: Feil) -> None:
    feil.endrede_etiketter = {
        ("06913", "Folkemengde"): "Noe annet",
        ("06913", "Region"): "sted",
        ("06913", "06913"): "Noe helt annet",
    }
    feil.manglende_koder = {("06913", "0301"), ("06913", "Fodte"), ("06913", "2026")}
    found = ssb.get("/tables/06913/metadata").json()
    assert found["label"].startswith("06913: Noe helt annet (oppdiktet)")
    assert found["dimension"]["Region"]["label"] == "sted"
    assert found["dimension"]["ContentsCode"]["category"]["label"]["Folkemengde"] == "Noe annet"
    assert "Fodte" not in found["dimension"]["ContentsCode"]["category"]["unit"]
    assert ssb.post("06913", **ASKED).json()["title"] == "Non-existent value"
    newest = ssb.data("06913", **ASKED | {"Region": ["1103"]})
    assert list(newest["dimension"]["Tid"]["category"]["index"]) == ["2025"]
    feil.manglende_koder = set()
    assert newest["value"] == ssb.data("06913", **ASKED | {"Region": ["1103"], "Tid": ["2025"]})["value"]


def test_the_stamp_moves_and_a_year_is_not_out_yet(ssb: Ssb, feil: Feil) -> None:
    before = ssb.get("/tables/06913").json()
    feil.flytt_oppdatert["06913"] = timedelta(days=3)
    feil.sist_periode["06913"] = "2024"
    after = ssb.get("/tables/06913").json()
    assert (before["updated"], after["updated"]) == ("2026-02-25T07:00:00Z", "2026-02-28T07:00:00Z")
    assert (before["lastPeriod"], after["lastPeriod"]) == ("2026", "2024")
    assert ssb.data("06913", **ASKED)["updated"] == after["updated"]


def test_services_that_are_down(client: httpx.Client, feil: Feil) -> None:
    feil.klass_er_nede = feil.valg_er_nede = True
    assert client.get(f"{klass.PREFIX}/classifications/131/codesAt?date=2024-01-01").status_code == 503
    assert client.get(f"{valg.PREFIX}/2023/ko").status_code == 503


def test_a_dead_kommune(client: httpx.Client, feil: Feil) -> None:
    feil.doede_kommuner.add("3207")
    assert client.get(f"{valg.PREFIX}/2023/ko/32/3207").status_code == 500
    assert client.get(f"{valg.PREFIX}/2023/ko/32/3218").status_code == 200
    assert "3207" in {one["nr"] for one in client.get(f"{valg.PREFIX}/2023/ko/32").json()["_links"]["related"]}


def test_requests_are_remembered(client: httpx.Client, ssb: Ssb, feil: Feil) -> None:
    ssb.post("06913", **ASKED)
    ssb.get("/tables/06913/metadata", lang="no")
    client.get(f"{valg.PREFIX}/2023/ko")
    assert list(feil.sett)[-3:] == [
        "POST /ssb/api/pxwebapi/v2/tables/06913/data",
        "GET /ssb/api/pxwebapi/v2/tables/06913/metadata?lang=no",
        "GET /valgresultat/api/2023/ko",
    ]
    assert feil.antall("/tables/06913/") == 2


def test_every_answer_takes_its_time(feil: Feil, client: httpx.Client) -> None:
    feil.sekunder = 0.2
    assert client.get(f"{valg.PREFIX}/2023/ko").elapsed >= timedelta(seconds=0.19)


def test_two_servers_have_faults_of_their_own(server: StatistikkServer) -> None:
    assert Feil().ukjente_tabeller is not server.feil.ukjente_tabeller

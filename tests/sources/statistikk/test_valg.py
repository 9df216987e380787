"""Elections: the walk from country to kommune, what is read of a result, and services that are half dead."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from config.statistikk import statistikk
from tasks.errors import SourceError
from tasks.sources import limits
from tasks.sources.statistikk import valg
from tasks.sources.statistikk.valg import fetch_election
from tasks.sources.statistikk.valgsvar import read_result
from tests.sources.conftest import Upstream, shared

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PARTIES = {"a": "A", "h": "H", "rødt": "RØDT"}


def party(code, seats, votes=None, percent=None, category=1):
    return {
        "id": {"partikode": code, "navn": code, "partikategori": category},
        "stemmer": {"resultat": {"prosent": percent, "antall": None if votes is None else {"total": votes}}},
        "mandater": {"resultat": {"antall": seats}},
    }


def result(number, *parties, seats=None, counted=None):
    made = {
        "id": {"nr": number, "valgtype": "ko", "valgaar": "2023"},
        "tidspunkt": {"rapportGenerert": "2023-10-01T12:00:00"},
        "mandater": {
            "antall": sum(p["mandater"]["resultat"]["antall"] or 0 for p in parties) if seats is None else seats
        },
        "partier": list(parties),
        "frammote": {"prosent": 61.5},
        "_links": {"related": []},
    }
    return made if counted is None else {**made, "opptalt": {"prosent": counted}}


def links(*rows):
    return {"_links": {"related": [{"nr": n, "navn": n, "href": href} for n, href in rows]}}


class Valgtjeneste:
    """A small valgresultat.no: two fylker, three kommuner."""

    def __init__(self, upstream: Upstream) -> None:
        base = f"{upstream.url}/api"
        self.pages = {
            "/api/2023/ko": links(("32", "/2023/ko/32"), ("03", f"{base}/2023/ko/03")),
            "/api/2023/ko/32": links(("3207", "/2023/ko/32/3207"), ("3218", "/api/2023/ko/32/3218")),
            "/api/2023/ko/03": links(("0301", f"{base}/2023/ko/03/0301")),
            "/api/2023/ko/32/3207": result(
                "3207",
                party("A", 8, 300),
                party("H", 9, 500),
                party("BYGDA", 4, 200, category=3),
                party("Andre1", 4, 200),
                party("SMÅ", 4, 200, category=0),
                party("BLANKE", None, 10),
                seats=21,
            ),
            "/api/2023/ko/32/3218": result("3218", party("RØDT", 3, percent=40.0), party("A", 4, percent=60.0)),
            "/api/2023/ko/03/0301": result("0301", party("H", 59, 1000)),
        }
        self.asked = upstream.asked
        upstream.answer = self.answer

    def answer(self, handler) -> None:
        page = self.pages.get(handler.path)
        if page is None:
            handler.send(b"", status=404)
        else:
            handler.json(page)

    def paths(self) -> list[str]:
        return [a.path.removeprefix("/api") for a in self.asked]


@pytest.fixture
def tjeneste(upstream):
    return Valgtjeneste(upstream)


@pytest.fixture(autouse=True)
def _one_try(monkeypatch):
    before = valg._limits
    monkeypatch.setattr(valg, "_limits", lambda r: valg.Limits(**{**before(r).__dict__, "forsoek": 1}))


def ask(upstream, folder, *, naa=NOW, **more):
    return fetch_election(
        statistikk().valg,
        2023,
        adresse=f"{upstream.url}/api",
        mappe=folder,
        contact=None,
        naa=naa,
        partier=PARTIES,
        **more,
    )


def figures(answer):
    return {(r.nummer, r.maal, r.gruppe): r.verdi for r in answer.rader.itertuples()}


def test_links_are_walked_and_results_read(upstream, tjeneste, tmp_path):
    told = []
    got = ask(upstream, tmp_path, framdrift=lambda done, total: told.append((done, total)))
    assert (got.svar, got.grunn, got.foresporsler, got.uten_svar) == ("hentet", None, 6, ())
    assert (got.oppdatert, got.hentet) == ("2023-10-01T12:00:00", NOW.isoformat())
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    its = figures(got)
    assert its["3207", "mandater", "A"] == 8
    assert its["3207", "mandater", "LOKAL:BYGDA"] == 4
    assert its["3207", "stemmer_prosent", "A"] == pytest.approx(30)
    assert its["3207", "valgdeltakelse_prosent", ""] == 61.5
    assert its["3218", "stemmer_prosent", "RØDT"] == 40
    assert sum(v for (n, m, _), v in its.items() if (n, m) == ("3207", "mandater")) == 21


def test_final_results_are_not_asked_for_again(upstream, tjeneste, tmp_path):
    first = ask(upstream, tmp_path)
    tjeneste.asked.clear()
    got = ask(upstream, tmp_path, naa=NOW + timedelta(days=179))
    assert (got.svar, got.foresporsler, tjeneste.paths()) == ("uendret", 0, [])
    assert figures(got) == figures(first)
    assert ask(upstream, tmp_path, naa=NOW + timedelta(days=181)).foresporsler == 6
    assert ask(upstream, tmp_path, naa=NOW + timedelta(days=181), ferskt=True).foresporsler == 6


def test_kommuner_that_moved_or_came_are_found_when_the_links_are_old(upstream, tjeneste, tmp_path):
    ask(upstream, tmp_path)
    tjeneste.pages["/api/2023/ko/32"] = links(("3207", "/2023/ko/32/moved"), ("3299", "/2023/ko/32/3299"))
    tjeneste.pages["/api/2023/ko/32/moved"] = tjeneste.pages.pop("/api/2023/ko/32/3207")
    tjeneste.pages["/api/2023/ko/32/3299"] = result("3299", party("A", 7))
    got = ask(upstream, tmp_path, naa=NOW + timedelta(days=181))
    assert {n for n, _, _ in figures(got)} == {"3207", "3299", "0301"}
    assert got.grunn is None


def test_a_count_that_goes_on_is_asked_for_again_soon(upstream, tjeneste, tmp_path):
    tjeneste.pages["/api/2023/ko/03/0301"] = result("0301", party("H", 59, 1000), counted=99.2)
    ask(upstream, tmp_path)
    tjeneste.asked.clear()
    assert ask(upstream, tmp_path, naa=NOW + timedelta(hours=5)).svar == "uendret"
    assert ask(upstream, tmp_path, naa=NOW + timedelta(hours=7)).svar == "hentet"
    assert tjeneste.paths() == ["/2023/ko/03/0301"]


def test_one_dead_kommune_costs_itself_alone(upstream, tjeneste, tmp_path):
    alive = tjeneste.pages.pop("/api/2023/ko/32/3207")
    got = ask(upstream, tmp_path)
    assert (got.svar, got.uten_svar) == ("hentet", ("3207",))
    assert got.grunn == "valgresultat.no ga ikke svar for 1 av 3: 3207"
    assert {n for n, _, _ in figures(got)} == {"3218", "0301"}
    tjeneste.pages["/api/2023/ko/32/3207"] = alive
    tjeneste.asked.clear()
    soon = ask(upstream, tmp_path, naa=NOW + timedelta(hours=5))
    assert (soon.uten_svar, soon.grunn, soon.svar, tjeneste.paths()) == (("3207",), got.grunn, "uendret", [])
    assert ask(upstream, tmp_path, naa=NOW + timedelta(hours=7)).uten_svar == ()
    assert tjeneste.paths() == ["/2023/ko/32/3207"]
    assert ask(upstream, tmp_path, naa=NOW + timedelta(hours=8)).grunn is None


def test_one_dead_fylke_costs_its_own_kommuner_until_it_answers(upstream, tjeneste, tmp_path):
    alive = tjeneste.pages.pop("/api/2023/ko/32")
    got = ask(upstream, tmp_path)
    assert {n for n, _, _ in figures(got)} == {"0301"}
    assert "32" in got.grunn
    tjeneste.pages["/api/2023/ko/32"] = alive
    assert {n for n, _, _ in figures(ask(upstream, tmp_path))} == {"0301", "3207", "3218"}


@pytest.mark.parametrize("page", [{}, links(("3207", "https://elsewhere.example/x"), (None, None), (7, 7))])
def test_a_fylke_that_links_to_nothing_of_use_is_named_with_the_kommuner_that_lack(upstream, tjeneste, tmp_path, page):
    alive, tjeneste.pages["/api/2023/ko/32"] = tjeneste.pages["/api/2023/ko/32"], page
    got = ask(upstream, tmp_path, ventet=("0301", "3207", "3218"))
    assert got.uten_svar == ("3207", "3218")
    assert "3207, 3218" in got.grunn.replace("32, ", "", 1) or "32, 3207, 3218" in got.grunn
    tjeneste.pages["/api/2023/ko/32"] = alive
    assert ask(upstream, tmp_path, ventet=("0301", "3207", "3218")).grunn is None


def test_a_kommune_that_nobody_links_to_is_named(upstream, tjeneste, tmp_path):
    got = ask(upstream, tmp_path, ventet=("0301", "1103"))
    assert (got.uten_svar, got.grunn) == (("1103",), "valgresultat.no ga ikke svar for 1 av 4: 1103")


def test_a_dead_service_is_left_alone_after_a_few_failures(upstream, tjeneste, tmp_path):
    numbers = [f"34{n:02d}" for n in range(40)]
    tjeneste.pages["/api/2023/ko/32"] = links(*((n, f"/2023/ko/34/{n}") for n in numbers))
    got = ask(upstream, tmp_path)
    assert got.grunn == "valgresultat.no svarte ikke for 2023"
    assert got.foresporsler == 3 + statistikk().valg.feil_paa_rad
    tjeneste.asked.clear()
    ask(upstream, tmp_path, naa=NOW + timedelta(minutes=5))
    assert tjeneste.paths()[0] == "/2023/ko/34/3400"  # the service was dead, not these kommuner


def test_what_lies_on_disk_serves_while_the_service_is_down(upstream, tjeneste, tmp_path):
    first = ask(upstream, tmp_path)
    tjeneste.pages.clear()
    got = ask(upstream, tmp_path, naa=NOW + timedelta(days=400))
    assert got.svar == "lager"
    assert figures(got) == figures(first)
    nothing = ask(upstream, tmp_path / "another")
    assert (nothing.svar, len(nothing.rader)) == ("mangler", 0)


@pytest.mark.parametrize(
    "href",
    [
        "https://elsewhere.example/2023/ko/32/3207",
        "/../../secret",
        "/2023/ko/32/3207\n",
        "x" * 70_000,
        None,
        *(
            pytest.param(href, marks=pytest.mark.long)
            for href in (
                "//elsewhere.example/x",
                "http://127.0.0.1:1/api/x",
                "http://[bad/",
                "/2023/ko/32/\ud800",
                {"a": 1},
            )
        ),
    ],
)
def test_links_that_lead_elsewhere_are_not_followed(upstream, tjeneste, tmp_path, href):
    tjeneste.pages["/api/2023/ko/32"] = links(("3207", href), ("3218", "/2023/ko/32/3218"))
    got = ask(upstream, tmp_path)
    assert {n for n, _, _ in figures(got)} == {"3218", "0301"}
    assert "3207" in got.grunn
    assert (tmp_path / "2023.json").exists()
    assert all(path.startswith("/2023/ko") for path in tjeneste.paths())


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (result("3207", party("A", 8), seats=9), "8 seats, the council 9"),
        (result("0301", party("A", 8)), "is of '0301'"),
        (result("3207", party("A", 0), seats=0), "no seats"),
        ({"id": {"nr": "3207"}, "mandater": {"antall": 5}, "partier": {}}, "no seats"),
        (result("3207", *[party(f"L{n}", 1) for n in range(61)]), "too many"),
        (result("3207", {"mandater": {"resultat": {"antall": 5}}}), "without partikode"),
        (result("3207", party("A", -1), party("H", 2), seats=1), "2 seats, the council 1"),
        (result("3207", party("A", 8), seats=10**400), "no seats"),
        (result("3207", party("A", 10**400), seats=8), "0 seats, the council 8"),
        (result("3207", party("A\ud800", 8)), "without partikode"),
        (result("3207", party("A\n", 8)), "without partikode"),
        (result(10**400, party("A", 8)), "is of '1000"),
    ],
)
def test_results_that_do_not_hold_are_refused(answer, said):
    with pytest.raises(SourceError, match=said):
        read_result(answer, "3207")


def test_lists_of_the_same_code_stay_apart():
    four = [party("BYGDA", 3), party("BYGDA", 2), party("Bygda:2", 1), party("bygda", 4)]
    got = read_result(result("3207", *four), "3207")
    assert [row[:2] for row in got["lister"]] == [["BYGDA", 3], ["BYGDA:2", 2], ["Bygda:2:2", 1], ["bygda:3", 4]]


def test_figures_beyond_all_counts_are_none():
    evil = result("3207", party("A", 8, 10**400, 10**400), party("H", 1, 1e300, -1), counted=10**400)
    evil["frammote"]["prosent"] = 10**400
    evil["tidspunkt"]["rapportGenerert"] = "2023\ud800"
    got = read_result(evil, "3207")
    assert [row[2:] for row in got["lister"]] == [[None, None], [None, None]]
    assert (got["frammote"], got["laget"]) == (None, "")
    json.dumps(got, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"{",
        b'{"er_hel": true, "lenker": {}, "lenker_hentet": null, "doede": {}, "kommuner": {"0301": {}}}',
        b'{"er_hel": true, "lenker": {}, "lenker_hentet": "2026-01-01", "doede": {}, "kommuner": {}}',
    ],
)
def test_damaged_file_is_fetched_anew(upstream, tjeneste, tmp_path, content):
    (tmp_path / "2023.json").write_bytes(content)
    assert ask(upstream, tmp_path).svar == "hentet"


def test_a_cold_run_of_all_elections_fits_with_room(monkeypatch):
    rules, clock = statistikk().valg, [0.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: clock[0])
    pacer, took = limits.Pacer(), []
    for _ in rules.aar:  # one after the other
        began = clock[0]
        for _ in range(375):
            clock[0] += pacer.turn("valgresultat.no", rules.per_sekund)
            clock[0] += 0.1
        took.append(clock[0] - began)
    assert list(rules.aar) == sorted(rules.aar, reverse=True)
    assert sum(took) <= 100
    assert 2 * max(took) <= rules.maks_sekunder


def test_shape_of_the_real_service_is_read():
    """Seats as counted for real, in the shape that the service answers in."""
    sample = json.loads(shared("data/valg/valgresultat_shape_and_seat_sample.json").read_text(encoding="utf-8"))
    for number, its in sample["seats_sample_pollofpolls"].items():
        parties = [party(code.upper(), seats) for code, seats in its["seats"].items() if code != "Andre"]
        others = [party("LOKALLISTA", its["seats"]["Andre"])] if its["seats"].get("Andre") else []
        got = read_result(result(number, *parties, *others, seats=its["totalSeats"]), number)
        assert got["mandater"] == its["totalSeats"]

"""What goes wrong: each fault names table, variable, SSB's title and what to do; the disk serves where it may pass."""

from __future__ import annotations

import json
import pickle
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tasks.sources.statistikk.feil import (
    BadAnswerError,
    ChangedLabelError,
    NoAnswerError,
    QuietHoursError,
    RateLimitError,
    StatistikkError,
    TooManyCellsError,
    UnknownCodeError,
    UnknownTableError,
    UnknownVariableError,
    nearest,
)
from tasks.sources.statistikk.metadata import Metadata, Variabel
from tests.sources.conftest import Handler, Upstream
from tests.sources.statistikk.pxbord import ALT, TABELL, Bord, Klokke, Valgt, klient, refuse, regler

Answer = Callable[[Handler], None]


@pytest.fixture
def klokke() -> Klokke:
    return Klokke()


def with_data(fault: Answer, bord: Bord | None = None) -> Answer:
    """Answer metadata as the table does, and questions for data with a fault."""
    bord = bord or Bord()
    return lambda handler: (fault if "/data" in handler.path else bord)(handler)


def failing(upstream: Upstream, fault: Answer, mappe, klokke: Klokke | None = None, **more) -> StatistikkError:
    upstream.answer = with_data(fault)
    with klient(upstream.url, mappe, klokke, **more) as ssb, pytest.raises(StatistikkError) as caught:
        ssb.hent(TABELL, ALT)
    assert "SSB 06913" in str(caught.value)
    assert caught.value.tabell == TABELL
    assert str(caught.value).isprintable()
    assert "plankilder" not in str(caught.value)
    assert not list((mappe / TABELL).glob("*.gz"))  # nothing of it is kept
    return caught.value


def html(handler: Handler) -> None:
    handler.send(b"<!DOCTYPE html><title>Vedlikehold</title>", "text/html")


def truncated(handler: Handler) -> None:
    handler.send(b'{"version": "2.0", "id": ["Region"')


def empty_500(handler: Handler) -> None:
    handler.send(b"", status=500)


def elsewhere(handler: Handler) -> None:
    handler.send(b"", status=302, Location="https://example.org/tables")


def same_host(handler: Handler) -> None:
    handler.send(b"", status=307, Location="/v3/tables/06913/data")


def cut_off(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"version"')
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def other_codes(handler: Handler) -> None:
    handler.json(Bord().dataset({"Region": ["0301"], "ContentsCode": ["Folkemengde"], "Tid": ["2022"]}))


def one_variable_more(handler: Handler) -> None:
    bord = Bord()
    chosen = {n: c[:1] if n in {"Kjonn", "ContentsCode"} else c for n, c in bord.variabler.items()}
    handler.json(bord.dataset(chosen))


@pytest.mark.parametrize(
    ("status", "title", "kind"),
    [
        (400, "Non-existent variable", UnknownVariableError),
        (400, "Non-existent value", UnknownCodeError),
        (400, "Non-existent codelist", UnknownVariableError),
        (400, "Missing selection for mandantory variable", UnknownVariableError),
        (400, "Too many cells selected", TooManyCellsError),
        (400, "Illegal selection expression", UnknownCodeError),
        (400, "Something new", StatistikkError),
        (404, "Non-existent table", UnknownTableError),
        (403, "The query resulted in cells that exceed the number of allowed", TooManyCellsError),
    ],
)
def test_what_ssb_refuses_is_said_in_its_words_and_asked_once(upstream, tmp_path, status, title, kind):
    error = failing(upstream, lambda h: refuse(h, status, title), tmp_path)
    assert type(error) is kind
    assert error.tittel == title
    assert title in str(error)
    assert title in error.grunn
    assert "config/statistikk.toml" in str(error)
    assert sum("/data" in a.path for a in upstream.asked) == 1


@pytest.mark.parametrize(
    ("fault", "kind", "words", "asked"),
    [
        (html, BadAnswerError, "an HTML page: Vedlikehold. Asked 3 times", 3),
        (truncated, BadAnswerError, "no JSON", 3),
        (empty_500, NoAnswerError, "HTTP 500. It says nothing. Asked 3 times", 3),
        (elsewhere, StatistikkError, "Redirects are not followed", 1),
        pytest.param(same_host, StatistikkError, "Redirects are not followed", 1, marks=pytest.mark.long),
        (cut_off, NoAnswerError, "connection failed", 3),
        (other_codes, BadAnswerError, "06913, Region: asked for 3 codes, and got 1", 1),
        (one_variable_more, BadAnswerError, "06913, Kjonn: asked for 0 codes, and got 1", 1),
        (lambda h: h.json({"error": "none"}), BadAnswerError, "no json-stat2", 1),
        (lambda h: h.send(b"", status=401), StatistikkError, "HTTP 401", 1),
    ],
)
def test_answers_of_no_use(upstream, tmp_path, klokke, fault, kind, words, asked):
    error = failing(upstream, fault, tmp_path, klokke)
    assert type(error) is kind
    assert words in str(error)
    assert sum("/data" in a.path for a in upstream.asked) == asked
    assert len(klokke.sov_s) == asked - 1


def test_an_oversized_answer_is_refused(upstream, tmp_path):
    error = failing(upstream, lambda h: h.send(b" " * 20_000), tmp_path, rules=regler(maks_mb=0.01))
    assert "more than 10000 bytes" in str(error)
    assert isinstance(error, BadAnswerError)


def test_a_fault_that_passes_costs_only_time(upstream, tmp_path, klokke):
    bord, faults = Bord(), [empty_500, html]

    def answer(handler: Handler) -> None:
        (faults.pop() if faults and "/data" in handler.path else bord)(handler)

    upstream.answer = answer
    with klient(upstream.url, tmp_path, klokke) as ssb:
        assert len(ssb.hent(TABELL, ALT)) == 9
        assert ssb.foresporsler == 4
    assert klokke.sov_s == [2.0, 4.0]


def test_a_drip_ends_in_time_and_is_not_asked_again(upstream, tmp_path):
    def drip(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not upstream.gone.wait(0.02):
            handler.wfile.write(b" ")

    upstream.answer = drip
    before = time.monotonic()
    with klient(upstream.url, tmp_path, rules=regler(maks_sekunder=0.2)) as ssb:
        with pytest.raises(NoAnswerError, match=r"06913: .* not done within 0.2 s"):
            ssb.metadata(TABELL)
        with pytest.raises(NoAnswerError, match="07459: not asked, since SSB had fallen silent"):
            ssb.metadata("07459")
        assert ssb.foresporsler == 1
    assert time.monotonic() - before < 60  # else it would drip until the test ends it


def test_nobody_listens(tmp_path, klokke):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with klient(url, tmp_path, klokke) as ssb:
            with pytest.raises(NoAnswerError, match=r"06913.*connection failed.*Asked 3 times"):
                ssb.metadata(TABELL)
            with pytest.raises(NoAnswerError, match="fallen silent"):
                ssb.metadata("07459")
            assert ssb.foresporsler == 3


# --- 429 ---


def busy(times: int, **headers: str) -> Answer:
    bord, left = Bord(), [times]

    def answer(handler: Handler) -> None:
        if left[0] > 0:
            left[0] -= 1
            refuse(handler, 429, "Too many requests", **headers)
        else:
            bord(handler)

    return answer


@pytest.mark.parametrize(
    ("headers", "waits"), [({}, 60.0), ({"Retry-After": "17"}, 17.0), ({"Retry-After": "x"}, 60.0)]
)
@pytest.mark.parametrize("med_takt", [pytest.param(False, marks=pytest.mark.long), True])
def test_a_429_is_rested_out(upstream, tmp_path, klokke, headers, waits, med_takt):
    upstream.answer = busy(1, **headers)
    with klient(upstream.url, tmp_path, klokke, med_takt=med_takt) as ssb:
        ssb.metadata(TABELL)
    assert klokke.s - 1_000_000 == waits
    assert len(upstream.asked) == 2


def test_other_processes_heed_a_429(upstream, tmp_path, klokke):
    upstream.answer = busy(1, Retry_After="100")
    once = regler(forsoek=1)
    with klient(upstream.url, tmp_path, klokke, med_takt=True, rules=once) as ssb, pytest.raises(RateLimitError):
        ssb.metadata(TABELL)
    assert klokke.s == 1_000_000
    with klient(upstream.url, tmp_path, klokke, med_takt=True) as other:
        other.metadata(TABELL)
    assert klokke.s == 1_000_100


def test_a_429_that_does_not_end_ends_the_run(upstream, tmp_path, klokke):
    upstream.answer = busy(99)
    with klient(upstream.url, tmp_path, klokke, med_takt=True) as ssb:
        with pytest.raises(RateLimitError, match=r"06913.*HTTP 429.*'Too many requests'.*Asked 3 times"):
            ssb.metadata(TABELL)
        with pytest.raises(RateLimitError, match="07459: not asked"):
            ssb.metadata("07459")
    assert len(upstream.asked) == 3


def test_a_retry_after_of_an_hour_is_not_waited_for(upstream, tmp_path, klokke):
    upstream.answer = busy(99, Retry_After="3600")
    with klient(upstream.url, tmp_path, klokke, med_takt=True) as ssb, pytest.raises(RateLimitError) as caught:
        ssb.metadata(TABELL)
    assert "asks for 3600 s of patience. Asked once" in str(caught.value)
    assert klokke.s == 1_000_000


# --- the disk serves ---


@pytest.mark.parametrize(
    "fault",
    [
        html,
        empty_500,
        *(pytest.param(fault, marks=pytest.mark.long) for fault in (truncated, elsewhere, cut_off, busy(99))),
    ],
)
def test_what_lies_on_disk_is_served_when_ssb_fails(upstream, tmp_path, klokke, fault, caplog):
    upstream.answer = Bord()
    with klient(upstream.url, tmp_path, klokke) as ssb:
        first = ssb.hent(TABELL, ALT)
    klokke.s += 48 * 3600
    upstream.answer = fault
    with klient(upstream.url, tmp_path, klokke) as ssb:
        assert ssb.hent(TABELL, ALT).equals(first)
        henting = ssb.henting(TABELL)
    assert henting.svar == "lager"
    assert henting.grunn.startswith("SSB 06913: ")
    assert henting.hentet == klokke.start
    assert "What was fetched 2026-03-02 is used" in caplog.text


def test_a_table_that_is_gone_is_not_served_from_disk(upstream, tmp_path, klokke):
    upstream.answer = Bord()
    with klient(upstream.url, tmp_path, klokke) as ssb:
        ssb.hent(TABELL, ALT)
    klokke.s += 48 * 3600
    upstream.answer = lambda h: refuse(h, 404, "Non-existent table")
    with klient(upstream.url, tmp_path, klokke) as ssb, pytest.raises(UnknownTableError, match="withdrawn"):
        ssb.hent(TABELL, ALT)


# --- words ---

REGION = Variabel("06913", "Region", "region", {"3207": "Nordre Follo", "3218": "Ås"}, True)
TABLE = Metadata("06913", "06913: Befolkning", "1", {"Region": REGION})


def test_labels_are_checked_in_any_case_one_alternative_is_enough():
    assert TABLE.krev_variabel("Region", "REGION").krev_kode("3218", "sås|ås") == "Ås"


@pytest.mark.parametrize(
    ("check", "kind", "words"),
    [
        (lambda: TABLE.krev_variabel("Tid"), UnknownVariableError, "no variable 'Tid'. It has 'Region'"),
        (lambda: TABLE.krev_variabel("Region", "alder"), ChangedLabelError, "variable 'Region' is called 'region'"),
        (lambda: REGION.krev_kode("3217"), UnknownCodeError, "Region: no code '3217'. It has '3218', '3207'"),
        (lambda: REGION.krev_kode("9", "follo"), UnknownCodeError, "'follo' stands at '3207'"),
        (lambda: REGION.krev_kode("3218", "oslo"), ChangedLabelError, "Region: code '3218' is called 'Ås', not 'oslo'"),
        (lambda: REGION.krev_kodeliste("agg"), UnknownVariableError, "no code list 'agg'. It has none"),
    ],
)
def test_what_a_table_does_not_have_is_named_with_what_it_has(check, kind, words):
    with pytest.raises(kind) as caught:
        check()
    assert words in str(caught.value)
    assert "SSB 06913" in str(caught.value)
    assert "config/statistikk.toml" in str(caught.value)


def test_of_many_codes_a_few_are_shown():
    said = nearest("3207", [f"{n:04d}" for n in range(100_000)])
    assert said.endswith("and 99997 more.")
    assert len(said) < 100


def test_hostile_codes_stay_one_line():
    evil = Variabel("06913", "Region", "region", {"a\nb\x1b[31m" + "x" * 9_999: ""}, True)
    with pytest.raises(UnknownCodeError) as caught:
        evil.krev_kode("3207")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    "error",
    [
        UnknownCodeError("message", "06913", "Region", "Non-existent value"),
        QuietHoursError("message", "06913", datetime(2026, 3, 3, 8, 20, tzinfo=UTC)),
    ],
)
def test_errors_cross_processes(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.__dict__, again.grunn) == (
        type(error),
        "message",
        error.__dict__,
        error.grunn,
    )


def test_each_reason_is_norwegian_and_one_line():
    kinds = [StatistikkError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    assert len({k.aarsak for k in kinds}) == len(kinds) - 1  # that of quiet hours says until when
    assert json.dumps([k.aarsak for k in kinds], ensure_ascii=False).isprintable()
    assert UnknownCodeError("m", "06944", "HusholdType", "Non-existent value").grunn == (
        "SSB 06944 HusholdType: koden finnes ikke (Non-existent value)"
    )


def test_two_threads_share_the_pace_of_one_folder(upstream, tmp_path, klokke):
    upstream.answer = Bord()
    lock = threading.Lock()

    def run(n: int) -> None:
        with klient(upstream.url, tmp_path, klokke, med_takt=True, ferskt=True) as ssb:
            ssb.hent(TABELL, [Valgt("Region", ("0301",)), *ALT[1:]])
            with lock:
                done.append(n)

    done: list[int] = []
    threads = [threading.Thread(target=run, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 1, 2, 3]
    assert len(json.loads((tmp_path / "takt.json").read_text().split("\n")[0])["slots"]) == len(upstream.asked)

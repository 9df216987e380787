"""The guide carried out in a local Airtable: its formulas and views show what a plain computation says they mean."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyairtable import Api, Base

from config.base import BaseRegister
from tasks.crm.client import calls_of
from tasks.crm.skjema.haandoppsett import make_by_hand, with_ids
from tasks.crm.skjema.ids import as_memory, read_schema, resolve
from tasks.crm.skjema.oppsett import differences, setup
from tasks.errors import ConfigError
from tasks.sandbox.airtable import AirtableServer
from tests.crm.skjema.fasit_haand import FELT, VISNING, Rad, verdi
from tests.crm.skjema.haandbase import Innhold, hold_stages, ids, move, post, trekk
from tests.crm.skjema.skjemaer import REGISTER, connected, settings_of

NAA = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
DAGER = (
    NAA,
    *(datetime(*day, 9, 30, tzinfo=UTC) for day in ((2026, 3, 29), (2026, 10, 26), (2027, 1, 1), (2028, 2, 29))),
)
"""Today, and days at the turn of the clock, the year and February."""
GIR = {(f.tabell, f.navn): f.gir for f in REGISTER.formel}
FELTNAVN = list(GIR)
VISNINGSNAVN = [(v.tabell, v.navn) for v in REGISTER.visning]


class Verden:
    """A local Airtable whose clock is set, and an API pointed at it that answers fields by name."""

    def __init__(self, server: AirtableServer, api: Api, klokke: list[datetime]) -> None:
        self.server, self.api, self._klokke = server, api, klokke
        self.settings = settings_of(server.url)

    def base(self) -> Base:
        """Make a base as `tomt base setup` does."""
        base, _ = setup(self.api, None, REGISTER, {}, settings=self.settings)
        return base

    def at(self, naar: datetime) -> None:
        """Set the clock."""
        self._klokke[0] = naar


@contextmanager
def verden_i(folder: Path) -> Iterator[Verden]:
    klokke = [NAA]
    with ExitStack() as stack:
        server = AirtableServer(folder, token="pat-for-tests", rate_limit_per_s=0, now=lambda: klokke[0])
        stack.enter_context(server)
        api = stack.enter_context(connected(settings_of(server.url)))
        api.use_field_ids = False
        yield Verden(server, api, klokke)


@pytest.fixture(scope="module")
def verden(tmp_path_factory) -> Iterator[Verden]:
    with verden_i(tmp_path_factory.mktemp("airtable")) as verden:
        yield verden


@dataclass
class Svar:
    """What a base answers, beside what was put there.

    Attributes
    ----------
    rader
        Table → record id → fields.
    visninger
        Table and view → record ids, in order.
    """

    base: Base
    naa: datetime
    linjer: list[str]
    innhold: Innhold
    rader: dict[str, dict[str, dict[str, Any]]]
    visninger: dict[tuple[str, str], list[str]]


def ask(verden: Verden, random: Random, *, tomter: int, naa: datetime = NAA) -> Svar:
    """Make a base by hand, fill it, move some lots a week later, and list every table and view once."""
    first, then = naa - timedelta(days=10), naa - timedelta(days=3)
    verden.at(first)
    base = verden.base()
    linjer = make_by_hand(base, REGISTER)
    innhold = trekk(random, REGISTER, idag=naa.date(), tomter=tomter)
    held = hold_stages(random, innhold, first=first, then=then)
    post(base, innhold, REGISTER)
    verden.at(then)
    move(base, held)
    verden.at(naa)
    rader = {navn: {r["id"]: r["fields"] for r in base.table(navn).all()} for navn in innhold}
    visninger = {
        (v.tabell, v.navn): [
            r["id"] for r in base.table(v.tabell).all(view=v.navn, fields=[REGISTER.primary(v.tabell)])
        ]
        for v in REGISTER.visning
    }
    return Svar(base, naa, linjer, innhold, rader, visninger)


@pytest.fixture(scope="module")
def svar(verden) -> Svar:
    return ask(verden, Random(110), tomter=80)  # a draw with rows in every view


# --- what is shown -----------------------------------------------------------------------------------------------


def test_every_field_and_view_of_the_guide_has_a_plain_computation():
    assert set(FELTNAVN) - set(FELT) == set()
    assert set(VISNINGSNAVN) - set(VISNING) == set()


def named(pairs: list[tuple[str, str]], sign: str) -> Any:
    return pytest.mark.parametrize("navn", pairs, ids=[sign.join(pair) for pair in pairs])


@named(FELTNAVN, ".")
def test_a_computed_field_shows_what_it_means(svar, navn):
    assert unlike(svar, *navn) == []


@named(VISNINGSNAVN, "/")
def test_a_view_shows_the_rows_it_is_for_in_its_order(svar, navn):
    assert svar.visninger[navn] == ids(VISNING[navn].rader(svar.innhold[navn[0]], svar.naa.date()))


def test_the_made_up_base_is_no_easy_one(svar):
    for tabell, navn in VISNINGSNAVN:
        assert svar.visninger[tabell, navn], f"{tabell}/{navn} is empty"
    for tabell, navn in FELTNAVN:
        shown = {str(plain(verdi(r, navn, svar.naa.date()), GIR[tabell, navn])) for r in svar.innhold[tabell]}
        assert len(shown) > 1, f"{tabell}.{navn} is the same everywhere"
    tomter = svar.rader["Tomter"].values()
    assert {t.get("Frist") for t in tomter} == {None, "Forfalt", "I dag", "Innen en uke", "Senere"}
    assert {t["Temperatur"] for t in tomter} == {
        "Borte", "Hviler", "Varm", "Lunken", "Kald", "Urørt", "Ikke registrert",
    }  # fmt: skip


@pytest.mark.long
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), tomter=st.integers(6, 80), naa=st.sampled_from(DAGER))
def test_any_base_shows_what_its_fields_and_views_mean(verden, seed, tomter, naa):
    svar = ask(verden, Random(seed), tomter=tomter, naa=naa)
    for navn in FELTNAVN:
        assert unlike(svar, *navn) == [], navn
    for navn in VISNINGSNAVN:
        test_a_view_shows_the_rows_it_is_for_in_its_order(svar, navn)


def unlike(svar: Svar, tabell: str, navn: str) -> list[tuple[str, Any, Any]]:
    """Return record id, value and what it should be, of every row of which a field shows something else."""
    gir = GIR[tabell, navn]
    found = []
    for rad in svar.innhold[tabell]:
        given, wanted = svar.rader[tabell][rad.id].get(navn), verdi(rad, navn, svar.naa.date())
        if read(given, gir) != plain(wanted, gir):
            found.append((rad.id, given, plain(wanted, gir)))
    return found


def read(given: Any, gir: str) -> Any:
    """Return a cell as answered, in the form that `plain` gives."""
    if gir == "date" and given is not None:
        moment = datetime.fromisoformat(given)
        return moment if moment.tzinfo else datetime.combine(moment.date(), time(), UTC)
    if gir == "list":
        return sorted(set(given or ()))
    return (given or "") if gir == "text" else given["id"] if gir == "person" and given else given


def plain(wanted: Any, gir: str) -> Any:
    """Return what is wanted in a form to compare: records by id, lists of texts as one where one is shown."""
    if gir == "list":
        return sorted({w.id if isinstance(w, Rad) else w for w in wanted})
    if gir == "text":
        return ", ".join(wanted) if isinstance(wanted, list) else wanted or ""
    return wanted


# --- making it ---------------------------------------------------------------------------------------------------


def test_what_is_made_is_what_the_guide_says_and_nothing_is_left(svar):
    assert differences(read_schema(svar.base), REGISTER, {}) == []


def test_it_is_made_once_in_the_order_of_the_guide(svar):
    made = [line for line in svar.linjer if not line.startswith("primary")]
    assert made == [f"field {t}.{n}" for t, n in FELTNAVN] + [f"view {t}/{n}" for t, n in VISNINGSNAVN]
    assert [line for line in svar.linjer if line.startswith("primary")] == [
        f"primary field {f.tabell}.{f.navn}" for f in REGISTER.formel if f.hovedfelt
    ]
    assert make_by_hand(svar.base, REGISTER) == []


def test_what_people_have_changed_is_left_and_what_is_gone_is_told(verden):
    base, register = verden.base(), some_of_it()
    memory = as_memory(resolve(read_schema(base), register, {}))
    fase = base.table("Tomter").schema().field("Fase")
    fase.name = "Stadium"
    fase.save()
    verden.server.hand.delete_field(base.id, "Mandater", "Til")
    verden.server.hand.add_view(base.id, "Kontroll", "kontroll")
    assert make_by_hand(base, register, memory) == [
        "field Tomter.Tittel",
        "primary field Tomter.Tittel",
        "field Tomter.Tittel og fase",
        "left out: field Mandater.Dager til utløp, for want of Til",
        "field Kontroll.Dager åpen",
        "view Tomter/Parkerte",
        "left out: view Mandater/Utløper snart, for want of Til",
    ]
    made = base.table("Tomter").schema(force=True).field("Tittel og fase")
    assert fase.id in made.options.formula
    verden.server.hand.delete_field(base.id, "Kontroll", "Dager åpen")
    again = make_by_hand(base, register, memory)
    assert [line for line in again if not line.startswith("left out")] == ["field Kontroll.Dager åpen"]


def some_of_it() -> BaseRegister:
    """Return the register with a few of its computed fields and views."""
    fields = {("Tomter", "Tittel"), ("Tomter", "Tittel og fase"), ("Mandater", "Dager til utløp")}
    fields |= {("Kontroll", "Dager åpen")}
    views = {("Tomter", "Parkerte"), ("Mandater", "Utløper snart"), ("Kontroll", "Kontroll")}
    return REGISTER.model_copy(
        update={
            "formel": tuple(f for f in REGISTER.formel if (f.tabell, f.navn) in fields),
            "visning": tuple(
                v.model_copy(update={"felt": v.felt[:1]}) for v in REGISTER.visning if (v.tabell, v.navn) in views
            ),
        }
    )


@pytest.mark.parametrize(
    ("formel", "wanted"),
    [
        ('IF({Navn}, "{Navn}", {Eier-id})', 'IF({fld1}, "{Navn}", {fld2})'),
        ("'it\\'s {Navn}' & {Navn}", "'it\\'s {Navn}' & {fld1}"),
        ('"\\"{Navn}" & {Eier-id}', '"\\"{Navn}" & {fld2}'),
        ("{a\\}b} & '{a\\}b}' & {Navn}", "{fld3} & '{a\\}b}' & {fld1}"),
        ("{Navn}", "{fld1}"),
    ],
)
def test_fields_stand_by_id_and_texts_are_left(formel, wanted):
    assert with_ids(formel, {"Navn": "fld1", "Eier-id": "fld2", "a}b": "fld3"}.__getitem__) == wanted


def test_a_server_that_is_not_the_local_airtable_is_left_alone():
    """Another host is not even asked; one on this machine is asked for its name and nothing else."""
    with other_server() as (url, asked), connected(settings_of(url)) as api:
        with pytest.raises(ConfigError, match="not the local Airtable"):
            make_by_hand(api.base("appAndreBaser0000"), REGISTER)
        assert asked == ["/health"]
    elsewhere = settings_of("http://127.0.0.1").model_copy(update={"airtable_url": "https://api.airtable.com"})
    with connected(elsewhere) as api:
        with pytest.raises(ConfigError, match=r"^api\.airtable\.com is not the local Airtable"):
            make_by_hand(api.base("appAndreBaser0000"), REGISTER)
        assert calls_of(api) == 0


@contextmanager
def other_server() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine that answers everything, and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = json.dumps({"status": "ok", "product": "another"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()

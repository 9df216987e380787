"""The memory of a base: what is in flight, what is confirmed, what it costs, and what a kill leaves of it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys

import pytest

from tasks.crm.sync.state import BaseState
from tasks.errors import StoreError
from tasks.store import Geodata


@pytest.fixture
def state(tmp_path) -> BaseState:
    return BaseState(Geodata(tmp_path), "appPRØVE")


def test_nothing_is_known_of_what_was_never_sent(state):
    assert state.sent("Tomter", ["a"]) == {}
    assert state.calls("2026-11") == 0
    assert state.counts() == ({}, None)
    assert not state.folder.exists()  # asking makes nothing


def test_a_row_is_in_flight_until_it_is_answered(state):
    state.plan("Tomter", [("a", {"Score": "s1", "Kart": "k1"}), ("b", {"Score": "s1"})], new={"a"})
    flying = state.sent("Tomter", ["a", "b", "c"])
    assert set(flying) == {"a", "b"}
    assert (flying["a"].post, flying["a"].er_ny, flying["b"].er_ny) == (None, True, False)
    assert flying["a"].may_be("Score", "s1")
    assert not flying["a"].may_be("Score", "s2")
    state.confirm("Tomter", {"a": "recA"}, calls=3, month="2026-11")
    found = state.sent("Tomter", ["a", "b"])
    assert (found["a"].post, found["a"].underveis, found["a"].er_ny) == ("recA", None, False)
    assert found["b"].underveis is not None
    assert state.calls("2026-11") == 3


def test_a_change_of_some_fields_leaves_what_is_known_of_the_others(state):
    state.plan("Tomter", [("a", {"Score": "s1", "Kart": "k1"})])
    state.confirm("Tomter", {"a": "recA"})
    state.plan("Tomter", [("a", {"Score": "s2"})])
    between = state.sent("Tomter", ["a"])["a"]
    assert between.may_be("Score", "s1")
    assert between.may_be("Score", "s2")
    state.confirm("Tomter", {"a": "recA"})
    after = state.sent("Tomter", ["a"])["a"]
    assert not after.may_be("Score", "s1")
    assert after.may_be("Kart", "k1")
    assert not after.may_be("Kart", "k2")
    assert after.may_be("Ny kolonne", "hva som helst")  # never sent: nobody can tell


def test_what_still_lacks_its_first_values_stays_so_through_another_plan(state):
    state.plan("Tomter", [("a", {"Score": "s1"})], new={"a"})
    state.plan("Tomter", [("a", {"Score": "s2"})])
    assert state.sent("Tomter", ["a"])["a"].er_ny


def test_tables_keep_apart_and_many_keys_are_found(state):
    state.plan("Tomter", ((f"k{n}", {"f": "x"}) for n in range(1234)))
    state.plan("Områder", [("k1", {"f": "y"})])
    assert len(state.sent("Tomter", [f"k{n}" for n in range(2000)])) == 1234
    assert state.sent("Områder", ["k1"])["k1"].may_be("f", "y")


def test_calls_and_records_are_counted(state):
    state.add_calls(5, "2026-11")
    state.add_calls(2, "2026-11")
    state.add_calls(1, "2026-12")
    assert (state.calls("2026-11"), state.calls("2026-12")) == (7, 1)
    state.keep_counts({"Tomter": 10, "Kontroll": 0}, "2026-11-21")
    state.add_records("Tomter", 4)
    assert state.counts() == ({"Tomter": 14, "Kontroll": 0}, "2026-11-21")
    state.keep_counts({"Tomter": 15, "Kontroll": 1}, "2026-11-22")
    assert state.counts() == ({"Tomter": 15, "Kontroll": 1}, "2026-11-22")


def test_a_base_that_does_not_exist_remembers_nothing(tmp_path):
    nobody = BaseState(Geodata(tmp_path), None)
    assert nobody.sent("Tomter", ["a"]) == {}
    nobody.add_calls(3, "2026-11")
    with pytest.raises(StoreError, match="no base yet"):
        nobody.plan("Tomter", [("a", {})])


def test_a_damaged_memory_says_what_to_do(state):
    state.add_calls(1, "2026-11")
    state.close()
    (state.folder / "hukommelse.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="move it away"):
        state.calls("2026-11")


WRITER = """
import sys
from tasks.crm.sync.state import BaseState
from tasks.store import Geodata
state = BaseState(Geodata(sys.argv[1]), "app1")
for n in range(100000):
    state.plan("Tomter", [(f"k{n}", {"f": "x"})])
    state.confirm("Tomter", {f"k{n}": f"rec{n}"})
    print(n, flush=True)
"""


def test_what_was_confirmed_is_there_after_a_kill(tmp_path):
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        last = [child.stdout.readline() for _ in range(25)][-1]
        os.kill(child.pid, signal.SIGKILL)
    state = BaseState(Geodata(tmp_path), "app1")
    found = state.sent("Tomter", [f"k{n}" for n in range(int(last) + 1)])
    assert len(found) == int(last) + 1
    assert all(sent.post is not None and sent.underveis is None for sent in found.values())
    with sqlite3.connect(state.folder / "hukommelse.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()

"""Raw purposes of reguleringsplaner → contract frame, by worked examples."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.answer import Empty, NotCovered, Rows
from tasks.contracts import REGULERINGSFORMAAL
from tasks.sources import flat
from tasks.sources.core import read_core
from tasks.sources.formaal import reguleringsformaal
from tasks.sources.numre import Numre
from tasks.sources.planrader import Result

from .conftest import CONTENT_CRS, Env, Handler, ask, failed, feature, has, square

NUMRE = Numre("3207", frozenset({"3207"}), {"0217": ("3207",)})


def formaal(lokal_id: str | None = "f1", x: float = 0.0, **properties: Any) -> dict[str, Any]:
    base = {
        "objekttypenavn": "RpArealformålOmråde",
        "identifikasjon.lokalId": lokal_id,
        "arealplanId.kommunenummer": "3207",
        "arealplanId.planidentifikasjon": "P1",
        "arealformål": "1110",
        "vertikalnivå": "2",
    }
    return {"type": "Feature", "geometry": square(260_000 + x, 6_640_000), "properties": base | properties}


def mapped(*features: dict[str, Any]) -> Result:
    frame, account = reguleringsformaal(flat.frame(features, epsg=25833, where="x"), NUMRE, manglende_nivaa="2")
    REGULERINGSFORMAAL.check(frame)
    assert account.inn - sum(d.antall for d in account.utelatt.values()) == account.ut == len(frame)
    return frame, account


def test_a_purpose() -> None:
    frame, _ = mapped(formaal())
    assert frame.drop(columns="geometry").to_dict("records") == [
        {
            "formaal_id": "f1",
            "objekttype": "RpArealformålOmråde",
            "kode": "1110",
            "plan_id": "3207_P1",
            "vertikalnivaa": "2",
        }
    ]


def test_each_type_reads_the_code_of_its_own_list() -> None:
    # one layer of an export: 0 stands in the column that does not apply
    old = formaal("b", objekttypenavn="RBFORMALOMRADE", arealformål=0, reguleringsformål=130.0)
    new = formaal("a", x=200, reguleringsformål="0")
    frame, _ = mapped(old, new)
    assert frame[["objekttype", "kode"]].to_numpy().tolist() == [
        ["RpArealformålOmråde", "1110"],
        ["RbFormålOmråde", "130"],
    ]


@pytest.mark.parametrize(("said", "read"), [(None, "2"), ("", "2"), ("1", "1"), (3.0, "3"), ("under grunnen", "1")])
def test_a_missing_level_is_the_ground_and_another_stays(said: Any, read: str) -> None:
    frame, account = mapped(formaal(vertikalnivå=said))
    assert frame["vertikalnivaa"].to_list() == [read]
    assert account.merknader == ({} if said else {"uten vertikalnivå": 1})


def test_a_missing_code_is_kept_as_missing_and_noted() -> None:
    frame, account = mapped(formaal(arealformål=None), formaal("f2", x=200, arealformål="9999"))
    assert frame["kode"].to_list() == [None, "9999"]
    assert account.merknader == {"uten formålskode": 1}


def test_plans_keep_the_key_of_their_extent() -> None:
    moved = formaal(**{"arealplanId.kommunenummer": "0217", "arealplanId.planidentifikasjon": "2026/02282"})
    assert mapped(moved)[0]["plan_id"].to_list() == ["3207_2026/02282"]


def test_what_is_dropped_is_counted_and_ids_become_unique() -> None:
    rows = [formaal(), formaal(), formaal(x=400), formaal("g") | {"geometry": None}, formaal(None, x=600)]
    other = formaal("h", objekttypenavn="RpOmråde")
    frame, account = mapped(*rows, other)
    assert account.inn == 5
    assert {r: (d.antall, d.ider) for r, d in account.utelatt.items()} == {
        "uten geometri": (1, ("g",)),
        "nøyaktig dobbel": (1, ("f1",)),
    }
    assert frame["formaal_id"].is_unique
    turned, _ = mapped(*rows[::-1], other)
    assert turned.to_wkb().equals(frame.to_wkb())


def test_no_rows() -> None:
    frame, _ = reguleringsformaal(flat.concat([], epsg=25833), NUMRE, manglende_nivaa="2")
    assert frame.empty
    REGULERINGSFORMAAL.check(frame)


# --- from the source ---


def serve(env: Env, collections: tuple[str, ...] = ("rparealformalomrade", "rbformalomrade"), **found: Any) -> None:
    def answer(h: Handler) -> None:
        if h.path.endswith("/collections"):
            return h.json({"collections": [{"id": one} for one in collections]})
        features = next((rows for name, rows in found.items() if name in h.path), [])
        return h.json({"features": features, "numberMatched": len(features)}, **CONTENT_CRS)

    env[0].answer = answer


def test_both_layers_are_read_and_the_layer_names_the_type(env: Env) -> None:
    plain = feature(1, objekttypenavn=None, reguleringsformål="410")
    serve(env, rbformal=[plain], rparealformal=[feature(2, objekttypenavn="RpArealformålOmråde", arealformål="3001")])
    rows = ask(env, "reguleringsformaal")
    assert isinstance(rows, Rows)
    (account,) = read_core(env[3], {"reguleringsformaal": rows}, geodata=env[2])
    assert (account.inn, account.ut) == (2, 2)
    frame = env[2].read("0099", layer="core", contract=REGULERINGSFORMAAL)
    assert frame is not None
    assert set(zip(frame["objekttype"], frame["kode"], strict=True)) == {
        ("RbFormålOmråde", "410"),
        ("RpArealformålOmråde", "3001"),
    }


def test_a_missing_layer_is_named(env: Env) -> None:
    serve(env, collections=("rpomrade", "rparealformalomrade"))
    assert "the layers RbFormålOmråde are missing" in failed(env, "reguleringsformaal")


def test_plans_without_purposes_have_none_until_they_had_some(env: Env) -> None:
    serve(env)
    hittil = has("nap_reguleringsplan", "reguleringsplan")
    assert isinstance(ask(env, "reguleringsformaal"), NotCovered)  # nothing shows that the kommune is there
    empty = ask(env, "reguleringsformaal", hittil=hittil)
    assert isinstance(empty, Empty)
    read_core(env[3], {"reguleringsformaal": empty}, geodata=env[2])
    frame = env[2].read("0099", layer="core", contract=REGULERINGSFORMAAL)
    assert frame is not None
    assert frame.empty
    serve(env, rparealformal=[feature(1, objekttypenavn="RpArealformålOmråde", arealformål="3001")])
    assert isinstance(ask(env, "reguleringsformaal", hittil=hittil), Rows)
    serve(env)
    again = ask(env, "reguleringsformaal", hittil=hittil)
    assert isinstance(again, Rows)  # what it brought last, until a person has said that nothing is right
    assert again.holdt is not None

"""The local Klass and the local valgresultat.no."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.registers import kommuner
from config.statistikk import statistikk
from tasks.sandbox.statistikk import klass, valg
from tasks.sandbox.statistikk.valgtall import resultater

REAL = Path(__file__).parents[4] / "shared" / "data" / "klass" / "klass_131_changetables.json"


def ask(client: httpx.Client, what: str, **params: str) -> httpx.Response:
    return client.get(f"{klass.PREFIX}/classifications/131/{what}", params=params)


@pytest.mark.parametrize("what", ["codesAt", "codesAt.json"])
def test_kommuner_of_a_date(client: httpx.Client, what: str) -> None:
    codes = ask(client, what, date="2026-01-01").json()["codes"]
    names = {one["code"]: one["name"] for one in codes}
    assert set(names) == {k.nummer for k in kommuner(sandbox=True)} | {"9999"}
    assert names["0099"] == "Tomtevik (oppdiktet)"
    before = {one["code"] for one in ask(client, what, date="2019-12-31").json()["codes"]}
    assert {"0217", "0098", "1850"} <= before
    assert not {"3207", "3020", "0099"} & before


@pytest.mark.parametrize("what", ["changes", "changes.json"])
def test_changes(client: httpx.Client, what: str) -> None:
    every = ask(client, what, **{"from": "2000-01-01"}).json()["codeChanges"]
    some = ask(client, what, **{"from": "2020-01-02", "to": "2024-01-02"}).json()["codeChanges"]
    assert len(every) > 520
    assert {c["changeOccurred"] for c in some} == {"2022-01-01", "2023-01-01", "2024-01-01"}
    split = [(c["oldCode"], c["newCode"], c["newName"]) for c in some if c["oldCode"] == "1507"]
    assert split == [("1507", "1508", "Ålesund"), ("1507", "1580", "Haram")]
    none = ask(client, what, **{"from": "2024-01-02", "to": "2026-01-01"}).json()["codeChanges"]
    assert none == []
    bounds = ask(client, what, **{"from": "2023-01-01", "to": "2024-01-01"}).json()["codeChanges"]
    assert {c["changeOccurred"] for c in bounds} == {"2023-01-01"}


def test_changes_are_those_of_the_register(client: httpx.Client) -> None:
    if not REAL.exists():
        pytest.skip("the register's own file is not here")
    real = json.loads(REAL.read_text("utf-8"))["codeChanges"]
    mine = ask(client, "changes", **{"from": "2000-01-01"}).json()["codeChanges"]
    keys = ("changeOccurred", "oldCode", "oldName", "newCode", "newName")
    invented = {"0098", "7091", "7092"}
    assert {tuple(c[k].strip() for k in keys) for c in mine if c["oldCode"] not in invented} == {
        tuple(c[k].strip() for k in keys) for c in real if c["changeOccurred"] >= "2000"
    }
    assert set(real[0]) == set(mine[0])


@pytest.mark.parametrize(
    ("what", "params", "status"),
    [
        ("codesAt", {}, 400),
        ("codesAt", {"date": "1. januar"}, 400),
        ("codesAt", {"date": "1990-01-01"}, 400),
        ("changes", {"to": "2020-01-01"}, 400),
        ("changes", {"from": "2021-01-01", "to": "2020-01-01"}, 400),
        ("variants", {}, 404),
    ],
)
def test_klass_refuses(client: httpx.Client, what: str, params: dict[str, str], status: int) -> None:
    answer = ask(client, what, **params)
    assert answer.status_code == answer.json()["status"] == status
    assert answer.headers["X-Oppdiktede-Tall"] == "ja"


def test_another_classification_is_not_here(client: httpx.Client) -> None:
    assert client.get(f"{klass.PREFIX}/classifications/104/codesAt?date=2024-01-01").status_code == 404


# --- elections ---


def related(client: httpx.Client, href: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/valgresultat/api" + href).json()["_links"]["related"]
    return found


def test_every_kommune_is_reached_by_links(client: httpx.Client) -> None:
    fylker = related(client, "/2023/ko")
    found = [one for fylke in fylker for one in related(client, fylke["href"])]
    assert {one["nr"] for one in found} == {k.nummer for k in kommuner(sandbox=True)}
    assert {one["navn"] for one in fylker if one["nr"] in {"00", "70"}} == {"Oppdiktet fylke"}
    earlier = [one["nr"] for fylke in related(client, "/2019/ko") for one in related(client, fylke["href"])]
    assert {"3020", "1507", "0099"} <= set(earlier)
    assert "3207" not in earlier
    assert set(statistikk().valg.aar) <= {2011, 2015, 2019, 2023}


@pytest.mark.parametrize("sti", ["2023/ko/32/3207", "2019/ko/30/3020", "2015/ko/02/0217", "2023/ko/00/0099"])
def test_a_result_adds_up(client: httpx.Client, sti: str) -> None:
    found = client.get(f"{valg.PREFIX}/{sti}").json()
    assert found["id"]["nr"] == sti[-4:]
    assert (found["id"]["valgtype"], found["id"]["valgaar"]) == ("ko", sti[:4])
    assert found["merknad"] == "Oppdiktede tall (lokal sandkasse)"
    lists = [p for p in found["partier"] if p["id"]["partikategori"] and p["id"]["partikode"] != "BLANKE"]
    assert sum(p["mandater"]["resultat"]["antall"] for p in lists) == found["mandater"]["antall"]
    assert sum(p["stemmer"]["resultat"]["prosent"] for p in lists) == pytest.approx(100, abs=0.01)
    votes = sum(p["stemmer"]["resultat"]["antall"]["total"] for p in found["partier"] if p["id"]["partikategori"])
    assert votes == found["stemmer"]["total"]
    assert 45 < found["frammote"]["prosent"] < 90


def test_a_summary_row_duplicates_lists(client: httpx.Client) -> None:
    wanted = {"INP", "LL1"}
    number = next(n for n, r in resultater(2023).items() if wanted <= {one.kode for one in r.lister if one.stemmer})
    partier = client.get(f"{valg.PREFIX}/2023/ko/{number[:2]}/{number}").json()["partier"]
    (row,) = [p for p in partier if p["id"]["partikode"].startswith("Andre")]
    small = [p for p in partier if p["id"]["partikategori"] in {2, 3} and p["id"]["partikode"] != "BLANKE"]
    assert row["mandater"]["resultat"]["antall"] == sum(p["mandater"]["resultat"]["antall"] for p in small)
    votes = [p["stemmer"]["resultat"]["antall"]["total"] for p in (row, *small)]
    assert votes[0] == sum(votes[1:])
    (blank,) = [p for p in partier if p["id"]["partikode"] == "BLANKE"]
    assert "mandater" not in blank


def test_the_country_leaves_the_invented_out(client: httpx.Client) -> None:
    real = [r for n, r in resultater(2023).items() if n not in {"0099", "7001", "7002"}]
    found = client.get(f"{valg.PREFIX}/2023/ko").json()
    assert found["mandater"]["antall"] == sum(r.mandater for r in real)
    votes = Counter({p["id"]["partikode"]: p["stemmer"]["resultat"]["antall"]["total"] for p in found["partier"]})
    assert votes["A"] == sum(one.stemmer for r in real for one in r.lister if one.kode == "A")


@pytest.mark.parametrize("sti", ["2022/ko", "x/ko", "2023/ko/3", "2023/ko/99", "2023/ko/32/0301", "2023/ko/32/3299"])
def test_what_is_no_election(client: httpx.Client, sti: str) -> None:
    assert client.get(f"{valg.PREFIX}/{sti}").status_code == 404


def test_votes_of_ssb_are_those_of_the_election(client: httpx.Client) -> None:
    asked = {"Region": "3207", "PolitParti": "*", "ContentsCode": "Godkjente", "Tid": "2019,2023"}
    params = {f"valueCodes[{name}]": its for name, its in asked.items()}
    found = client.get("/ssb/api/pxwebapi/v2/tables/01180/data", params=params).json()
    result = resultater(2023)["3207"]
    labour = found["dimension"]["PolitParti"]["category"]["index"]["01"]
    assert found["value"][2 * labour + 1] == next(one.stemmer for one in result.lister if one.kode == "A")
    assert sum(found["value"][1::2]) == result.godkjente
    assert found["status"]["0"] == "."  # 3207 did not exist in 2019

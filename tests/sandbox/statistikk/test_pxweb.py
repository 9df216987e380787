"""The local SSB answers as PxWebApi v2 does: shapes, codes, sums, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from config.registers import kommuner
from config.statistikk import Tabell, statistikk
from tasks.sandbox.statistikk.pxweb import PREFIX
from tests.sandbox.statistikk.conftest import Ssb

REAL = Path(__file__).parents[4] / "shared" / "data" / "pxwebapi_v2"
TABLES = statistikk().tabell


def params(**codes: str) -> dict[str, str]:
    return {f"valueCodes[{name}]": its for name, its in codes.items()}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.id)
def test_every_table_measure_and_code_of_the_configuration(ssb: Ssb, table: Tabell) -> None:
    found = ssb.get(f"/tables/{table.id}/metadata").json()
    dimension = found["dimension"]

    def label_of(variable: str, code: str) -> str:
        return str(dimension[variable]["category"]["label"][code])

    def holds(label: str, wanted: str) -> bool:
        return any(part in label.lower() for part in wanted.lower().split("|"))

    assert holds(found["label"], table.etikett)
    assert found["id"][0] == table.region
    assert found["id"][-2:] == ["ContentsCode", "Tid"]
    for measure in table.maal:
        assert holds(label_of("ContentsCode", measure.kode), measure.etikett)
    for choice in table.utvalg:
        assert holds(dimension[choice.variabel]["label"], choice.etikett)
        for code, label in choice.koder.items():
            assert holds(label_of(choice.variabel, code), label)
        for group in choice.grupper:
            for code in (*group.koder, *(c for c in (group.fra, group.til) if c)):
                assert label_of(choice.variabel, code)
    must = {name for name, one in dimension.items() if not one["extension"]["elimination"]}
    assert must <= {table.region, "ContentsCode", "Tid", *(c.variabel for c in table.utvalg)}
    if table.land not in {None, "sum"}:
        assert table.land in dimension[table.region]["category"]["label"]
    if table.kodeliste:
        assert table.kodeliste in {one["id"] for one in dimension[table.region]["extension"]["codelists"]}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.id)
def test_every_table_has_figures_of_all_kommuner(ssb: Ssb, table: Tabell) -> None:
    numbers = [k.nummer for k in kommuner(sandbox=True)]
    extra = {c.variabel: list(c.koder) or ["0?5"] if c.variabel == "Alder" else list(c.koder) for c in table.utvalg}
    extra |= {"BygnType": ["*"]} if "BygnType" in extra else {}
    asked = {table.region: numbers, **extra, "ContentsCode": [m.kode for m in table.maal], "Tid": ["top(1)"]}
    answer = ssb.data(table.id, **asked)
    values = np.array(answer["value"], dtype=float).reshape(answer["size"])
    there = ~np.isnan(values).all(axis=tuple(range(1, values.ndim)))
    # No such tax in some; numbers of 2024 in the last month of 2020.
    assert there.mean() > {"14674": 0.8, "10540": 0.6}.get(table.id, 0.98)
    assert all(values[k] is not None for k in range(len(numbers)))
    blanks = {str(k) for k in np.flatnonzero(np.isnan(values.ravel()))}
    assert set(answer.get("status", {})) == blanks
    assert set(answer.get("status", {}).values()) <= {".", "..", ":"}


@pytest.mark.parametrize("kind", ["data", "metadata"])
def test_an_answer_has_the_members_of_the_real_software(ssb: Ssb, kind: str) -> None:
    path = REAL / f"scb_TAB6471_{kind}.json"
    if not path.exists():
        pytest.skip("the software's own answers are not here")
    real = json.loads(path.read_text("utf-8"))
    asked = params(Region="0301", Alder="0*", ContentsCode="*", Tid="top(2)")
    mine = ssb.get(f"/tables/07459/{kind}", **(asked if kind == "data" else {})).json()
    assert set(real) <= set(mine)
    assert set(real["extension"]) <= set(mine["extension"])
    assert set(real["extension"]["px"]) <= set(mine["extension"]["px"])
    for name in ("Region", "Alder", "ContentsCode", "Tid"):
        members = set(real["dimension"][name]) - {"note"}
        assert members <= set(mine["dimension"][name])
        assert set(real["dimension"][name]["category"]) <= set(mine["dimension"][name]["category"])
        extension = set(real["dimension"][name]["extension"]) - {"noteMandatory", "eliminationValueCode"}
        assert extension <= set(mine["dimension"][name]["extension"])


def test_everything_says_that_it_is_invented(ssb: Ssb) -> None:
    paths = (
        "/config",
        "/tables",
        "/tables/07459",
        "/tables/07459/metadata",
        "/codelists/agg_KommSummer",
        "/tables/99999",
    )
    for path in paths:
        assert ssb.get(path).headers["X-Oppdiktede-Tall"] == "ja"
    data = ssb.data("06913", Region=["0301"], ContentsCode=["Folkemengde"], Tid=["2025"])
    for found in (data, ssb.get("/tables/06913").json(), ssb.get("/tables/06913/metadata").json()):
        assert found["source"] == "Oppdiktede tall (lokal sandkasse)"
        assert "(oppdiktet)" in found["label"]
    names = ssb.get("/tables/06913/metadata").json()["dimension"]["Region"]["category"]["label"]
    assert names["0099"] == "Tomtevik (oppdiktet)"


def test_ages_and_sexes_add_up_to_the_inhabitants(ssb: Ssb) -> None:
    where = {"Region": ["agg_KommSummer|*"], "Tid": ["top(3)"]}
    total = ssb.data("06913", ContentsCode=["Folkemengde"], **where)
    ages = ssb.data("07459", ContentsCode=["Personer1"], Kjonn=["*"], Alder=["*"], **where)
    left_out = ssb.data("07459", ContentsCode=["Personer1"], **where)
    assert total["size"] == left_out["size"] == [360, 1, 3]
    assert total["value"] == left_out["value"]
    by_age = np.array(ages["value"]).reshape(ages["size"]).sum(axis=(1, 2, 3))
    assert by_age.ravel().tolist() == total["value"]


def test_births_deaths_and_moves_make_the_growth(ssb: Ssb) -> None:
    parts = ["Folkemengde", "Fodte", "Dode", "Nettoinnflytting", "Folketilvekst"]
    answer = ssb.data("06913", Region=["agg_KommSummer|*"], ContentsCode=parts, Tid=["from(2024)"])
    people, born, dead, moved, growth = np.moveaxis(np.array(answer["value"], dtype=float).reshape(360, 5, 3), 1, 0)
    assert (np.diff(people, axis=1) == growth[:, :-1]).all()
    assert (born - dead + moved == growth)[:, :-1].all()
    assert np.isnan(growth[:, -1]).all()  # the year is not over


def test_old_numbers_add_up_to_the_merged_series(ssb: Ssb) -> None:
    """0213 and 0217 became 3020, and that 3207; outside its years a number has 0 inhabitants and no price."""
    asked = {"ContentsCode": ["Folkemengde"], "Tid": ["range(2018,2025)"]}
    raw = np.array(ssb.data("06913", Region=["0213", "0217", "3020", "3207"], **asked)["value"]).reshape(4, 8)
    merged = ssb.data("06913", Region=["agg_KommSummer|K-3207"], **asked)["value"]
    assert raw.sum(axis=0).tolist() == merged
    assert (raw > 0).tolist() == [[True] * 2 + [False] * 6] * 2 + [[False] * 2 + [True] * 4 + [False] * 2] + [
        [False] * 6 + [True] * 2
    ]
    price = {"Boligtype": ["01"], "ContentsCode": ["KvPris"], "Tid": ["2023", "2024"]}
    answer = ssb.data("06035", Region=["3020", "3207"], **price)
    assert answer["status"] == {"1": ".", "2": "."}
    assert answer["value"][1:3] == [None, None]
    assert answer["value"][0] > 0 < answer["value"][3]


def test_a_split_leaves_no_merged_series(ssb: Ssb) -> None:
    asked = {"ContentsCode": ["Folkemengde"], "Tid": ["2019", "2023", "2024"]}
    aalesund, haram = np.array(ssb.data("06913", Region=["agg_KommSummer|K-1508", "K-1580"], **asked)["value"]).reshape(
        2, 3
    )
    assert haram[:2].tolist() == [0, 0]
    assert haram[2] > 0
    assert aalesund[2] + haram[2] == pytest.approx(aalesund[1], rel=0.05)


def test_the_country_is_that_of_the_real_kommuner(ssb: Ssb) -> None:
    real = [k.nummer for k in kommuner(sandbox=False)]
    asked = {"ContentsCode": ["Personer1"], "Tid": ["2025"]}
    assert sum(ssb.data("07459", Region=real, **asked)["value"]) == ssb.data("07459", Region=["0"], **asked)["value"][0]
    nobody_left_out = ssb.data("07459", **asked)
    assert nobody_left_out["value"] == ssb.data("07459", Region=["0"], **asked)["value"]
    assert nobody_left_out["id"] == ["ContentsCode", "Tid"]
    kostra = ssb.data("12134", KOKkommuneregion0000=["EAK", "EAKUO"], ContentsCode=["KOSAGD230000"], Tid=["2025"])
    assert all(-10 < value < 15 for value in kostra["value"])


def test_quarters_add_up_to_years(ssb: Ssb) -> None:
    year = ssb.data("05940", Region=["0301"], ContentsCode=["Igangsatte", "Fullforte"], Tid=["2024"])["value"]
    quarters = ssb.data("05889", Region=["0301"], ContentsCode=["Igangsatte", "Fullforte"], Tid=["2024K?"])["value"]
    assert year == [sum(quarters[:4]), sum(quarters[4:])]


def test_unemployment_ends_in_november_2020(ssb: Ssb) -> None:
    found = ssb.get("/tables/10540/metadata").json()
    months = list(found["dimension"]["Tid"]["category"]["index"])
    assert (months[0], months[-1]) == ("2009M01", "2020M11")
    assert found["extension"]["discontinued"] is True
    asked = {"Region": ["0"], "Alder": ["15-74"], "ContentsCode": ["RegHeltLedige"]}
    november = ssb.data("10540", Tid=["????M11"], **asked)
    assert november["size"][-1] == 12
    assert all(0.5 < value < 8 for value in november["value"])


def test_get_and_post_give_the_same(ssb: Ssb) -> None:
    asked = params(Region="K-0301,K-1103", Alder="00?", ContentsCode="*", Tid="[range(2020,2022)],2010")
    got = ssb.get("/tables/07459/data", **asked, **{"codelist[Region]": "agg_KommSummer", "lang": "no"})
    posted = ssb.data(
        "07459",
        Region=["agg_KommSummer|K-0301", "K-1103"],
        Alder=["00?"],
        ContentsCode=["*"],
        Tid=["range(2020,2022)", "2010"],
    )
    assert got.json() == posted
    assert posted["size"] == [2, 10, 1, 4]
    assert list(posted["dimension"]["Tid"]["category"]["index"]) == ["2010", "2020", "2021", "2022"]


def test_nothing_selected_is_an_extract(ssb: Ssb) -> None:
    found = ssb.get("/tables/07459/data").json()
    assert found["id"] == ["Region", "ContentsCode", "Tid"]
    assert len(found["value"]) == found["size"][0] == 11
    assert list(found["dimension"]["Tid"]["category"]["index"]) == ["2026"]


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        (params(Region="0301", Tid="2025"), "Missing selection for mandantory variable"),
        (params(Region="0301", ContentsCode="Personer1"), "Missing selection for mandantory variable"),
        (params(Regionn="0301", ContentsCode="Personer1", Tid="2025"), "Non-existent variable"),
        (params(Region="0301", ContentsCode="Personer2", Tid="2025"), "Non-existent value"),
        (params(Region="0301", ContentsCode="Personer1", Tid="range(2020,2022)"), "Illegal selection expression"),
        (params(Region="*", Alder="*", ContentsCode="*", Tid="*"), "Too many cells selected"),
        (
            params(Region="0301", ContentsCode="Personer1", Tid="2025") | {"codelist[Region]": "agg_Fylker"},
            "Non-existent codelist",
        ),
        (
            params(Region="0301", ContentsCode="Personer1", Tid="2025") | {"outputFormat": "csv"},
            "Unsupported output format",
        ),
    ],
)
def test_refusals(ssb: Ssb, asked: dict[str, str], title: str) -> None:
    answer = ssb.get("/tables/07459/data", **asked)
    assert answer.status_code == 400
    assert answer.json()["title"] == title
    assert set(answer.json()) == {"type", "title", "status"}


def test_unknown_tables_and_code_lists(ssb: Ssb) -> None:
    for path in ("/tables/99999", "/tables/99999/metadata", "/tables/99999/data"):
        answer = ssb.get(path)
        assert (answer.status_code, answer.json()["title"]) == (404, "Non-existent table")
    assert ssb.get("/codelists/agg_Fylker").json()["title"] == "Non-existent codelist"
    assert ssb.get("/tables/06913/metadata", **{"codelist[Region]": "vs_X"}).status_code == 400


def test_a_code_twice_is_an_empty_500_and_a_long_address_an_empty_404(ssb: Ssb) -> None:
    twice = ssb.post("06913", Region=["0301", "0301"], ContentsCode=["*"], Tid=["*"])
    assert (twice.status_code, twice.content) == (500, b"")
    numbers = ",".join(k.nummer for k in kommuner(sandbox=False))
    asked = params(Region=numbers, ContentsCode="Folkemengde", Tid="2025")
    long = ssb.get("/tables/06913/data", **asked)
    assert (long.status_code, long.content) == (404, b"")
    short = ssb.get("/tables/06913/data", **asked | params(Region=numbers[:1_000]))
    assert short.status_code == 200
    assert len(str(short.request.url)) < 2_100 < len(str(long.request.url))


def test_bodies_are_bounded_and_checked(client: httpx.Client) -> None:
    path = f"{PREFIX}/tables/06913/data"
    assert client.post(path, content=b"{").status_code == 400
    assert client.post(path, content=b" " * 3_000_000).status_code == 413


def test_code_list_maps_codes_to_numbers(ssb: Ssb) -> None:
    found = ssb.get("/codelists/agg_KommSummer").json()
    by_code = {value["code"]: value for value in found["values"]}
    assert len(by_code) == 360
    assert by_code["K-3103"] == {"code": "K-3103", "label": "Moss", "valueMap": ["0104", "0136", "3002", "3103"]}
    assert found["type"] == "Aggregation"
    shown = ssb.get("/tables/06913/metadata", **{"codelist[Region]": "agg_KommSummer"}).json()
    assert list(shown["dimension"]["Region"]["category"]["index"]) == list(by_code)
    assert ssb.get("/codeLists/vs_Kommun").json()["type"] == "Valueset"


def test_list_of_tables(ssb: Ssb) -> None:
    everything = ssb.get("/tables", pagesize="100").json()
    assert {table.id for table in TABLES} <= {one["id"] for one in everything["tables"]}
    assert everything["page"]["totalElements"] == len(everything["tables"])
    found = ssb.get("/tables", query="kvadratmeterpris").json()["tables"]
    assert {one["id"] for one in found} == {"06035", "14545"}
    paged = ssb.get("/tables", pagesize="5", pageNumber="2").json()
    assert [one["id"] for one in paged["tables"]] == [one["id"] for one in everything["tables"][5:10]]
    assert ssb.get("/tables", pagesize="0").status_code == 400


def test_settings_hide_the_limit(ssb: Ssb) -> None:
    found = ssb.get("/config").json()
    assert (found["maxDataCells"], found["maxCallsPerTimeWindow"], found["timeWindow"]) == (800_000, 0, 0)

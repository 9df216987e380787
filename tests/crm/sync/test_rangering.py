"""The ranking in a local Airtable: its own fields of Kommuner, nothing else, and nothing again for nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Self

import pytest

from config.profil import profiler
from config.registers import Kommune, kommuner
from tasks.crm.oppfolging.dag import follow_up
from tasks.crm.rader.kommunescorerader import FIGURES
from tasks.crm.salgsmerker import last_marks
from tasks.crm.sync import budsjett, saker
from tasks.crm.sync.connection import Connection, open_connection
from tasks.crm.sync.publish import Published
from tasks.crm.sync.rangering import lacking_marks, publish_ranking, read_sales_marks
from tasks.errors import BudgetError, BusyError, ConfigError, StoreError
from tasks.kommunekontrakter import SALGSKOMMUNER
from tests.crm.proevebase import Row, Verden
from tests.crm.rangeringsdata import DATO, write_ranking, write_scores
from tests.crm.sync_prosess import TOMTEVIK

ALLE = kommuner(sandbox=True)


class Rangert:
    """A base that rankings are brought to, and two kommuner that no other test of it uses.

    Attributes
    ----------
    ene, andre
        Ranked first and second at the start.
    """

    def __init__(self, verden: Verden, unused: Iterator[Kommune]) -> None:
        self.verden, self.person, self.geodata, self.unused = verden, verden.person, verden.geodata, unused
        self.connection = self.opened()

    def opened(self) -> Connection:
        """Return another connection."""
        return open_connection(self.geodata, self.verden.oppdrag.settings(), dry_run=False)

    def take(self, ene: Kommune | None = None) -> Self:
        """Rank two kommuner that have not been used yet, or one of them."""
        self.ene, self.andre = ene or next(self.unused), next(self.unused)
        write_ranking(self.geodata, (self.ene, self.andre))
        return self

    def rank(self, *, turned: bool = False, **more: Any) -> None:
        """Write other scores of the two."""
        both = (self.ene, self.andre)
        write_scores(self.geodata, both[::-1] if turned else both, **more)

    def publish(self, *, dry_run: bool = False, alle: Sequence[Kommune] = ALLE) -> Published:
        """Bring the ranking that was written last."""
        self.verden.proxy.seen.clear()
        return publish_ranking(self.geodata, self.connection, profil="boligsosial", kommuner=alle, dry_run=dry_run)

    def writes(self) -> list[str]:
        """Return what the last one wrote: method and table."""
        return [f"{asked.metode} {asked.tabell}" for asked in self.verden.proxy.seen if asked.is_write]

    def row(self, kommune: Kommune | None = None) -> Row:
        """Return what stands on the row of a kommune, the first one's."""
        return self.person.one("Kommuner", (kommune or self.ene).nummer)

    def change(self, **fields: Any) -> None:
        """Write on the first one's row as a person does; `_` stands for a space."""
        named = {name.replace("_", " "): value for name, value in fields.items()}
        self.person.change("Kommuner", self.ene.nummer, named)

    def told(self) -> dict[str, Row]:
        """Return the first one's matters in Kontroll, by their ids."""
        rows = [r["fields"] for r in self.person.table("Kontroll").all()]
        return {row["Kontroll-id"]: row for row in rows if row["Kontroll-id"].startswith(f"{self.ene.nummer}-")}

    def matter(self, felt: str) -> str:
        """Return the id of the matter of a field of the first one's row that a person has written in."""
        return f"{self.ene.nummer}-endret-Kommuner-{self.ene.nummer}-{felt}"


@pytest.fixture(scope="module")
def felles(tmp_path_factory) -> Iterator[Rangert]:
    """A base without rows, that the tests share."""
    with Verden(tmp_path_factory.mktemp("rangering") / "verden", fylt=False) as verden:
        rangert = Rangert(verden, iter(kommuner(sandbox=False)))
        yield rangert
        rangert.connection.close()


@pytest.fixture
def to(felles) -> Rangert:
    """The base, and a ranking of two kommuner that are not in it."""
    return felles.take()


def counts(published: Published) -> tuple[int, int, int]:
    assert published.failure is None
    kommuner, _ = published.diffs
    return kommuner.sent["created"], kommuner.sent["updated"], kommuner.unchanged


def test_kommuner_without_a_row_get_one_and_the_same_again_sends_nothing(to):
    assert counts(to.publish()) == (2, 0, 0)
    row = to.row()
    assert (row["Navn"], row["Fylke"], row.get("Oppdiktet")) == (to.ene.navn, to.ene.fylke, None)
    assert (row["Prioritet"], row["Score"], row["Rang"], row["Endring i rang"]) == ("2", 62.3, 1, 7)
    assert (row["Blant de beste"], row["Oppdiktede tall"], row["Rangert"]) == (True, True, DATO)
    assert (row["Folketall"], row["Boutgift %"]) == (61032, 32.1)
    assert row["Hvorfor"].startswith("OPPDIKTEDE TALL: laget av den lokale sandkassen.\nAvgjort av: Boligstress 15 av")
    assert counts(to.publish()) == (0, 0, 2)
    assert to.writes() == []


def test_another_day_with_the_same_content_sends_nothing(to):
    to.publish()
    to.rank(rangert_dato="2026-12-01")
    assert counts(to.publish()) == (0, 0, 2)
    assert to.writes() == []
    to.rank(turned=True, rangert_dato="2027-01-01")
    published = to.publish()
    assert counts(published) == (0, 2, 0)
    assert to.writes() == ["PATCH Kommuner"], "both rows in one request"
    assert set(published.diffs[0].update[to.andre.nummer][1]) == {"Rang", "Endring i rang", "Rangert"}
    assert to.row(to.andre)["Rangert"] == "2027-01-01"


def test_a_dry_run_writes_nothing(to):
    published = to.publish(dry_run=True)
    assert [d.counts()["created"] for d in published.diffs] == [2, 0]
    assert to.writes() == []
    assert to.person.find("Kommuner", to.ene.nummer) == []


def test_a_kommune_that_is_not_ranked_or_not_of_this_base_is_left_alone(to):
    to.publish()
    before = to.row()
    fresh, foreign = next(to.unused), next(to.unused)
    write_ranking(to.geodata, [fresh, foreign])
    assert counts(to.publish(alle=[to.ene, fresh])) == (1, 0, 0)
    assert to.row() == before
    assert to.person.find("Kommuner", foreign.nummer) == []


def test_what_sales_has_written_stays(to):
    to.publish()
    theirs = {"Notat": "Ring ordføreren", "Relasjon": "I dialog", "Møtenotater": "2. november"}
    to.change(**theirs)
    to.rank(turned=True)
    assert counts(to.publish()) == (0, 2, 0)
    assert to.row() | theirs | {"Rang": 2} == to.row()


@pytest.mark.long
def test_what_else_stands_on_the_row_stays_and_a_run_and_the_follow_up_leave_the_ranking(felles):
    kjoert = felles.take(TOMTEVIK)
    assert kjoert.verden.sync().failure is None
    kjoert.change(Notat="Ring ordføreren", Relasjon="I dialog", Møtenotater="2. november")
    before = kjoert.row()
    assert counts(kjoert.publish()) == (1, 1, 0)
    ranked = kjoert.row()
    assert ranked | before == ranked, "nothing that stood there has changed"
    assert (ranked["Rang"], ranked["Notat"], ranked.get("Blant de beste")) == (1, "Ring ordføreren", None)
    assert kjoert.verden.sync().failure is None
    assert kjoert.row() == ranked
    follow_up(kjoert.geodata, kjoert.connection, naa=datetime(2026, 11, 21, 5, 30, tzinfo=UTC), dry_run=False)
    after = kjoert.row()
    assert {n: v for n, v in after.items() if n in ranked} == ranked
    assert counts(kjoert.publish()) == (0, 0, 2)


def test_what_is_missing_now_is_emptied(to):
    to.publish()
    assert {"Rang sist", "Endring i rang", "Blant de beste"} <= set(to.row())
    to.rank(rang_sist=float("nan"), er_topp=False)
    to.publish()
    assert not {"Rang sist", "Endring i rang", "Blant de beste"} & set(to.row())


def test_other_profiles_are_told(to):
    other = next(name for name in profiler() if name != "boligsosial")
    to.rank(turned=True, profil=other, score=41.25)
    to.publish()
    assert to.row()["Andre profiler"] == f"{other}: 41,2 (rang 2)"


@pytest.mark.parametrize(
    "of", [{"har_oppdiktede_tall": False}, pytest.param({"rangert_dato": "2026-10-02"}, marks=pytest.mark.long)]
)
def test_a_profile_of_another_day_or_of_figures_of_another_world_is_not_told(to, of):
    to.rank(profil=next(name for name in profiler() if name != "boligsosial"), **of)
    to.publish()
    assert "Andre profiler" not in to.row()


def test_a_row_that_a_person_has_made_is_told_which_kommune_it_is_where_it_does_not_say(to):
    own = {"Kommunenummer": to.ene.nummer, "Navn": "Vår", "Notat": "mitt"}
    to.person.table("Kommuner").create(own)
    assert counts(to.publish()) == (1, 1, 0)
    assert {name: to.row().get(name) for name in (*own, "Fylke", "Rang")} == own | {"Fylke": to.ene.fylke, "Rang": 1}
    assert counts(to.publish()) == (0, 0, 2)


@pytest.mark.long
def test_a_field_that_a_person_has_renamed_is_still_written(to):
    to.person.rename("Kommuner", "Rang", "Plass")
    to.publish()
    assert to.row()["Plass"] == 1
    to.person.rename("Kommuner", "Plass", "Rang")


# --- what people have done to it ---


def test_what_a_person_has_written_is_told_and_put_right(to):
    to.publish()
    to.change(Score=99, Rangert="2020-01-01")
    to.rank(rangert_dato="2026-12-01")
    assert counts(to.publish()) == (0, 1, 1)
    row = to.row()
    assert (row["Score"], row["Rangert"]) == (62.3, "2026-12-01")
    told = to.told()
    assert set(told) == {to.matter("Score"), to.matter("Rangert")}
    assert told[to.matter("Score")]["Kommunenummer"] == to.ene.nummer
    assert "Innskrevet: 99" in told[to.matter("Score")]["Hvorfor"]
    assert counts(to.publish()) == (0, 0, 2)
    assert to.writes() == []


@pytest.mark.long
def test_a_date_alone_that_a_person_has_written_is_put_right_too(to):
    to.publish()
    to.change(Rangert="2020-01-01")
    assert counts(to.publish()) == (0, 1, 1)
    assert to.row()["Rangert"] == DATO
    assert set(to.told()) == {to.matter("Rangert")}


@pytest.mark.long
def test_a_matter_that_has_its_answer_closes_and_the_next_is_another(to):
    to.publish()
    for answered in (to.matter("Score"), to.matter("Score") + "-2"):
        to.change(Score=99)
        to.publish()
        assert to.told()[answered]["Tilstand"] == "Åpen"
        to.person.change("Kontroll", answered, {"Status": "Avklart"})
        to.publish()
        assert to.told()[answered]["Tilstand"] == "Lukket"


@pytest.mark.long
def test_a_matter_of_another_kommune_that_was_not_looked_at_stays(to):
    to.publish()
    to.change(Score=99)
    to.publish()
    to.person.change("Kontroll", to.matter("Score"), {"Status": "Avklart"})
    write_scores(to.geodata, [to.andre])
    to.publish()
    assert to.told()[to.matter("Score")]["Tilstand"] == "Åpen"


@pytest.mark.long
def test_a_matter_written_over_by_a_person_is_put_right_and_told(to):
    to.publish()
    to.change(Score=99)
    to.publish()
    to.person.change("Kontroll", to.matter("Score"), {"Hva": "tull"})
    to.change(Score=98)
    assert to.publish().failure is None
    told = to.told()
    assert told[to.matter("Score")]["Hva"] == "Felt endret for hånd: Score"
    assert "Innskrevet: 98" in told[to.matter("Score")]["Hvorfor"]
    assert set(told) == {to.matter("Score"), f"{to.ene.nummer}-endret-Kontroll-{to.matter('Score')}-Hva"}


@pytest.mark.long
def test_a_number_typed_over_is_put_right_and_makes_no_second_row(to):
    to.publish()
    to.change(Kommunenummer="9999")
    assert counts(to.publish()) == (0, 1, 1)
    assert len(to.person.find("Kommuner", to.ene.nummer)) == 1
    assert to.person.find("Kommuner", "9999") == []


def test_a_kommune_in_two_records_is_told_and_the_others_go_on(to):
    nummer = to.ene.nummer
    to.publish()
    copy = to.person.duplicate("Kommuner", nummer)
    to.rank(turned=True)
    published = to.publish()
    assert counts(published) == (0, 1, 0)
    assert "stands in 2 records" in published.diffs[0].refused[nummer]
    assert [r["fields"]["Rang"] for r in to.person.find("Kommuner", nummer)] == [1, 1]
    (key,) = to.told()
    assert key == f"{nummer}-dobbelt-Kommuner-{nummer}"
    to.person.table("Kommuner").delete(copy)
    assert counts(to.publish()) == (0, 1, 1)
    assert to.told()[key]["Tilstand"] == "Lukket"


@pytest.mark.long
def test_a_copy_that_a_person_has_made_the_kommune_s_own_is_written_and_the_old_one_left(to):
    to.publish()
    (old,) = to.person.find("Kommuner", to.ene.nummer)
    to.person.duplicate("Kommuner", to.ene.nummer)
    table = to.person.table("Kommuner")
    table.update(old["id"], {"Kommunenummer": "", "Rangert": "2020-01-01"})
    assert counts(to.publish()) == (0, 0, 2)
    to.rank(turned=True, rangert_dato="2026-12-01")
    assert counts(to.publish()) == (0, 2, 0)
    assert (to.row()["Rang"], to.row()["Rangert"]) == (2, "2026-12-01")
    left = table.get(old["id"])["fields"]
    assert (left["Rang"], left["Rangert"]) == (1, "2020-01-01")
    table.delete(old["id"])


def test_a_deleted_row_is_made_again_and_told(to):
    to.publish()
    to.person.delete("Kommuner", to.ene.nummer)
    assert counts(to.publish()) == (1, 0, 1)
    assert to.row()["Navn"] == to.ene.navn
    assert set(to.told()) == {f"{to.ene.nummer}-slettet-Kommuner-{to.ene.nummer}"}


@pytest.mark.long
def test_a_whole_column_written_over_is_one_matter_of_no_kommune(to, monkeypatch):
    monkeypatch.setattr(saker, "MANGE", 1)
    to.publish()
    for kommune in (to.ene, to.andre):
        to.person.change("Kommuner", kommune.nummer, {"Score": 1})
    assert counts(to.publish()) == (0, 2, 0)
    (record,) = [r for r in to.person.table("Kontroll").all() if "mange" in r["fields"]["Kontroll-id"]]
    key = record["fields"]["Kontroll-id"]
    assert key.startswith("felles-endret-Kommuner-Score-mange-")
    assert "Kommunenummer" not in record["fields"]
    to.person.change("Kontroll", key, {"Status": "Avvist"})
    to.publish()
    assert to.person.one("Kontroll", key)["Tilstand"] == "Lukket"


# --- faults ---


def test_what_was_never_ranked_says_what_to_run(to):
    (to.geodata.root / "out" / "kommunefaktorer" / "boligsosial.parquet").unlink()
    with pytest.raises(StoreError, match=r"kommunefaktorer/boligsosial.parquet is not there. Run `tomt rank`"):
        to.publish()
    assert to.verden.proxy.seen == []


def test_a_budget_that_would_burst_stops_it_before_the_first_write(to, monkeypatch):
    def burst(*_: Any) -> list[str]:
        raise BudgetError("too much")

    monkeypatch.setattr(budsjett, "check", burst)
    with pytest.raises(BudgetError):
        to.publish()
    assert to.writes() == []


@pytest.fixture
def staging(to) -> Iterator[Rangert]:
    """The base as one of staging, for a while."""
    table = to.person.base.schema(force=True).table("Kjøringer")
    before, profil, connection = table.description, to.verden.profil, to.connection
    to.verden.become_staging()
    to.connection = to.opened()
    yield to
    to.connection.close()
    table.description = before
    table.save()
    to.verden.profil, to.connection = profil, connection
    (to.geodata.root / "crm" / to.person.base.id / "profil.txt").unlink()


def test_invented_figures_go_to_a_base_of_the_sandbox_alone(staging):
    for invented in ({}, {"har_oppdiktede_tall": False}):  # of the latter the key figures are
        staging.rank(**invented)
        with pytest.raises(ConfigError, match="rests on invented figures, and the base is not of the sandbox"):
            staging.publish()
        with pytest.raises(ConfigError, match="TOMT_SOURCES_URL"):
            staging.publish(dry_run=True)
    assert staging.person.find("Kommuner", staging.ene.nummer) == []


def test_two_at_once_are_refused(to):
    with to.geodata.lock(f"rangering-{to.person.base.id}"), pytest.raises(BusyError):
        to.publish()


# --- what sales says ---


def kept_marks(rangert: Rangert, *, er_sandkasse: bool = True) -> dict[str, list[Any]] | None:
    """Return what was kept of sales' marks."""
    kept = last_marks(rangert.geodata, rangert.person.base.id, er_sandkasse=er_sandkasse)
    return None if kept is None else kept.to_dict("list")


def test_what_sales_has_marked_is_read_and_kept(to):
    to.publish()
    assert read_sales_marks(to.geodata, to.connection).empty
    to.change(Følg_alltid=True)
    marked = {"Følg alltid": True, "Vellykket": True, "Kommunenummer": "9999"}
    to.person.change("Kommuner", to.andre.nummer, marked)
    to.person.rename("Kommuner", "Følg alltid", "Nattkjøres")
    own = to.person.table("Kommuner").create({"Navn": "Vår egen", "Nattkjøres": True})["id"]
    marks = read_sales_marks(to.geodata, to.connection)
    SALGSKOMMUNER.check(marks)
    assert marks.to_dict("list") == kept_marks(to) == {
        "kommunenummer": sorted([to.ene.nummer, to.andre.nummer]),
        "er_fulgt": [True, True],
        "er_vellykket": [n == to.andre.nummer for n in sorted([to.ene.nummer, to.andre.nummer])],
    }  # fmt: skip
    to.person.rename("Kommuner", "Nattkjøres", "Følg alltid")
    to.person.table("Kommuner").delete(own)


def test_marks_stand_as_they_were_kept_where_the_base_lacks_their_field(to):
    to.publish()
    to.change(Følg_alltid=True, Vellykket=True)
    read_sales_marks(to.geodata, to.connection)
    to.change(Vellykket=False)
    ids = to.connection.ids["Kommuner"]
    without = replace(ids, fields={name: i for name, i in ids.fields.items() if name != "Følg alltid"})
    lacking = replace(to.connection, ids={**to.connection.ids, "Kommuner": without})
    assert lacking_marks(lacking) == ("Følg alltid",)
    marks = read_sales_marks(to.geodata, lacking).set_index("kommunenummer")
    assert marks.loc[to.ene.nummer].to_dict() == {"er_fulgt": True, "er_vellykket": False}
    to.change(Følg_alltid=False)


@pytest.mark.long
def test_a_base_without_the_fields_has_no_marks_and_says_what_to_run(tom_verden, caplog):
    rangert = Rangert(tom_verden, iter(()))
    rangert.person.table("Kommuner").create({"Kommunenummer": "3207", "Følg alltid": True, "Vellykket": True})
    marks = {"kommunenummer": ["3207"], "er_fulgt": [True], "er_vellykket": [True]}
    rangert.verden.become_staging()  # of which nothing is made on the way
    read_sales_marks(rangert.geodata, rangert.opened())  # no longer of the sandbox: kept elsewhere
    for field in ("Vellykket", "Følg alltid"):
        rangert.verden.drop("Kommuner", field)
        without = rangert.opened()
        with caplog.at_level(logging.WARNING, "tomt.crm"):
            assert read_sales_marks(rangert.geodata, without).to_dict("list") == marks
        without.close()
        assert f"no field {field}" in caplog.text
    assert "Run `tomt base setup`" in caplog.text
    assert kept_marks(rangert, er_sandkasse=False) == marks, "what was kept is left alone"
    rangert.connection.close()


@pytest.mark.long
def test_all_kommuner_fit_and_the_same_again_is_a_few_questions(tom_verden):
    rangert = Rangert(tom_verden, iter(ALLE))
    write_ranking(rangert.geodata, ALLE)
    assert counts(rangert.publish()) == (len(ALLE), 0, 0)
    assert len(rangert.writes()) == 36
    assert len(rangert.person.table("Kommuner").all()) == len(ALLE) == 360
    assert counts(rangert.publish()) == (0, 0, len(ALLE))
    assert len(rangert.verden.proxy.seen) < 15
    write_scores(rangert.geodata, ALLE[::-1], rangert_dato="2026-12-01")
    assert counts(rangert.publish()) == (0, len(ALLE), 0)
    row = rangert.row(ALLE[-1])
    assert row["Rang"] == 1
    assert set(FIGURES) & set(row) == {"Folketall", "Boutgift %"}
    rangert.connection.close()

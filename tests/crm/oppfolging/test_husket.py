"""What is known from before: stale, lost, another machine's, or of a base that has been restored."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tasks.crm.arkiv.backup import take_backup
from tasks.crm.oppfolging.husket import of_answers, of_lots
from tasks.crm.oppfolging.tomt import Svar
from tasks.crm.sync.diff import Record
from tasks.store import Geodata
from tests.crm.arkiv.proevearkiv import api_of, empty_base, restoring
from tests.crm.oppfolging.hjelp import fase_id
from tests.crm.oppfolging.uke import Uke

NEW, OTHER, OWNER = ("rec" + letter * 14 for letter in "NOE")
OLD = "rec" + "G" * 14


@pytest.fixture
def uke(verden, pauser) -> Iterator[Uke]:
    with Uke(verden) as made:
        yield made


def stages(uke: Uke) -> list[tuple[str | None, str]]:
    """Return the changes of stage in the base, in order of time: from, to."""
    rows = [row for i, row in uke.history().items() if i.startswith("fase")]
    return [(row.get("Fra fase"), row["Ny fase"]) for row in sorted(rows, key=lambda row: row["Tidspunkt"])]


@pytest.mark.long
def test_a_lot_that_is_deleted_and_made_anew_goes_on_with_a_history_of_its_own(uke):
    uke.morning(0)
    uke.sell(0, Fase="Dialog")
    uke.morning(1)
    uke.person.delete("Tomter", uke.lot(0))
    uke.morning(2)
    uke.verden.sync()
    uke.sell(0, Fase="Dialog")
    uke.morning(3)
    uke.lose("faseskifter")
    uke.sell(0, Fase="LOI")
    uke.morning(4)
    assert stages(uke) == [("Identifisert", "Dialog"), ("Identifisert", "Dialog"), ("Dialog", "LOI")]


@pytest.mark.parametrize("which", ["out/faseskifter", pytest.param("", marks=pytest.mark.long)])
def test_what_was_put_back_from_an_older_copy_takes_in_what_the_base_tells(uke, tmp_path, which):
    """Also that of a machine whose files are older than another's."""
    uke.morning(0)
    uke.sell(0, Fase="Kontaktet")
    letter = uke.person.table("Utsendinger").create({"Utsending": "U1", "Svar": "Vil vite mer"})
    uke.morning(1)
    root = uke.verden.geodata.root
    shutil.copytree(root / which, tmp_path / "kopi")
    uke.sell(0, Fase="Dialog")
    uke.sell(1, Fase="LOI")
    uke.person.table("Utsendinger").update(letter["id"], {"Svar": "Interessert"})
    uke.morning(2)
    uke.sell(1, Fase="Identifisert")
    uke.morning(2.5)
    uke.sell(0, Fase="LOI")
    uke.reconnect()
    shutil.rmtree(root / which)
    shutil.copytree(tmp_path / "kopi", root / which)
    found = uke.morning(4)
    assert [(row.fra, row.til) for row in found.skifter] == [("Dialog", "LOI")]
    assert stages(uke)[-1] == ("Dialog", "LOI")
    assert sorted(i for i in uke.history() if i.startswith("svar")) == [
        "svar:U1:2026-05-05:Vil vite mer", "svar:U1:2026-05-06:Interessert",
    ]  # fmt: skip
    assert found.tall.naadd == (2, 2, 2, 2, 0)
    assert [found.tall.dager(fase) for fase in ("Kontaktet", "Dialog", "LOI")] == [1, 2, 0.5]
    assert uke.morning(4.2).sendt.total() == 0


@pytest.mark.long
def test_two_machines_on_an_old_copy_come_to_one_history(uke, tmp_path):
    uke.morning(0)
    uke.reconnect()
    mine = uke.verden.geodata
    shutil.copytree(mine.root, tmp_path / "B")
    theirs = Geodata(tmp_path / "B")
    for nr, fase in enumerate(("Kontaktet", "Dialog", "LOI", "Opsjon"), start=1):
        uke.sell(0, Fase=fase)
        uke.verden.geodata = theirs if nr % 2 else mine
        uke.reconnect()
        uke.morning(nr)
    assert stages(uke) == [
        ("Identifisert", "Kontaktet"), ("Kontaktet", "Dialog"), ("Dialog", "LOI"), ("LOI", "Opsjon"),
    ]  # fmt: skip
    for geodata in (mine, theirs):
        uke.verden.geodata = geodata
        uke.reconnect()
        found = uke.morning(5)
        assert (found.skifter, found.tall.naadd) == ([], (1, 1, 1, 1, 1))


@pytest.mark.long
def test_a_restored_base_is_followed_up_without_telling_anything_again(uke, tmp_path):
    """Own lots, a copy that a person made, and rows that people have left without a key have other record ids there."""
    verden, person = uke.verden, uke.person
    uke.morning(0)
    own = {"Navn": "Tunet", "Fase": "Dialog", "Neste steg dato": "2026-05-05", "Kommune (egen)": "0099"}
    lot = person.table("Tomter").create(own)["id"]
    person.table("Tomter").create({**own, "Tomt-id": uke.lot(3)})
    uke.sell(3, Fase="LOI", Neste_steg_dato="2026-05-05")
    owner = person.table("Eiere").create({"Navn": "Ola", "Svarstatus": "Interessert"})["id"]
    for eiere in ([owner], []):
        letter = {"Svar": "Interessert", "Svardato": "2026-05-05", "Tomter": [lot], "Eiere": eiere}
        person.table("Utsendinger").create(letter)
    uke.morning(1)
    uke.morning(2)
    before = Counter(row["Aktivitet"] for row in uke.history().values())
    assert len(before) < before.total()  # told of a copy and of its original, of two letters
    uke.reconnect()
    taken = take_backup(verden.oppdrag_direkte.settings(), Geodata(verden.geodata.root))
    with api_of(verden.server.url, tmp_path / "x") as api:
        new = empty_base(api)
        with restoring(verden.server.url, verden.geodata.root, taken.folder, new.id) as restore:
            restore.write(lambda _: None)
    verden.profil = {"base": new.id}
    assert new.id in str(replace(verden.oppdrag).settings().airtable_base)
    found = uke.morning(3)
    assert (found.aktiviteter, found.skifter) == ({}, [])
    assert uke.morning(4).aktiviteter == {}


# --- by what rows link to ---


def row(aktivitets_id: str, *, tomter: tuple[str, ...] = (), eiere: tuple[str, ...] = ()) -> Record:
    return Record("recR", {"Aktivitets-id": aktivitets_id, "Tomter": list(tomter), "Eiere": list(eiere)})


def test_a_reminder_is_known_by_the_lot_that_its_row_links_to():
    rows = [
        row(f"steg:{OLD}:2026-05-05", tomter=(NEW,)),
        row("stille:3207-000001:2026-05-05:2", tomter=(OTHER,)),
        row(f"parkert:{OLD}:2026-05-05", tomter=(NEW, OTHER)),  # a person has added another
        row(fase_id(OLD, 0, "LOI"), tomter=(NEW,)),
        row("noe annet", tomter=(NEW,)),
    ]
    assert of_lots(rows) == {f"steg:{NEW}:2026-05-05", f"stille:{OTHER}:2026-05-05:2"}


def test_an_answer_is_known_by_what_it_says_and_concerns():
    brev = Svar(NEW, NEW, "Interessert", tomter=("recT",), eiere=(OWNER,), er_brev=True)
    eier = Svar(OWNER, OWNER, "Interessert", eiere=(OWNER,))
    keyed = Svar(OTHER, "U1", "Interessert", "U1", tomter=("recT",), eiere=(OWNER,), er_brev=True)
    rows = [
        row(f"svar:{OLD}:2026-05-05:Interessert", tomter=("recT",), eiere=(OWNER,)),
        row(f"svar:{OLD[:-1]}X:2026-05-06:Interessert", eiere=(OWNER,)),
        row("svar:U1:2026-05-07:Interessert", tomter=("recX",)),
    ]
    assert of_answers(rows, [eier, keyed, brev]) == {
        f"svar:{NEW}:2026-05-05:Interessert", f"svar:{OWNER}:2026-05-06:Interessert",
    }  # fmt: skip
    assert of_answers(rows, [replace(eier, verdi="Ikke nå")]) == set()

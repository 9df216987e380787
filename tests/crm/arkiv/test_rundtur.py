"""From a base to a backup and into an empty base: the same but for the ids."""

from __future__ import annotations

from tests.crm.arkiv.proevearkiv import FULL, empty_base, restoring


def by_name(base, table):
    return {r["fields"].get("Navn", r["id"]): r["fields"] for r in base.table(table).all()}


def test_what_was_backed_up_is_restored_and_proven(tatt, api, server, kopi):
    base = empty_base(api)
    said: list[str] = []
    with restoring(server.url, kopi.parents[2], kopi, base.id) as restore:
        planned = restore.look()
        assert (planned.tabeller, planned.poster, planned.vedlegg) == (3, 47, 6)
        assert len(base.schema(force=True).tables) == 1, "looking wrote"
        done = restore.write(said.append)
    assert (done.funn.forskjeller, done.funn.merknader) == ([], [])
    assert (done.funn.poster, done.funn.vedlegg, done.igjen) == (47, 6, ())
    assert planned.kall - 5 <= done.kall <= planned.kall + 3
    assert "made table Tomter" in said

    old, new = (by_name(b, "Tomter")["Tomt med alt"] for b in (tatt.full.base, base))
    assert {k: new[k] for k in FULL} == {k: old[k] for k in FULL}
    files = [(f["filename"], f["type"], f["size"]) for f in new["Filer"]]
    assert files == [(f["filename"], f["type"], f["size"]) for f in old["Filer"]]
    assert {f.name for f in base.schema(force=True).table("Områder").fields} == {"Navn", "Tomter", "Nabotomter"}
    names = {r["id"]: r["fields"].get("Navn", "") for r in base.table("Tomter").all()}
    beside = [f["Ligger ved"] for f in by_name(base, "Tomter").values() if "Ligger ved" in f]
    assert [names[i] for i in beside[0]] == ["Tomt 18", "Tomt med alt", "Tomt 1"]

"""Files that are left to a person: refused by Airtable, or too large for an upload."""

from __future__ import annotations

from config.arkiv import arkiv_regler
from tasks.crm.arkiv import filer, plan, sammenligning
from tests.crm.arkiv.avbrudd import REFUSED, counts, is_upload, restore
from tests.crm.arkiv.proevearkiv import FILES, PNG, attach, empty_base, restoring
from tests.crm.onde_servere import OndAirtable, refuse


def test_a_file_that_airtable_refuses_is_left_to_a_person_and_the_rest_is_restored(server, api, liten):
    base = empty_base(api)
    with OndAirtable(server.url) as proxy:
        proxy.when(lambda a: is_upload(a) and b'"application/pdf"' in a.body, refuse(422, REFUSED), times=99)
        done = restore(proxy.url, liten, base)
        assert (counts(base)[2], len(done.igjen)) == (5, 1)
        assert "/vedlegg/" in done.igjen[0]
        assert "Airtable refuses it (INVALID_VALUE_FOR_COLUMN)" in done.igjen[0]
        assert (done.funn.antall, done.funn.for_haand[sammenligning.REFUSED], done.funn.vedlegg) == (0, 1, 5)
        proxy.behave()
        again = restore(proxy.url, liten, base)
        assert not [a for a in proxy.seen if is_upload(a)], "what was refused is not sent again"
        assert again.igjen == done.igjen
    rec = next(r["id"] for r in base.table("Tomter").all() if r["fields"].get("Navn") == "Tomt med alt")
    name, filename, kind, data = FILES[1]
    attach(base, rec, name, filename=filename, kind=kind, data=data)
    geodata, folder = liten
    with restoring(server.url, geodata, folder, base.id) as opened:
        found = opened.check()
        assert (found.antall, found.vedlegg, found.for_haand[sammenligning.REFUSED]) == (0, 6, 0)
        assert "1 attachments were refused by Airtable: by hand" in opened.look().lines(rate_per_s=4.5)


def test_a_file_that_is_too_large_is_left_to_a_person(server, api, liten, monkeypatch):
    small = arkiv_regler().vedlegg.model_copy(update={"maks_opplasting_byte": len(PNG)})
    rules = arkiv_regler().model_copy(update={"vedlegg": small})
    for part in (filer, plan, sammenligning):
        monkeypatch.setattr(part, "arkiv_regler", lambda: rules)
    base = empty_base(api)
    done = restore(server.url, liten, base)
    assert (done.funn.antall, done.funn.for_haand["attachments"]) == (0, 1)
    assert "/vedlegg/" in done.igjen[0]
    assert "3,009 bytes (application/pdf)" in done.igjen[0]
    assert "avtale" not in done.igjen[0]

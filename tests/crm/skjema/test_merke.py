"""The marker of a base: staging never writes into production, whatever people did to the text around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import Profile, Settings
from tasks.crm.skjema import merke
from tasks.crm.skjema.ids import read_schema
from tasks.crm.skjema.oppsett import setup
from tasks.errors import BaseIncompleteError, ConfigError, StoreError
from tests.crm.skjema.skjemaer import REGISTER, as_json, connected, drop, fresh, parsed, serving, settings_of, table

WHERE = "Kjøringer"


def of(profile: Profile) -> Settings:
    return settings_of("http://127.0.0.1:1", profile)


def small() -> dict:
    """A base with a field in each table: what stands in the others says nothing here."""
    schema = fresh()
    for one in schema["tables"]:
        del one["fields"][1:]
    return schema


def described(text: str, tabell: str = WHERE) -> dict:
    schema = small()
    table(schema, WHERE)["description"] = ""
    table(schema, tabell)["description"] = text
    return schema


@pytest.mark.parametrize("base", list(Profile))
@pytest.mark.parametrize("run", list(Profile))
def test_only_the_profile_of_the_base_may_write_to_it(base, run):
    schema = parsed(described(merke.marked("En rad per kjøring.", base)))
    if base == run:
        merke.check(schema, REGISTER, of(run))
    else:
        with pytest.raises(ConfigError) as caught:
            merke.check(schema, REGISTER, of(run))
        for word in (f"'{base}'", f"'{run}'", "TOMT_AIRTABLE_BASE", "TOMT_PROFILE", "Nothing was written"):
            assert word in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[tomt: profil=staging]",
        "Vår logg. [tomt: profil=staging] Spør Kari.",
        "[ TOMT : profil = Staging ]",
        "linje 1\n[tomt: profil=staging]\nlinje 3",
    ],
)
def test_people_may_write_around_the_marker(text):
    merke.check(parsed(described(text)), REGISTER, of(Profile.STAGING))
    with pytest.raises(ConfigError, match="production"):
        merke.check(parsed(described(text)), REGISTER, of(Profile.PRODUCTION))


def test_a_renamed_table_and_a_marker_moved_to_another_count_too():
    schema = described("[tomt: profil=production]")
    table(schema, WHERE)["name"] = "Logg"
    assert merke.profile_of(parsed(schema)) == "production"
    assert merke.profile_of(parsed(described("[tomt: profil=production]", "Tomter"))) == "production"


def test_two_markers_are_a_mistake():
    schema = described("[tomt: profil=staging] og [tomt: profil=production]")
    with pytest.raises(ConfigError, match=r"more than once: staging .* and production"):
        merke.check(parsed(schema), REGISTER, of(Profile.STAGING))
    apart = described("[tomt: profil=staging]")
    table(apart, "Tomter")["description"] = "[tomt: profil=production]"
    with pytest.raises(ConfigError, match="more than once"):
        merke.check(parsed(apart), REGISTER, of(Profile.STAGING))


@pytest.mark.parametrize("text", ["", "En rad per kjøring.", "[profil=staging]", "Tomter med god profil"])
def test_a_base_without_a_marker_wants_somebody_to_say_whose_it_is(text):
    """Never a plain setup: staging's would mark the base of production, where a person has deleted the marker."""
    schema = parsed(described(text))
    with pytest.raises(
        BaseIncompleteError, match=r"not marked.* --mark-as staging`; if not, .* write into it"
    ) as error:
        merke.check(schema, REGISTER, of(Profile.STAGING))
    assert "setup`" not in str(error.value)
    for shall in ({"is_new": True}, {"is_new": False, "mark_as": "staging"}):
        assert merke.shall_mark(schema, of(Profile.STAGING), **shall)
    assert merke.shall_mark(schema, of(Profile.SANDBOX), is_new=False)
    with pytest.raises(BaseIncompleteError, match="--mark-as staging"):
        merke.shall_mark(schema, of(Profile.STAGING), is_new=False)
    with pytest.raises(ConfigError, match="--mark-as production: the profile in force is staging"):
        merke.shall_mark(schema, of(Profile.STAGING), is_new=True, mark_as="production")


@pytest.mark.parametrize(
    "text",
    [
        *("tomt: profil=staging", "[tomt: profil=staging", "tomt: profil=staging]", "[tomt; profil=staging]"),
        *("[tomt: profil staging]", "(Tomt: Profil=staging)", "[tomt: profil=[staging]]"),
        "[tomt: profil=staging] [tomt: profil=produ",
    ],
)
def test_a_broken_marker_is_told_as_one(text):
    for tabell in (WHERE, "Tomter"):
        with pytest.raises(ConfigError, match=f"table {tabell} holds a broken marker"):
            merke.check(parsed(described(text, tabell)), REGISTER, of(Profile.STAGING))


def remembering(folder: Path, profile: Profile) -> Settings:
    return of(profile).model_copy(update={"geodata": folder, "airtable_base": "appMinnes"})


def test_a_profile_is_remembered_when_the_marker_is_gone(tmp_path):
    staging, production, sandbox = (remembering(tmp_path, p) for p in (Profile.STAGING, Profile.PRODUCTION, "sandbox"))
    path = tmp_path / "crm" / "appMinnes" / "profil.txt"
    merke.check(parsed(described("[tomt: profil=sandbox]")), REGISTER, sandbox)
    assert not path.exists()
    merke.check(parsed(described("[tomt: profil=production]")), REGISTER, production)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    for text in ("", "[tomt: profil=staging]"):
        schema = parsed(described(text))
        for wrong in (staging, sandbox.model_copy(update={"profile": Profile.STAGING})):
            with pytest.raises(ConfigError, match=r"last used as 'production' .*'staging'.*delete .*profil\.txt"):
                merke.check(schema, REGISTER, wrong)
            with pytest.raises(ConfigError, match="last used as 'production'"):
                merke.shall_mark(schema, wrong, is_new=True, mark_as="staging")
    assert path.read_text() == "production\n"
    path.write_bytes(b"\xff" * 10**4)
    with pytest.raises(ConfigError, match="last used as"):
        merke.check(parsed(described("[tomt: profil=production]")), REGISTER, production)
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match=r"profil\.txt"):
        merke.check(parsed(described("[tomt: profil=production]")), REGISTER, production)


@pytest.mark.parametrize("base", ["../../x", "appX/../../y", None])
def test_what_is_no_id_of_a_base_leads_nowhere(tmp_path, base):
    settings = remembering(tmp_path / "geodata", Profile.STAGING).model_copy(update={"airtable_base": base})
    merke.check(parsed(described("[tomt: profil=staging]")), REGISTER, settings)
    assert list(tmp_path.rglob("*")) == []


def test_a_base_without_our_tables_is_not_set_up():
    schema = small()
    for navn in [t["name"] for t in schema["tables"]]:
        drop(schema, navn)
    for state in ("not set up", "set up in part"):
        with pytest.raises(BaseIncompleteError, match=f"{state}. Run `tomt base setup`"):
            merke.check(parsed(schema), REGISTER, of(Profile.STAGING))
        schema["tables"].append(table(small(), "Tomter"))


@pytest.mark.parametrize("text", ["[tomt: profil=]", "[tomt: profil=annet]"])
def test_a_marker_that_names_no_profile_fits_none(text):
    with pytest.raises(ConfigError):
        merke.check(parsed(described(text)), REGISTER, of(Profile.SANDBOX))


def test_what_is_marked_reads_the_same_without_it():
    assert merke.without(merke.marked("En rad per kjøring.", "staging")) == "En rad per kjøring."
    assert merke.marked("", "staging") == "[tomt: profil=staging]"


def test_setup_marks_a_new_base_and_one_from_before_and_keeps_what_people_wrote(tmp_path):
    with serving(tmp_path) as server, connected(settings_of(server.url)) as api:
        tables = (REGISTER.table("Kommuner"), REGISTER.table(WHERE))
        register = REGISTER.model_copy(update={"tabell": tables})
        base, _ = setup(api, None, register, {}, settings=settings_of(server.url))
        assert merke.profile_of(read_schema(base)) == "sandbox"
        logg = read_schema(base).table(WHERE)
        logg.description = "Vår egen tekst."
        logg.save()
        staging = settings_of(server.url, Profile.STAGING, airtable_base=base.id).model_copy(
            update={"geodata": tmp_path / "geodata"}
        )
        before = as_json(base)
        with pytest.raises(BaseIncompleteError, match="--mark-as staging"):
            setup(api, base, register, {}, settings=staging)
        assert as_json(base) == before
        _, lines = setup(api, base, register, {}, settings=staging, mark_as="staging")
        assert lines == ["marker of the profile staging"]
        assert (tmp_path / "geodata" / "crm" / base.id / "profil.txt").read_text() == "staging\n"
        table(before, WHERE)["description"] = "Vår egen tekst. [tomt: profil=staging]"
        assert as_json(base) == before
        assert setup(api, base, register, {}, settings=staging)[1] == []


def test_a_marker_that_was_moved_is_not_made_twice(tmp_path):
    with serving(tmp_path) as server, connected(settings_of(server.url)) as api:
        tables = (REGISTER.table("Kommuner"), REGISTER.table(WHERE))
        early, late = (REGISTER.model_copy(update={"tabell": tables[:n]}) for n in (1, 2))
        base, _ = setup(api, None, early, {}, settings=settings_of(server.url))
        merke.mark(read_schema(base).table("Kommuner"), settings_of(server.url))
        setup(api, base, late, {}, settings=settings_of(server.url))
        assert merke.profile_of(read_schema(base)) == "sandbox"

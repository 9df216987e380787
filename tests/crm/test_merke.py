"""The marker of a base: staging never writes into production, whatever people did to the text around it."""

from __future__ import annotations

import pytest

from config.settings import Profile, Settings
from tasks.crm import merke
from tasks.crm.base import read_schema
from tasks.crm.oppsett import setup
from tasks.errors import BaseIncompleteError, ConfigError
from tests.crm.skjemaer import REGISTER, as_json, connected, drop, fresh, parsed, serving, settings_of, table

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
    assert merke.read(parsed(schema)) == "production"
    assert merke.read(parsed(described("[tomt: profil=production]", "Tomter"))) == "production"


def test_two_markers_are_a_mistake():
    schema = described("[tomt: profil=staging] og [tomt: profil=production]")
    with pytest.raises(ConfigError, match=r"more than once: staging .* and production"):
        merke.check(parsed(schema), REGISTER, of(Profile.STAGING))
    apart = described("[tomt: profil=staging]")
    table(apart, "Tomter")["description"] = "[tomt: profil=production]"
    with pytest.raises(ConfigError, match="more than once"):
        merke.check(parsed(apart), REGISTER, of(Profile.STAGING))


@pytest.mark.parametrize("text", ["", "En rad per kjøring.", "tomt: profil=staging", "[profil=staging]"])
def test_a_base_without_a_marker_wants_setting_up(text):
    with pytest.raises(BaseIncompleteError, match=r"not marked.*tomt base setup"):
        merke.check(parsed(described(text)), REGISTER, of(Profile.STAGING))


def test_a_base_without_our_tables_is_not_set_up():
    schema = small()
    for navn in [t["name"] for t in schema["tables"]]:
        drop(schema, navn)
    with pytest.raises(BaseIncompleteError, match="not set up"):
        merke.check(parsed(schema), REGISTER, of(Profile.STAGING))


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
        assert merke.read(read_schema(base)) == "sandbox"
        logg = read_schema(base).table(WHERE)
        logg.description = "Vår egen tekst."
        logg.save()
        staging = settings_of(server.url, Profile.STAGING, airtable_base=base.id)
        before = as_json(base)
        _, lines = setup(api, base, register, {}, settings=staging)
        assert lines == ["marker of the profile staging"]
        table(before, WHERE)["description"] = "Vår egen tekst. [tomt: profil=staging]"
        assert as_json(base) == before
        assert setup(api, base, register, {}, settings=staging)[1] == []

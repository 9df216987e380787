"""Values of cells, as a client may send them: moments in the zone of their field, days that are no riddle, people."""

from __future__ import annotations

import pytest

from tasks.sandbox.airtable.actor import PEOPLE, Actor, People
from tasks.sandbox.airtable.errors import ApiError
from tasks.sandbox.airtable.values import clean

KARI = PEOPLE[0]


def moment_field(zone="Europe/Oslo", form="iso"):
    return {"name": "Tid", "type": "dateTime", "options": {"dateFormat": {"name": form}, "timeZone": zone}}


def day_field(form):
    return {"name": "Dato", "type": "date", "options": {"dateFormat": {"name": form}}}


def refused(field, value, **options):
    with pytest.raises(ApiError) as caught:
        clean(field, value, **{"typecast": False, **options})
    return caught.value.body["error"]["type"] == "INVALID_VALUE_FOR_COLUMN"


@pytest.mark.parametrize(
    ("sent", "zone", "kept"),
    [
        ("2026-07-01T10:00", "Europe/Oslo", "2026-07-01T08:00:00.000Z"),
        ("2026-01-01T10:00:00.5", "Europe/Oslo", "2026-01-01T09:00:00.500Z"),
        ("2026-07-01", "Europe/Oslo", "2026-06-30T22:00:00.000Z"),
        ("2026-07-01T10:00:00", "utc", "2026-07-01T10:00:00.000Z"),
        ("2026-07-01T10:00:00", "client", "2026-07-01T10:00:00.000Z"),
        ("2026-07-01T10:00:00Z", "Europe/Oslo", "2026-07-01T10:00:00.000Z"),
        ("2026-07-01T10:00:00-0700", "Europe/Oslo", "2026-07-01T17:00:00.000Z"),
    ],
)
def test_a_moment_without_an_offset_is_one_in_the_zone_of_its_field(sent, zone, kept):
    assert clean(moment_field(zone), sent, typecast=False) == kept


@pytest.mark.parametrize(
    "sent",
    ["2026-07-01T10", "2026-07-01T1000", "2026-07-01x10:00", "2026-07-01 10:00", "2026-07-01t10:00", "20260701T10:00",
     "2026-07-01T10:00:00,5", "2026-07-01T10:00z", "2026-07-01T10:00+02", "2026-W27-3", "2026-02-30T10:00", "i dag"],
)  # fmt: skip
def test_what_is_no_moment_in_iso_8601_is_refused(sent):
    assert refused(moment_field(), sent)


@pytest.mark.parametrize(
    ("form", "sent", "kept"),
    [
        ("european", "1/2/2026", "2026-02-01"),
        ("us", "1/2/2026", "2026-01-02"),
        ("iso", "28/2/2026", "2026-02-28"),
        ("local", "2/28/2026", "2026-02-28"),
        ("iso", "2/2/2026", "2026-02-02"),
        ("iso", "28.02.2026", "2026-02-28"),
        ("iso", "2026-02-28T10:00:00Z", "2026-02-28"),
        ("iso", "1/2/2026", None),
        ("local", "1/2/2026", None),
        ("iso", "01.02.2026", None),
        ("us", "28/2/2026", None),
        ("european", "2/28/2026", None),
        ("iso", "2026-02-28 og mer", None),
    ],
)
def test_a_day_is_converted_when_it_can_only_be_one(form, sent, kept):
    if kept is None:
        assert refused(day_field(form), sent, typecast=True)
    else:
        assert clean(day_field(form), sent, typecast=True) == kept


def test_a_moment_that_is_typed_is_converted_in_the_zone_of_its_field():
    assert clean(moment_field(), "28.2.2026 12:00", typecast=True) == "2026-02-28T11:00:00.000Z"
    assert refused(moment_field(), "1/2/2026 12:00", typecast=True)


def test_people_are_those_who_have_access():
    one, some = ({"name": "Hvem", "type": f"{n}Collaborator{s}"} for n, s in (("single", ""), ("multiple", "s")))
    people = People()
    stranger = {"id": "usrUkjent00000000", "email": "ukjent@example.com"}
    assert refused(one, stranger, people=people)
    assert refused(one, {"email": "ukjent@example.com"}, people=people)
    assert refused(one, {"id": stranger["id"], "email": KARI.email}, people=people)
    assert refused(some, [{"id": KARI.id}, stranger], people=people)
    assert clean(some, [{"email": KARI.email.upper()}], typecast=False, people=people) == [KARI.as_cell()]
    assert clean(one, None, typecast=False, people=people) is None
    people.add(Actor(stranger["id"], stranger["email"], "Ny", "client"))
    assert clean(one, {"id": stranger["id"]}, typecast=False, people=people) == {**stranger, "name": "Ny"}
    assert refused(one, {"id": stranger["id"]}, people=People())


def test_an_id_of_a_person_has_its_form():
    assert refused({"name": "Hvem", "type": "singleCollaborator"}, {"id": "kari"})

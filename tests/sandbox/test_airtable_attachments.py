"""Attachments: files are kept below the data folder whatever they are called, and never run as a page."""

from __future__ import annotations

import base64

import pytest

from tests.sandbox.conftest import answer, refusal

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def upload(web, base, rec, *, data=PNG, name="kart.png", kind="image/png", field="Bilder", content=None):
    body = {"contentType": kind, "filename": name, "file": content or base64.encodebytes(data).decode()}
    return web.post(f"/v0/{base.id}/{rec}/{field}/uploadAttachment", json=body)


@pytest.fixture
def rec(tomter):
    return tomter.create({"Navn": "a"})["id"]


def test_files_are_answered_by_field_id_and_served(web, base, tomter, rec):
    first = upload(web, base, rec).json()
    field = base.schema().table("Tomter").field("Bilder").id
    assert set(first) == {"id", "createdTime", "fields"}
    second = upload(web, base, rec, data=b"Hei", name="notat.txt", kind="text/plain", field=field).json()
    files = second["fields"][field]
    assert files[:1] == first["fields"][field]
    assert [(f["filename"], f["size"], f["type"]) for f in files] == [
        ("kart.png", len(PNG), "image/png"),
        ("notat.txt", 3, "text/plain"),
    ]
    assert tomter.get(rec)["fields"]["Bilder"] == files
    picture, text = (web.get(f["url"]) for f in files)
    assert (picture.content, picture.headers["content-type"]) == (PNG, "image/png")
    assert (text.content, text.headers["content-type"]) == (b"Hei", "application/octet-stream")
    assert text.headers["content-disposition"].startswith("attachment")


def test_files_are_kept_and_removed_by_id(web, base, tomter, rec):
    for name in ("en.png", "to.png"):
        upload(web, base, rec, name=name)
    one, two = tomter.get(rec)["fields"]["Bilder"]
    kept = tomter.update(rec, {"Bilder": [{"id": two["id"]}]})["fields"]["Bilder"]
    assert kept == [two]
    assert refusal(lambda: tomter.update(rec, {"Bilder": [{"id": one["id"]}]}))[1] == "INVALID_ATTACHMENT_OBJECT"
    assert refusal(lambda: tomter.create({"Bilder": [{"url": "http://127.0.0.1/x"}]}))[1] == "INVALID_ATTACHMENT_OBJECT"
    assert "Bilder" not in tomter.update(rec, {"Bilder": []})["fields"]


@pytest.mark.parametrize(
    "name", ["../../lock", "/etc/passwd", "..", "a/b\\c.png", 'x"\r\nSet-Cookie: a=b', "æ ø å.pdf", "\x00", "<script>"]
)
def test_a_hostile_file_name_is_a_name_and_nothing_else(web, base, airtable, tomter, rec, name):
    upload(web, base, rec, name=name, kind="text/html", data=b"<script>alert(1)</script>")
    file = tomter.get(rec)["fields"]["Bilder"][0]
    assert file["filename"] == name
    served = web.get(file["url"])
    assert served.content == b"<script>alert(1)</script>"
    assert served.headers["content-type"] == "application/octet-stream"
    assert served.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in served.headers
    assert f"/attachments/{file['id']}/" in file["url"]


def test_files_lie_below_the_data_folder_under_their_ids(tmp_path):
    from tasks.sandbox.airtable import attachments

    body = {"contentType": "image/png", "filename": "../../x", "file": base64.b64encode(PNG).decode()}
    kept = attachments.keep(tmp_path, body)
    files = [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()]
    assert files == [f"attachments/{kept['id']}.png"]
    assert attachments.find(tmp_path, kept["id"]) == (tmp_path / files[0], "image/png")
    (tmp_path / "lock").touch()
    assert attachments.find(tmp_path, "../lock") is None


@pytest.mark.parametrize("wrong", ["../lock", "..%2Flock", "att00000000000000", "lock"])
def test_nothing_else_is_served(web, wrong):
    assert web.get(f"/attachments/{wrong}/x").status_code == 404


def test_five_megabytes_are_taken_and_no_more(web, base, rec):
    assert upload(web, base, rec, data=b"x" * 5_000_000).status_code == 200
    assert answer(upload(web, base, rec, data=b"x" * 5_000_001))[:2] == (413, "REQUEST_TOO_LARGE")


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"content": "ikke base64!"}, 422),
        ({"content": "æ"}, 422),
        ({"content": 5}, 422),
        ({"name": ""}, 422),
        ({"name": 5}, 422),
        ({"kind": None}, 422),
        ({"field": "Navn"}, 422),
        ({"field": "Ukjent"}, 422),
    ],
)
def test_a_malformed_upload_is_refused(web, base, tomter, rec, options, status):
    assert upload(web, base, rec, **options).status_code == status
    assert "Bilder" not in tomter.get(rec)["fields"]


def test_an_upload_to_a_missing_record_is_404(web, base):
    assert answer(upload(web, base, "rec00000000000000")) == (404, "NOT_FOUND", "")

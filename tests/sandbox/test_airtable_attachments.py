"""Attachments: files are kept below the data folder whatever they are called, and never run as a page."""

from __future__ import annotations

import base64
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tasks.sandbox.airtable import attachments, loopback, pictures
from tasks.sandbox.airtable.errors import ApiError
from tasks.sandbox.airtable.schema import make_table
from tasks.sandbox.airtable.store import Store
from tests.sandbox.conftest import LINES, answer, refusal

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
    assert refusal(lambda: tomter.create({"Bilder": [{"id": two["id"]}]}))[1] == "INVALID_ATTACHMENT_OBJECT"
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


# --- by address ---

WIDE = PNG[:16] + (800).to_bytes(4, "big") + (600).to_bytes(4, "big") + PNG[24:]
ANSWERS = {
    "/kart%20over.png": (200, "image/png", WIDE),
    "/notat": (200, "text/plain; charset=utf-8", b"Hei"),
    "/side.html": (200, "text/html", b"<script>alert(1)</script>"),
    "/stor": (200, "text/plain", b"x" * 1001),
    "/borte": (404, "text/plain", b""),
    "/bort": (302, "text/plain", b""),
}


class Files(BaseHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self):
        self.asked.append(self.path)
        status, kind, data = ANSWERS[self.path.partition("?")[0]]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Location", "/notat")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def files():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def kept_files(airtable):
    return {p.name for p in (airtable.hand._store.folder / "attachments").iterdir()}


def test_a_file_on_this_machine_is_fetched_and_shown_as_a_picture(web, tomter, files):
    made = tomter.create(
        {"Bilder": [{"url": f"{files}/kart%20over.png"}, {"url": f"{files}/notat?a=1", "filename": "b"}]}
    )
    picture, note = made["fields"]["Bilder"]
    assert (picture["filename"], picture["type"], picture["size"]) == ("kart over.png", "image/png", len(WIDE))
    assert (picture["width"], picture["height"]) == (800, 600)
    sizes = {name: (t["width"], t["height"]) for name, t in picture["thumbnails"].items()}
    assert sizes == {"small": (36, 27), "large": (512, 384), "full": (800, 600)}
    assert {web.get(t["url"]).content for t in picture["thumbnails"].values()} == {WIDE}
    assert (note["filename"], note["type"]) == ("b", "text/plain")
    assert "thumbnails" not in note
    assert web.get(note["url"], headers={"Authorization": ""}).content == b"Hei"
    again = tomter.update(made["id"], {"Bilder": [{"id": note["id"]}, {"url": picture["url"]}]})["fields"]["Bilder"]
    assert [(f["filename"], f["size"]) for f in again] == [("b", 3), ("kart over.png", len(WIDE))]
    assert again[0] == note
    assert again[1]["id"] != picture["id"]
    assert again[1]["thumbnails"]["large"]["width"] == 512


def test_every_way_of_writing_fetches(tomter, files):
    tomter.batch_create([{"Navn": "a", "Bilder": [{"url": f"{files}/notat"}]}])
    key = {"Navn": "b", "Bilder": [{"url": f"{files}/notat"}]}
    tomter.batch_upsert([{"fields": key}], ["Navn"])
    field = tomter.schema().field("Bilder").id
    rec = tomter.create({"Navn": "c"})["id"]
    tomter.batch_update([{"id": rec, "fields": {field: [{"url": f"{files}/side.html"}]}}], replace=True)
    seen = {r["fields"].get("Navn"): [f["type"] for f in r["fields"]["Bilder"]] for r in tomter.all()}
    assert seen == {"a": ["text/plain"], "b": ["text/plain"], None: ["text/html"]}


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1/x",
        "http://0.0.0.0/x",
        "http://no-such-host.invalid/x",
        "https://127.0.0.1/x",
        "file:///etc/passwd",
        "http://127.0.0.1:99999/x",
        "http://user:pw@127.0.0.1/x",
        "http://[::1/x",
        "",
        5,
        "{files}/borte",
        "{files}/bort",
        "{files}/stor",
        "{files}/not\x00at",
    ],
)
def test_nothing_else_is_fetched_and_nothing_is_left(airtable, tomter, files, url, monkeypatch):
    monkeypatch.setattr(loopback, "MAX_BYTES", 1000)
    tomter.create({"Bilder": [{"url": f"{files}/notat"}]})
    before, asked = kept_files(airtable), len(Files.asked)
    wanted = url.format(files=files) if isinstance(url, str) else url
    cells = {"Bilder": [{"url": f"{files}/notat"}, {"url": wanted}]}
    assert refusal(lambda: tomter.create(cells))[:2] == (422, "INVALID_ATTACHMENT_OBJECT")
    assert kept_files(airtable) == before
    assert Files.asked[asked:] in (["/notat"], ["/notat", str(wanted).removeprefix(files)])
    assert len(tomter.all()) == 1


def test_a_refused_write_keeps_no_file(airtable, tomter, files):
    tomter.create({"Bilder": [{"url": f"{files}/notat"}]})
    before = kept_files(airtable)
    cells = {"Bilder": [{"url": f"{files}/notat"}], "Tall": "x"}
    assert refusal(lambda: tomter.create(cells))[1] == "INVALID_VALUE_FOR_COLUMN"
    assert refusal(lambda: tomter.create({"Navn": [{"url": f"{files}/notat"}]}))[1] == "INVALID_VALUE_FOR_COLUMN"
    many = {"Bilder": [{"url": f"{files}/notat"}] * 51}
    assert refusal(lambda: tomter.create(many))[1] == "INVALID_REQUEST_UNKNOWN"
    assert kept_files(airtable) == before


def test_the_files_of_one_request_share_a_deadline(tmp_path, files):
    asked = len(Files.asked)
    with pytest.raises(ApiError) as caught:
        attachments.fetch(tmp_path, {"url": f"{files}/notat"}, until=time.monotonic())
    assert caught.value.body["error"]["type"] == "INVALID_ATTACHMENT_OBJECT"
    assert Files.asked[asked:] == []


# --- what no cell holds ---


class Folder:
    """A base with a table of files, and what is told of the folder below it."""

    def __init__(self, folder):
        self.store = Store(folder)
        if not self.store.bases:
            fields = [LINES, {"name": "Bilder", "type": "multipleAttachments"}]
            self.store.create_base("B", [make_table({"name": "Tomter", "fields": fields}, tables=[])[0]])
        (self.base,) = self.store.bases.values()
        (self.table,) = self.base.tables
        self.field = self.table["fields"][1]
        attachments.watch(self.store)

    def keep(self):
        body = {"contentType": "image/png", "filename": "x.png", "file": base64.b64encode(PNG).decode()}
        return attachments.keep(self.store.folder, body)

    def create(self, *files):
        with self.store.change(self.base):
            return self.store.create(self.base, self.table, {self.field["id"]: list(files)}).id

    def update(self, rec, *files):
        with self.store.change(self.base):
            self.store.update(self.base, self.table, rec, {self.field["id"]: list(files)})

    @property
    def there(self):
        return {p.name.removesuffix(".png") for p in (self.store.folder / "attachments").iterdir()}


@pytest.fixture
def folder(tmp_path):
    made = Folder(tmp_path)
    yield made
    made.store.close()


def test_a_file_goes_with_the_last_cell_that_holds_it(folder):
    one, two, three, four = (folder.keep() for _ in range(4))
    first, second, third = folder.create(one, two), folder.create(one), folder.create(three, four)
    folder.update(first, two)
    assert folder.there == {one["id"], two["id"], three["id"], four["id"]}
    folder.update(second)
    assert folder.there == {two["id"], three["id"], four["id"]}
    folder.update(third, three)
    with folder.store.change(folder.base):
        folder.store.delete(folder.base, folder.table, first)
    assert folder.there == {three["id"]}
    with folder.store.change(folder.base):
        folder.store.delete_field(folder.base, folder.table, folder.field)
    assert folder.there == set()


def test_a_file_stays_until_what_lets_go_of_it_is_on_the_disk(folder, monkeypatch):
    kept = folder.keep()
    rec = folder.create(kept)
    seen = []
    settle = folder.store.settle
    monkeypatch.setattr(folder.store, "settle", lambda: (seen.append(folder.there), settle()))
    with suppress(ZeroDivisionError), folder.store.change(folder.base):
        folder.store.update(folder.base, folder.table, rec, {folder.field["id"]: []})
        raise ZeroDivisionError
    assert (seen, folder.there) == ([], {kept["id"]})
    folder.update(rec)
    assert (seen, folder.there) == ([{kept["id"]}], set())


def test_files_that_a_stop_has_left_go_at_the_next_start(tmp_path):
    before = Folder(tmp_path)
    kept, stray = before.keep(), before.keep()
    before.create(kept)
    (tmp_path / "attachments" / "annet.txt").touch()
    before.store.close()
    after = Folder(tmp_path)
    assert after.there == {kept["id"], "annet.txt"}
    assert stray["id"] not in after.there
    after.store.close()


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (PNG, (1, 1)),
        (WIDE, (800, 600)),
        (b"GIF89a" + (320).to_bytes(2, "little") + (200).to_bytes(2, "little"), (320, 200)),
        (b"\xff\xd8\xff\xe0\x00\x04JF\xff\xff\xc2\x00\x0b\x08\x00\x10\x00\x20\x03", (32, 16)),
        (b"RIFF\x00\x00\x00\x00WEBPVP8X" + b"\x00" * 8 + b"\x1f\x00\x00\x0f\x00\x00", (32, 16)),
        (b"RIFF\x00\x00\x00\x00WEBPVP8L" + b"\x00" * 4 + b"\x2f" + (31 | 15 << 14).to_bytes(4, "little"), (32, 16)),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 " + b"\x00" * 10 + b"\x20\x00\x10\x00", (32, 16)),
        (PNG[:20], None),
        (b"\xff\xd8\xff\xda\x00", None),
        (b"\xff\xd8" + b"\xff" * 50, None),
        (b"<svg/>", None),
        (b"", None),
    ],
)
def test_the_size_of_a_picture_is_read_from_its_first_bytes(data, size):
    assert pictures.size_of(data) == size


@pytest.mark.parametrize(
    ("size", "side", "wanted"), [((800, 600), 36, (36, 27)), ((20, 10), 512, (20, 10)), ((1, 9999), 36, (1, 36))]
)
def test_a_thumbnail_fits_its_box(size, side, wanted):
    assert pictures.fitted(*size, side) == wanted

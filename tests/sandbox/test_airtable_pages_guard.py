"""What the pages refuse: forms from elsewhere, without a token, too large or broken; and hostile texts stay texts."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from tasks.sandbox.airtable.actor import PEOPLE
from tasks.sandbox.airtable.pages import guard
from tasks.sandbox.airtable.pages.guard import Guard, RefusedError
from tests.sandbox.conftest import NOTAT
from tests.sandbox.skjemasider import Side, browser_of, post, upload

SCRIPT = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters='"%\\'), min_size=1)
OWN = "http://127.0.0.1:8270"


def request(body: bytes, headers: dict[str, str], *, waits: bool = False) -> Request:
    """Return a request whose body comes in two pieces, or never ends."""
    pieces = [body[: len(body) // 2], body[len(body) // 2 :]]

    async def receive():
        if not pieces:
            await asyncio.Event().wait()
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": waits or bool(pieces)}

    scope = {
        "type": "http", "method": "POST", "path": "/person", "query_string": b"", "scheme": "http",
        "server": ("127.0.0.1", 8270),
        "headers": [(k.lower().encode(), v.encode()) for k, v in {"host": "127.0.0.1:8270", **headers}.items()],
    }  # fmt: skip
    return Request(scope, receive)


def form_of(body: bytes, kind: str, made: Guard | None = None, *, waits: bool = False) -> guard.Form:
    headers = {"origin": OWN, "content-type": kind}
    return asyncio.run((made or Guard()).form(request(body, headers, waits=waits)))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "https://airtable.com"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "{own}.evil.example"},
        {"Origin": "{own}", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "{own}", "Sec-Fetch-Site": "same-site"},
        {"Origin": "{own}", "Sec-Fetch-Site": "none"},
    ],
)
def test_a_form_from_elsewhere_changes_nothing(airtable, web, base, tomter, headers):
    rec = tomter.create({"Navn": "a"})["id"]
    form = Side.get(web, f"/base/{base.id}/{tomter.id}/{rec}").fill(Navn="b")
    sent = {name: value.format(own=airtable.url) for name, value in headers.items()}
    assert "ikke tatt imot" in form.send(status=403, headers=sent).response.text
    assert tomter.get(rec)["fields"] == {"Navn": "a"}


@pytest.mark.parametrize("token", [[], [("token", "")], [("token", "x" * 43)], [("token", "é")]])
def test_a_form_without_the_servers_token_changes_nothing(web, base, tomter, token):
    rec = tomter.create({"Navn": "a"})["id"]
    form = Side.get(web, f"/base/{base.id}/{tomter.id}/{rec}").fill(Navn="b")
    pairs = [*token, *(pair for pair in form.pairs() if pair[0] != "token")]
    for path in (form.form.action, f"{form.form.action}/kommentar", "/person"):
        assert post(web, path, pairs).status_code == 403
    assert tomter.get(rec)["fields"] == {"Navn": "a"}


def test_the_token_of_one_server_is_none_of_another():
    body = b"token=" + Guard().token.encode()
    with pytest.raises(RefusedError, match="403"):
        form_of(body, "application/x-www-form-urlencoded")


def test_a_body_too_large_or_too_slow_is_refused(monkeypatch):
    made = Guard()
    body = b"a=" + b"x" * guard.MAX_BODY + b"&token=" + made.token.encode()
    with pytest.raises(RefusedError, match=r"413.*5 MB"):
        form_of(body, "application/x-www-form-urlencoded", made)
    monkeypatch.setattr(guard, "MAX_DRAINED", guard.MAX_BODY)
    with pytest.raises(RefusedError, match="413"):
        form_of(body, "application/x-www-form-urlencoded", made, waits=True)
    monkeypatch.setattr(guard, "BODY_S", 0.01)
    with pytest.raises(RefusedError, match="408"):
        form_of(b"a=b", "application/x-www-form-urlencoded", made, waits=True)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", b"token=x"),
        ("", b""),
        ("application/json", b"{}"),
        ("application/x-www-form-urlencoded", b"a=%FF"),
        ("application/x-www-form-urlencoded", b"a=b&" * 3_000),
        ("multipart/form-data", b"--x--"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n--x--"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb'),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--x--'),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\nb\r\n--x--"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 3_000 + b"--x--",
        ),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(kind, body):
    with pytest.raises(RefusedError, match="400"):
        form_of(body, kind)


@given(
    st.dictionaries(NAMES, st.text(), max_size=4),
    st.binary(max_size=300),
    NAMES,
)
def test_a_form_with_a_file_is_read_as_it_was_sent(texts, data, filename):
    made = Guard()
    files = [*((n, (None, v.encode())) for n, v in texts.items()), ("fil!", (filename, data, "image/png"))]
    sent = httpx.Request("POST", OWN, files=[*files, ("token", (None, made.token))])
    found = form_of(sent.read(), sent.headers["content-type"], made)
    want = {n: v.replace("\r\n", "\n") for n, v in texts.items() if n not in ("token", "fil!")}
    assert {n: found.text(n) for n in want} == want
    (upload,) = found.uploads("fil!")
    assert (upload.name, upload.kind, upload.data) == (filename, "image/png", data)


@pytest.mark.parametrize(
    "there", ["https://evil.example/", "//evil.example", "/\\evil.example", "/base/x/../../v0", "/\r\nX: y", ""]
)
def test_the_choice_of_a_person_leads_nowhere_else(airtable, there):
    with browser_of(airtable.url) as browser:
        token = Side.get(browser, "/").doc.xpath("//input[@name='token']/@value")[0]
        chosen = post(browser, "/person", [("token", token), ("person", PEOPLE[1].id), ("next", there)])
        assert (chosen.status_code, chosen.headers["location"]) == (303, "/")
        assert "HttpOnly" in chosen.headers["set-cookie"]
        assert post(browser, "/person", [("token", token), ("person", "usrKarl")]).status_code == 422


@pytest.mark.parametrize("cookie", ["", "usrFremmed0000001", '"><script>', "x" * 3_000])
def test_a_strange_cookie_is_nobody(airtable, cookie):
    page = httpx.get(airtable.url, headers={"Cookie": f"person={cookie}"})
    assert page.status_code == 200
    assert f'value="{PEOPLE[0].id}" selected' in page.text


def test_hostile_texts_stay_texts_everywhere(web, base, tomter, omraader):
    choices = {"choices": [{"name": SCRIPT}]}
    tomter.create_field(f"Valg {SCRIPT}", "singleSelect", description=SCRIPT, options=choices)
    tomter.create_field("Flere", "multipleSelects", options=choices)
    tomter.create_field("Person", "singleCollaborator")
    tomter.create_field("Nabo", "multipleRecordLinks", options={"linkedTableId": omraader.id})
    linked = omraader.create({"Navn": SCRIPT})["id"]
    cells = {
        "Navn": SCRIPT,
        NOTAT: f"{SCRIPT}\n{SCRIPT}",
        "Lenke": "javascript:alert(1)",
        "Område": [linked],
        "Nabo": [linked],
    }
    cells |= {f"Valg {SCRIPT}": SCRIPT, "Flere": [SCRIPT], "Person": {"email": SCRIPT, "name": SCRIPT}}
    rec = tomter.create(cells)["id"]
    upload(web, base.id, rec, name=f"{SCRIPT}.png", data=b"x")
    before = json.dumps(tomter.get(rec)["fields"])
    path = f"/base/{base.id}/{tomter.id}"
    for address in (path, f"{path}?q=script", f"{path}/{rec}", f"{path}/ny", f"/base/{base.id}/{omraader.id}/{linked}"):
        page = Side.get(web, address)
        assert page.doc.xpath("//script | //@onerror | //a[starts-with(@href, 'javascript')]") == []
    page = Side.get(web, f"{path}/{rec}")
    answers = [
        page.look("Nabo", SCRIPT).press("find").send(status=200),
        page.fill(Tall=SCRIPT).press("save").send(status=422),
    ]
    for answer in answers:
        assert answer.doc.xpath("//script | //@onerror") == []
    Side.get(web, f"{path}/{rec}").send()
    assert json.dumps(tomter.get(rec)["fields"]) == before


def test_pages_may_load_nothing_and_stand_in_no_frame(web, base):
    headers = web.get(f"/base/{base.id}/Tomter").headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert [p for p in ("form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'") if p not in policy] == []
    assert "script-src" not in policy
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")
    assert web.get("/static/style.css").headers["content-type"].startswith("text/css")
    assert web.get("/", headers={"Host": "evil.example"}).status_code == 400

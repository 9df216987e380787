"""A damaged, partial or forged backup is refused with a reason that tells nothing of its content."""

from __future__ import annotations

import gzip
import hashlib
import json
import os

import pytest

from config.arkiv import arkiv_regler
from tasks.crm.arkiv import linjer
from tasks.crm.arkiv.verifisering import verify
from tasks.errors import BackupError
from tests.crm.arkiv.proevearkiv import ODD


def records(folder):
    """The largest file of records."""
    return max(folder.glob("tbl*.jsonl.gz"), key=lambda p: p.stat().st_size)


def manifest(folder, change):
    path = folder / "manifest.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def sign(folder, path):
    """Let the manifest say that a file is as it lies there."""
    entry = {"byte": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    manifest(folder, lambda m: m["filer"].update({path.name: entry}))


def rewrite(folder, path, change):
    """Change the lines of a file, and sign it."""
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    change(rows)
    path.write_bytes(gzip.compress("".join(json.dumps(r) + "\n" for r in rows).encode()))
    sign(folder, path)


def cut(folder):
    path = records(folder)
    path.write_bytes(path.read_bytes()[:-30])


def cut_and_sign(folder):
    cut(folder)
    sign(folder, records(folder))


def flip(folder):
    path = records(folder)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def lose_attachment(folder):
    next((folder.parent / "vedlegg").glob("??/*")).unlink()


def flip_attachment(folder):
    path = max((folder.parent / "vedlegg").glob("??/*"), key=lambda p: p.stat().st_size)
    data = bytearray(path.read_bytes())
    data[7] ^= 128
    path.write_bytes(data)


def lead_out(folder):
    (folder.parent / "schema.json").write_bytes((folder / "schema.json").read_bytes())
    manifest(folder, lambda m: m["filer"].update({"../schema.json": m["filer"].pop("schema.json")}))


def link_away(folder):
    path = records(folder)
    os.rename(path, folder.parent / path.name)
    path.symlink_to(folder.parent / path.name)


def bomb(folder):
    path = records(folder)
    path.write_bytes(gzip.compress(b'{"id":"' + b"a" * (arkiv_regler().lesing.maks_linje_byte + 1) + b'"}\n'))
    sign(folder, path)


DAMAGES = {
    "no manifest": (lambda f: (f / "manifest.json").unlink(), "partial"),
    "half a manifest": (lambda f: os.truncate(f / "manifest.json", 90), "no JSON object"),
    "other version": (lambda f: manifest(f, lambda m: m.update(form=2)), "form 1"),
    "unknown part": (lambda f: manifest(f, lambda m: m.update(x=1)), "damaged or forged"),
    "no folder": (lambda f: os.rename(f, f.with_name("borte")), "is no folder"),
    "file gone": (lambda f: records(f).unlink(), "is missing"),
    "cut": (cut, "size or sha256"),
    "cut and signed": (cut_and_sign, "cannot be unpacked"),
    "flipped": (flip, "size or sha256"),
    "attachment gone": (lose_attachment, "is missing"),
    "attachment flipped": (flip_attachment, "bytes of an attachment"),
    "leads out": (lead_out, "damaged or forged"),
    "link": (link_away, "is a link"),
    "bomb": (bomb, "unpacks to more"),
    "count": (lambda f: rewrite(f, records(f), lambda rows: rows.pop()), "manifest says"),
    "twice": (lambda f: rewrite(f, records(f), lambda rows: rows.append(rows[-1])), "stands twice"),
    "order": (lambda f: rewrite(f, records(f), lambda rows: rows[-1].update(createdTime="0")), "wrong order"),
    "no record": (lambda f: rewrite(f, records(f), lambda rows: rows[3].update(fields=[])), "no record"),
    "unknown field": (lambda f: rewrite(f, records(f), lambda rows: rows[0]["fields"].update(fldX=1)), "schema lacks"),
    "attachments gone": (lambda f: rewrite(f, f / "vedlegg.jsonl.gz", lambda rows: rows.pop()), "other attachments"),
    "attachment forged": (
        lambda f: rewrite(f, f / "vedlegg.jsonl.gz", lambda rows: rows[0].update(sha256="../../x")),
        "something else than a sha256",
    ),
    "complete or not": (lambda f: manifest(f, lambda m: m.update(komplett=False)), "damaged or forged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_backup_is_refused(kopi, damage):
    do, reason = DAMAGES[damage]
    do(kopi)
    with pytest.raises(BackupError, match=reason) as caught:
        verify(kopi)
    assert ODD[:6] not in str(caught.value)
    assert "../" not in str(caught.value)
    assert kopi.exists() == str(caught.value).endswith(f"Take another folder of {kopi.parent}."), "what to do then"


def test_links_that_lead_nowhere_must_be_those_of_the_manifest(kopi, tatt):
    fields = {f["name"]: f["id"] for t in verify(kopi).tables for f in t["fields"]}

    def lead_nowhere(rows):
        rows[0]["fields"][fields["Hovedområde"]] = ["recFINNESIKKE0000"]

    rewrite(kopi, records(kopi), lead_nowhere)
    with pytest.raises(BackupError, match="1 links lead to no record"):
        verify(kopi)


def test_a_whole_one_is_whole_and_its_lines_are_bounded(kopi, monkeypatch):
    assert verify(kopi).manifest.poster == 47
    tight = arkiv_regler().model_copy(
        update={"lesing": arkiv_regler().lesing.model_copy(update={"maks_fil_byte": 2000})}
    )
    monkeypatch.setattr(linjer, "arkiv_regler", lambda: tight)
    with pytest.raises(BackupError, match="unpacks to more"):
        verify(kopi)

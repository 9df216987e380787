"""Ways to misbehave: what a server may answer, each a function that takes the question (`onde_servere.Innslag`)."""

from __future__ import annotations

import dataclasses
import io
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import cache

from .onde_servere import Innslag, Ondskap


def well_behaved(innslag: Innslag) -> None:
    """Pass the answer on."""
    innslag.pass_on(innslag.svar())


def at_step(number: int, ond: Ondskap) -> Ondskap:
    """Misbehave at one question alone."""
    return lambda innslag: (ond if len(innslag.server.asked) == number else well_behaved)(innslag)


def status(code: int, headers: Mapping[str, str] | None = None) -> Ondskap:
    return lambda innslag: innslag.send(b"", status=code, headers=headers)


def body(content: bytes, kind: str | None = None) -> Ondskap:
    return lambda innslag: innslag.send(content, headers={"Content-Type": kind or innslag.kind})


def redirect(url: str, code: int = 307) -> Ondskap:
    return status(code, {"Location": url})


def cut(innslag: Innslag) -> None:
    """Send half of a good answer as if it were all."""
    svar = innslag.svar()
    innslag.pass_on(dataclasses.replace(svar, content=svar.content[: len(svar.content) // 2]))


def hang_up(innslag: Innslag) -> None:
    """Promise a whole answer, send half of it, and hang up."""
    svar = innslag.svar()
    innslag.send(
        svar.content[: len(svar.content) // 2], length=len(svar.content), headers={"Content-Type": innslag.kind}
    )


def drip_head(innslag: Innslag) -> None:
    innslag.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    _drip(innslag)


def drip_body(innslag: Innslag) -> None:
    innslag.open_ended({"Content-Type": innslag.kind})
    innslag.wfile.write(b"{" if innslag.speaks_json else b"<a")
    _drip(innslag)


def _drip(innslag: Innslag) -> None:
    while not innslag.server.slutt.wait(0.02):
        innslag.wfile.write(b" ")


def silence(innslag: Innslag) -> None:
    innslag.server.slutt.wait()


def blanks(start: bytes = b"", size: int = 10_000_000_000) -> Ondskap:
    """Send blanks without end, or nearly."""

    def answer(innslag: Innslag) -> None:
        innslag.open_ended({"Content-Type": innslag.kind})
        innslag.wfile.write(start)
        for _ in range(size // 1_000_000):
            innslag.wfile.write(b" " * 1_000_000)

    return answer


def gzip_bomb(size: int = 10_000_000_000, start: bytes = b"") -> Ondskap:
    """Send blanks packed a thousandfold: the same packed piece over and over."""
    step = 50_000_000

    def answer(innslag: Innslag) -> None:
        head, again = _packed(start, step)
        innslag.open_ended({"Content-Type": innslag.kind, "Content-Encoding": "gzip"})
        innslag.wfile.write(head)
        for _ in range(size // step):
            innslag.wfile.write(again)

    return answer


@cache
def _packed(start: bytes, size: int) -> tuple[bytes, bytes]:
    """Return how a gzip begins, and blanks that may follow it any number of times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    return head, packer.compress(b" " * size) + packer.flush(zlib.Z_FULL_FLUSH)


def gzip_twice(innslag: Innslag) -> None:
    innslag.send(b"\x1f\x8b", headers={"Content-Type": innslag.kind, "Content-Encoding": "gzip, gzip"})


def doctype(declarations: str, use: str) -> Ondskap:
    """Send a good answer in XML with a document type before its root, and an entity where its first text can be."""

    def declared(content: bytes) -> bytes:
        if content[:1] in b"{[":
            return f'<?xml version="1.0"?><!DOCTYPE a [{declarations}]><a>{use}</a>'.encode()
        text = content.decode()
        start = text.index("?>") + 2 if text.startswith("<?xml") else 0
        root = text[start:]
        at = root.index(">", root.index("<")) + 1
        return f"{text[:start]}<!DOCTYPE a [{declarations}]>{root[:at]}{use}{root[at:]}".encode()

    return changed(declared)


def external_entity(target: str) -> Ondskap:
    return doctype(f'<!ENTITY xxe SYSTEM "{target}">', "&xxe;")


def external_dtd(target: str) -> Ondskap:
    return doctype(f'<!ENTITY % ytre SYSTEM "{target}"> %ytre;', "")


def laughs() -> Ondskap:
    """Nine levels of ten: a billion of the first."""
    lol = '<!ENTITY l0 "ha">' + "".join(f'<!ENTITY l{k} "{f"&l{k - 1};" * 10}">' for k in range(1, 10))
    return doctype(lol, "&l9;")


def nested(depth: int = 100_000) -> Ondskap:
    """Send brackets, or elements, one within the other."""

    def answer(innslag: Innslag) -> None:
        content = b'{"features":' + b"[" * depth + b"]" * depth + b"}" if innslag.speaks_json else b"<a>" * depth
        innslag.send(content, headers={"Content-Type": innslag.kind})

    return answer


def dense(size: int = 60_000_000) -> Ondskap:
    """Send as many small objects, or elements, as the bytes hold: read whole, each byte takes twenty."""

    def answer(innslag: Innslag) -> None:
        start, piece = (b'{"features":[', b"{},") if innslag.speaks_json else (_FEATURES, b"<a/>")
        innslag.open_ended({"Content-Type": innslag.kind})
        innslag.wfile.write(start)
        for _ in range(size // (100_000 * len(piece))):
            innslag.wfile.write(piece * 100_000)
        innslag.wfile.write(b'{}],"numberMatched":1}' if innslag.speaks_json else b"</wfs:FeatureCollection>")

    return answer


_FEATURES = (
    b'<?xml version="1.0"?><wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" numberMatched="7" '
    b'numberReturned="7">'
)


def changed(change: Callable[[bytes], bytes]) -> Ondskap:
    """Send a good answer with its content changed; that of an archive in its GML."""

    def answer(innslag: Innslag) -> None:
        svar = innslag.svar()
        content = in_archive(change)(svar.content) if svar.content.startswith(b"PK") else change(svar.content)
        innslag.pass_on(dataclasses.replace(svar, content=content))

    return answer


def in_archive(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Change every GML in a zip."""

    def repacked(content: bytes) -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                new.writestr(name, change(old.read(name)) if name.endswith(".gml") else old.read(name))
        return made.getvalue()

    return repacked


def zip_bomb(size: int = 400_000_000) -> Ondskap:
    """Send an archive, where one is asked for, that unpacks to blanks."""

    def answer(innslag: Innslag) -> None:
        svar = innslag.svar()
        if not svar.content.startswith(b"PK"):
            innslag.pass_on(svar)
            return
        made = io.BytesIO()
        packed = zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        with packed, packed.open("teig.gml", "w") as file:
            for _ in range(size // 1_000_000):
                file.write(b" " * 1_000_000)
        innslag.pass_on(dataclasses.replace(svar, content=made.getvalue()))

    return answer

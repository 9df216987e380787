"""A proposal of a source: what discovery found for one kommune and theme, as a table to paste, never put into use.

A row is a source that `config.kilder` can load, with what was seen of it. People decide: the table lies under
geodata/forslag/, and the review queue points at it.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from config.kilder import Kilde, Tema
from config.registers import Kommune
from tasks.sources.kandidat import Kandidat
from tasks.sources.koder import fold
from tasks.sources.kontroll import Sak
from tasks.sources.tekstfil import replace_text
from tasks.sources.unntak import shorten

KP_ZONES = ("KpArealformålOmråde", "KpArealbrukOmråde")
RP_ZONES = ("RpArealformålOmråde", "RbFormålOmråde")
TEMA_AV: Mapping[str, Tema] = {
    **dict.fromkeys(("KpOmråde", *KP_ZONES), "kommuneplan"),
    "RpOmråde": "reguleringsplan",
    **dict.fromkeys(RP_ZONES, "reguleringsformaal"),
}
"""Object type → theme; the other types of the plan model are not fetched."""

PROTOKOLLER = ("ogc_features", "wfs", "arcgis")
"""Those that say how many features they have go before those that do not always."""
PRIORITET = 30
"""After the inbox and before the national copy, as a kommune's own services go: nothing is used before a person has
looked at it and pasted it."""


@dataclass(frozen=True, kw_only=True)
class Forslag:
    """One proposed source.

    Attributes
    ----------
    tillit
        How sure the recognition is, 0–1: the least of its layers.
    andel_inni
        Share of the sampled features that touch the kommune; None when its boundary is not known.
    andel_koder
        Share of the sampled zones whose code is in its list; None when it has no zones.
    antall_sett
        Features sampled.
    grunner
        Why, in Norwegian.
    """

    kilde: Kilde
    kandidat: Kandidat
    tillit: float
    andel_inni: float | None
    andel_koder: float | None
    antall_sett: int
    grunner: tuple[str, ...]

    @property
    def rang(self) -> tuple[float, float, float, bool, int, str]:
        """Sorts the best first: coverage, recognition, sample, open, protocol; tenths, so that near is equal."""
        return (
            -round(self.andel_inni if self.andel_inni is not None else 0.5, 1),
            -round(self.tillit, 1),
            -round(self.andel_koder if self.andel_koder is not None else 1.0, 1),
            self.kilde.legitimasjon is not None or self.kandidat.er_aapen is False,
            PROTOKOLLER.index(self.kandidat.protokoll),
            self.kilde.adresse,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the proposal as JSON-ready values."""
        return {
            "kilde": self.kilde.model_dump(mode="json", exclude_defaults=True),
            "tittel": self.kandidat.tittel,
            "eier": self.kandidat.eier,
            "funnet": self.kandidat.funnet,
            "tillit": round(self.tillit, 2),
            "andel_inni": self.andel_inni,
            "andel_koder": self.andel_koder,
            "antall_sett": self.antall_sett,
            "grunner": list(self.grunner),
        }


def source_name(kommune: Kommune, tema: Tema, adresse: str) -> str:
    """Return the name of a proposed source: the same whenever it is found again.

    Examples
    --------
    >>> kommune = Kommune(nummer="4601", navn="Bergen", fylke="Vestland", epsg=25832)
    >>> source_name(kommune, "kommuneplan", "https://kart.bergen.kommune.no/arcgis/rest/services/KPA2018/MapServer")
    'k4601_kommuneplan_kart_bergen_kommune_no_46d3'
    """
    host = re.sub(r"[^a-z0-9]+", "_", (urlsplit(adresse).hostname or "").lower()).strip("_")[:40]
    return f"k{kommune.nummer}_{tema}_{host}_{hashlib.sha256(adresse.encode()).hexdigest()[:4]}"


def is_own(kommune: Kommune, kandidat: Kandidat) -> bool:
    """Return whether a service calls itself the kommune's: by its number or name in address, title or owner."""
    name = re.sub(r"\s*\(.*\)", "", kommune.navn)
    texts = [unquote(kandidat.adresse), kandidat.tittel, kandidat.eier]
    words = {fold(word) for text in texts for word in re.split(r"[\W_]+", text)}
    parts = [fold(part) for part in name.split(" - ")]  # Porsanger - Porsángu - Porsanki
    return kommune.nummer in words or any(part and part in fold(" ".join(texts)) for part in parts)


# --- the table to paste -----------------------------------------------------------------------------------------


def as_toml(forslag: Sequence[Forslag], *, kommune: Kommune, dag: str) -> str:
    """Return the proposals as tables of the form of config/plankilder.toml, the best first.

    Parameters
    ----------
    dag
        ISO date on which they were found.
    """
    head = [
        f"# Foreslåtte plankilder for {_comment(kommune.label)}, funnet {dag}. Ingen av dem er i bruk.",
        "# Lim inn den som skal brukes i filen som TOMT_KILDER peker på, eller i config/plankilder.toml, og se over",
        "# det som er merket med «kontroller».",
    ]
    if not forslag:
        head.append("# Ingenting ble funnet.")
    return "\n".join([*head, *(line for number, f in enumerate(forslag, 1) for line in _table(number, f))]) + "\n"


@dataclass(frozen=True)
class Tidligere:
    """A proposal of an earlier search, as it stands in the file."""

    navn: str
    adresse: str
    tekst: str


def earlier(*, geodata: Path, kommunenummer: str) -> list[Tidligere]:
    """Return the proposals that an earlier search has left; none where there is no file that can be read."""
    try:
        text = (geodata / "forslag" / f"{kommunenummer}.toml").read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except (OSError, ValueError):
        return []
    found = []
    for block in text.split("\n\n"):
        header = re.search(r"^\[(\w+)\]$", block, re.MULTILINE)
        if header is not None and header[1] in tables:
            adresse = str(tables[header[1]].get("adresse", ""))
            found.append(Tidligere(header[1], adresse, block.strip("\n")))
    return found


def with_earlier(text: str, kept: Sequence[Tidligere]) -> str:
    """Return the table with proposals that an earlier search has left, and that could not be looked at now."""
    if not kept:
        return text
    head = "# Fra en tidligere leting: dette ble ikke sett på nå, fordi noe ikke svarte."
    return "\n\n".join([text.rstrip("\n"), head, *(one.tekst for one in kept)]) + "\n"


def _table(number: int, forslag: Forslag) -> list[str]:
    values = forslag.kilde.model_dump(mode="python", exclude_defaults=True, exclude={"navn"})
    return [
        "",
        f"# {number}. {_comment(f'{forslag.kandidat.tittel or forslag.kilde.adresse} ({forslag.kandidat.funnet})')}",
        *(f"# {_comment(grunn)}" for grunn in forslag.grunner),
        f"[{forslag.kilde.navn}]",
        *(f"{key} = {_value(value)}" for key, value in values.items()),
    ]


def _comment(text: str) -> str:
    return shorten(text)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_string(str(k))} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    return _string(str(value))


def _string(text: str) -> str:
    """Return a basic string of TOML: JSON's but for the control character that JSON lets stand."""
    valid = text.encode("utf-8", "replace").decode()
    return json.dumps(valid, ensure_ascii=False).replace("\x7f", "\\u007F")


def write(text: str, *, geodata: Path, kommunenummer: str) -> Path:
    """Write the table under geodata/forslag/, and return where.

    Raises
    ------
    StoreError
        When the disk refuses.
    """
    path = geodata / "forslag" / f"{kommunenummer}.toml"
    replace_text(path, text)
    return path


# --- the review queue -------------------------------------------------------------------------------------------


def cases(forslag: Iterable[Forslag], *, kommune: Kommune, path: Path) -> list[Sak]:
    """Return an item of the review queue for every proposal.

    Parameters
    ----------
    path
        Of the table to paste.
    """
    return [
        Sak(
            kontroll_id=f"{kommune.nummer}-{f.kilde.tema}-forslag-{f.kilde.navn}",
            kommunenummer=kommune.nummer,
            hva=f"Mulig ny kilde for {f.kilde.tema}",
            hvor=f"{f.kandidat.tittel} – {f.kilde.adresse}",
            hvorfor=" ".join(f.grunner),
            forslag=f"Se over [{f.kilde.navn}] i geodata/forslag/{path.name}. Er den rett, be drift ta den i bruk.",
            alvor="lav",
        )
        for f in forslag
    ]

"""The review queue (contract `KONTROLL`): what a person should look at, why, and what to do about it.

A row is one matter with a stable id, `<kommunenummer>-<tema>-<slag>-<kilde>`. It stays open for as long as whoever
finds it (`opphav`) finds it, and is closed after that, never removed. What people make of it stands in Airtable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

import pandas as pd

from config.registers import Kommune, KvalitetRegler
from tasks import contracts
from tasks.answer import Answer, Empty, Failed, NotCovered, Rows
from tasks.contracts import KONTROLL
from tasks.store import Geodata
from tasks.tekst import tall

AAPEN, LUKKET = "aapen", "lukket"

Alvor = Literal["høy", "middels", "lav"]
Opphav = Literal["kjoering", "oppdagelse", "helse"]
KJOERING: Opphav = "kjoering"

FELLES = contracts.FELLES

INGEN = "ingen"
"""Stands in the place of a source where none is known."""

MAX_TEXT = 600
"""Letters of a text that comes from outside, such as an error message."""


@dataclass(frozen=True)
class Sak:
    """One matter for a person, in Norwegian.

    Attributes
    ----------
    kontroll_id
        Stable: ``<kommunenummer or felles>-<tema>-<slag>-<kilde>``.
    kommunenummer
        "" for what concerns no single kommune.
    hva, hvor, hvorfor, forslag
        What it is, where, why it matters, and what to do.
    """

    kontroll_id: str
    kommunenummer: str
    hva: str
    hvor: str
    hvorfor: str
    forslag: str
    alvor: Alvor


def items(
    kommune: Kommune, answers: Mapping[str, Answer], dekning: pd.DataFrame, *, rules: KvalitetRegler
) -> list[Sak]:
    """Return what a run of one kommune leaves for a person to look at.

    Parameters
    ----------
    answers
        Theme → answer.
    dekning
        Contract `DEKNING`, of the same answers.
    """
    found: list[Sak] = []
    for row in dekning.to_dict("records"):
        answer = answers[row["tema"]]
        if isinstance(answer, Rows):
            found += _of_rows(kommune, answer, row, rules)
        elif row["er_paakrevd"]:
            found += _of_silence(kommune, answer, row)
    return found


def _sak(kommune: Kommune, row: Mapping[Any, Any], slag: str, *, alvor: Alvor, **texts: str) -> Sak:
    return Sak(
        kontroll_id=f"{kommune.nummer}-{row['tema']}-{slag}-{row['kilde'] or INGEN}",
        kommunenummer=kommune.nummer,
        hvor=f"{kommune.label}, {row['tema']}, kilde {row['kilde'] or INGEN}",
        alvor=alvor,
        **texts,
    )


def _of_silence(kommune: Kommune, answer: Answer, row: Mapping[Any, Any]) -> list[Sak]:
    """Return the matter of a theme that lots depend on and that brought nothing."""
    tema, kilde = row["tema"], row["kilde"]
    if isinstance(answer, Failed):
        texts = {
            "hva": f"Kilden for {tema} svarer ikke som den skal",
            "hvorfor": f"Uten {tema} endres ingen tomter. Teknisk: {_short(answer.grunn)}",
            "forslag": f"Prøv igjen senere. Varer det, så sjekk innlogging og adresse for {kilde} med `tomt sources "
            f"{kommune.nummer}`, eller be kommunen om filer og legg dem i innboksen.",
        }
        return [_sak(kommune, row, "feilet", alvor="høy", **texts)]
    if isinstance(answer, NotCovered):
        texts = {
            "hva": f"Ingen kilde har {tema} for kommunen",
            "hvorfor": f"Det er ukjent, ikke tomt: ingen tomter endres. {_short(answer.grunn)}",
            "forslag": f"Finn kommunens egne tjenester med `tomt sources {kommune.nummer} --finn`, eller be kommunen "
            "om filer og legg dem i innboksen.",
        }
        return [_sak(kommune, row, "ikke_dekket", alvor="høy", **texts)]
    if isinstance(answer, Empty) and tema == "kommuneplan":
        texts = {
            "hva": "Kilden sier at kommunen ikke har noen kommuneplan",
            "hvorfor": "Alle kommuner har en kommuneplan (pbl. § 11-1): kilden er trolig ufullstendig.",
            "forslag": "Sjekk kommunens planregister, og be kommunen om kommuneplanens arealdel som fil.",
        }
        return [_sak(kommune, row, "mangler", alvor="høy", **texts)]
    return []


def _of_rows(kommune: Kommune, answer: Rows, row: Mapping[Any, Any], rules: KvalitetRegler) -> list[Sak]:
    """Return the matters of a theme whose data serve all the same."""
    found: list[Sak] = []
    if answer.holdt is not None:
        found.append(_held(kommune, answer, row))
    elif answer.reserve is not None:
        texts = {
            "hva": f"Siste gode data for {row['tema']} brukes i stedet for nye",
            "hvorfor": f"Det som er endret siden {row['sett_tid'][:10]} mangler. {_short(answer.reserve)}",
            "forslag": f"Se hva kilden svarer med `tomt sources {kommune.nummer}`. Varer det, så meld fra til den som "
            "driver kilden.",
        }
        found.append(_sak(kommune, row, "reserve", alvor="middels", **texts))
    if (limit := rules.ukjent_kode.c) is not None and row["andel_ukjent_kode"] > limit:
        texts = {
            "hva": "Mange flater har et ukjent arealformål",
            "hvorfor": f"{tall(100 * row['andel_ukjent_kode'])} % av flatene har en kode som ikke står i kodelistene: "
            "boligformål kan bli oversett.",
            "forslag": f"Se hva kilden kaller formålene, og legg koder eller kolonner til {row['kilde']} i listen over "
            "plankilder.",
        }
        found.append(_sak(kommune, row, "ukjente_koder", alvor="middels", **texts))
    if not found and row["karakter"] == "D":
        texts = {
            "hva": f"Dataene for {row['tema']} er for dårlige til å stole på",
            "hvorfor": f"{'. '.join(row['grunner'])}.",
            "forslag": "Sammenlign med kommunens planregister før noen ringer en eier, og be kommunen om nye data.",
        }
        found.append(_sak(kommune, row, "karakter", alvor="høy", **texts))
    return found


def _held(kommune: Kommune, answer: Rows, row: Mapping[Any, Any]) -> Sak:
    held = answer.holdt
    assert held is not None  # noqa: S101  # the caller has looked
    figures = f"{tall(held.antall_foer)} objekter ble {tall(held.antall_naa)}"
    if held.areal_foer_m2 is not None:
        figures += f", {tall(held.areal_foer_m2 / 1e6, 1)} km² ble {tall(held.areal_naa_m2 / 1e6, 1)} km²"
    command = f"tomt sources {kommune.nummer}"
    texts = {
        "hva": f"Nye data for {row['tema']} er holdt tilbake",
        "hvorfor": f"{figures}. De forrige brukes til noen har sett på det. {_short(held.grunn)}",
        "forslag": f"Sammenlign med kommunens planregister. Stemmer det nye: `{command} --godkjenn {held.kilde}`. "
        f"Er det feil: `{command} --avvis {held.kilde}`.",
    }
    return _sak(kommune, row, "holdt", alvor="høy", **texts)


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= MAX_TEXT else f"{plain[: MAX_TEXT - 1]}…"


# --- the queue ---


def merge(previous: pd.DataFrame | None, saker: Iterable[Sak], *, opphav: Opphav, i_dag: date) -> pd.DataFrame:
    """Return the queue after somebody has looked again.

    What is found again stays open with its first date; what `opphav` found before and not now is closed; a closed one
    that comes back is opened again under its old id and date, and says when it came back: a person may have settled it
    and would not look again. The items of others are left as they are.

    Parameters
    ----------
    previous
        Contract `KONTROLL`; None for a first time.
    i_dag
        Becomes `foerst_sett` of new items and `sist_sett` of all that were found.
    """
    known = previous.to_dict("records") if previous is not None else []
    rows: dict[str, dict[Any, Any]] = {str(row["kontroll_id"]): row for row in known}
    returned = {key: _returned(row, i_dag) for key, row in rows.items()}
    for row in rows.values():
        if row["opphav"] == opphav:
            row["tilstand"] = LUKKET
    for sak in saker:
        first = rows.get(sak.kontroll_id, {}).get("foerst_sett", i_dag.isoformat())
        seen = {"opphav": opphav, "tilstand": AAPEN, "foerst_sett": first, "sist_sett": i_dag.isoformat()}
        back = returned.get(sak.kontroll_id)
        hva = sak.hva if back is None else f"{sak.hva} (kom tilbake {back})"
        rows[sak.kontroll_id] = {**asdict(sak), "hva": hva, **seen}
    return pd.DataFrame(
        {column: pd.Series([row[column] for row in rows.values()], dtype="object") for column in KONTROLL.columns}
    )


_RETURNED = re.compile(r" \(kom tilbake ([0-9]{4}-[0-9]{2}-[0-9]{2})\)$")


def _returned(row: Mapping[Any, Any], i_dag: date) -> str | None:
    """Return when a matter came back, were it found again today; None for one that has been open all the time."""
    if row["tilstand"] == LUKKET:
        return i_dag.isoformat()
    match = _RETURNED.search(str(row["hva"]))
    return match[1] if match else None


def keep(saker: Iterable[Sak], geodata: Geodata, *, kommunenummer: str, opphav: Opphav, i_dag: date) -> pd.DataFrame:
    """Bring the queue of one kommune (or `FELLES`) up to date in out/kontroll, and return it.

    Parameters
    ----------
    saker
        Everything that `opphav` finds now; what is not among it is closed.
    """
    previous = geodata.read(kommunenummer, layer="out", contract=KONTROLL)
    queue = merge(previous, saker, opphav=opphav, i_dag=i_dag)
    geodata.write(queue, kommunenummer, layer="out", contract=KONTROLL)
    return queue

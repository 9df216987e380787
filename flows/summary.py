"""The summary of a run: what the sources answered, what each step kept and dropped, what changed in Airtable.

The same object is printed by `--json`, kept as a row in Kjøringer, and shown as artifacts in Prefect
(`flows.sammendrag`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from config.kilder import optional_themes
from config.registers import Kommune
from flows import scoretekst
from tasks.answer import Answer, Failed, NotCovered, Rows, blocking
from tasks.crm.bilder.opplasting import Bilder
from tasks.tomtekontrakter import KONTEKSTDEKNING

WRITES = ("created", "updated")
COUNTS = ("created", "updated", "unchanged", "refused")
MANGLER = {
    "NotCovered": "dekker ikke kommunen",
    "Failed": "svarte ikke som den skal",
    "Empty": "sier nå at kommunen ikke har noe",
}
LAND = ("Områder", "Eiendommer", "Tomter", "Sammenslåinger")
FULLFORT, IKKE_DEKKET, FEILET = "Fullført", "Ikke dekket", "Feilet"


@dataclass
class Summary:
    """What a run of one kommune did.

    Attributes
    ----------
    resultat
        Fullført, Ikke dekket or Feilet; in the latter two no lot was changed.
    grunn
        Why it is not Fullført.
    kilder
        Theme → answer.
    datakvalitet
        Grade of the data with its reasons, by theme, and the number of open matters in Kontroll.
    kontekst
        Layer of context → answer; empty where none was asked for.
    dekning_kontekst
        What each layer of context is worth (contract KONTEKSTDEKNING).
    scoring
        What scoring came to (`kjoring.Scoret.as_dict`).
    regnskap
        Step → in, out, dropped with reasons.
    tabeller
        Table → created, updated, unchanged, refused.
    avvist
        Table → key → why a row is left alone.
    endringer
        Table → what a dry run would create and change, by key.
    upublisert
        Lots below the threshold of publication, which stay in geodata alone.
    stoppet
        Table in which nothing was written → why, in words for sales.
    valgfrie
        Themes without which a run finds lots all the same.
    bilder
        What became of the pictures of its lots; None when there was no run to draw them.
    run_record
        What became of the run's own row in Kjøringer, which is not among the counts.
    """

    kommune: Kommune
    start: datetime
    dry_run: bool
    resultat: str = FULLFORT
    grunn: str | None = None
    sekunder: float = 0.0
    sekunder_per_steg: dict[str, float] = field(default_factory=dict)
    kilder: dict[str, Answer] = field(default_factory=dict)
    datakvalitet: dict[str, Any] = field(default_factory=dict)
    kontekst: dict[str, Answer] = field(default_factory=dict)
    dekning_kontekst: pd.DataFrame = field(default_factory=KONTEKSTDEKNING.empty)
    scoring: dict[str, Any] = field(default_factory=dict)
    regnskap: dict[str, Any] = field(default_factory=dict)
    tabeller: dict[str, dict[str, int]] = field(default_factory=dict)
    endringer: dict[str, Any] = field(default_factory=dict)
    avvist: dict[str, dict[str, str]] = field(default_factory=dict)
    mangler_i_basen: tuple[str, ...] = ()
    kall: int = 0
    upublisert: int = 0
    stoppet: dict[str, str] = field(default_factory=dict)
    valgfrie: frozenset[str] = field(default_factory=optional_themes)
    bilder: Bilder | None = None
    run_record: dict[str, int] = field(default_factory=lambda: {"created": 0, "updated": 0})

    @property
    def ok(self) -> bool:
        """True when the run did its work."""
        return self.resultat == FULLFORT

    def fail(self, grunn: str, resultat: str = FEILET) -> None:
        """Mark the run as not having done its work."""
        self.resultat, self.grunn = resultat, grunn

    @property
    def has_written(self) -> bool:
        """True when records were created or changed."""
        return not self.dry_run and self.count("created") + self.count("updated") > 0

    def count(self, what: str) -> int:
        """Return created, updated, unchanged or refused over all tables."""
        return sum(row[what] for row in self.tabeller.values())

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as JSON-ready values."""
        return {
            "kommunenummer": self.kommune.nummer,
            "kommune": self.kommune.navn,
            "oppdiktet": self.kommune.oppdiktet,
            "resultat": self.resultat,
            "grunn": self.grunn,
            "dry_run": self.dry_run,
            "start": self.start.isoformat(timespec="seconds"),
            "sekunder": round(self.sekunder, 2),
            "sekunder_per_steg": {k: round(v, 2) for k, v in self.sekunder_per_steg.items()},
            **{what: self.count(what) for what in COUNTS},
            "run_record": self.run_record,
            "tabeller": self.tabeller,
            "endringer": self.endringer,
            "avvist": self.avvist,
            "mangler_i_basen": list(self.mangler_i_basen),
            "upublisert": self.upublisert,
            "bilder": None if self.bilder is None else asdict(self.bilder),
            "kall": self.kall,
            "kilder": {tema: answer_dict(answer) for tema, answer in self.kilder.items()},
            "datakvalitet": self.datakvalitet,
            "kontekst": scoretekst.layers(self.dekning_kontekst),
            "scoring": self.scoring,
            "regnskap": self.regnskap,
            "tekst": self.as_text(),
        }

    def as_text(self) -> str:
        """Return the summary in a few lines for a person."""
        if not self.ok:
            head = f"{self.kommune.label}: {self.resultat}. {self.grunn}"
            return "\n".join([head, *self._tables()])
        would = "would be " if self.dry_run else ""
        lines = [
            f"{self.kommune.label}: {self._lots()}. Airtable: {self.count('created')} {would}created, "
            f"{self.count('updated')} {would}updated, {self.count('unchanged')} unchanged, "
            f"{self.count('refused')} refused, {self.kall} calls; {self.sekunder:.1f} s."
        ]
        if self.datakvalitet:
            open_matters = self.datakvalitet["kontroll_aapne"]
            lines.append(f"  data quality {self.datakvalitet['karakter']}, {open_matters} open matters of the sources")
        lines += [f"  {line}" for line in scoretekst.lines(self.scoring, self.dekning_kontekst)]
        if self.scoring and not self.kontekst:
            lines.append("  context was not fetched (TOMT_HENT_KONTEKST=false): what was known before serves")
        if self.upublisert:
            lines.append(f"  {self.upublisert} lots are below the threshold of publication and stay in geodata alone")
        lines += self._pictures()
        lines += [f"  without fresh data on {tema}: {answer.grunn}" for tema, answer in self._unanswered()]
        lines += [f"  {tema}: {answer.reserve}" for tema, answer in self._in_reserve()]
        lines += [
            f"  {tema}: {answer.kilde} serves; {name} does not: {why.partition('. ')[0].removesuffix('.')}"
            for tema, answer in self.kilder.items()
            for name, why in answer.forsoek
        ]
        lines += [f"  {line}" for line in self.mangler_i_basen]
        lines += [
            f"  {navn} {key} is left alone: it {why}" for navn, rows in self.avvist.items() for key, why in rows.items()
        ]
        return "\n".join([*lines, *self._tables()])

    def _pictures(self) -> list[str]:
        """Return what became of the pictures, where anything did."""
        found = self.bilder
        if found is None or not (found.lastet_opp or found.utelatt or found.feilet or found.stoppet):
            return []
        figures = [(found.lastet_opp, "would be sent" if self.dry_run else "sent"), (found.uendret, "unchanged")]
        figures += [(found.utelatt, "left to another run"), (found.feilet, "failed")]
        told = ", ".join(f"{n} {what}" for n, what in figures if n)
        return [f"  pictures: {told or 'none'}{f'; {found.stoppet}' if found.stoppet else ''}"]

    def _tables(self) -> list[str]:
        """Return what was, or would be, done to each table."""
        would = "would be " if self.dry_run else ""
        lines = []
        for navn, counts in self.tabeller.items():
            figures = [f"{n} {would if what in WRITES else ''}{what}" for what, n in counts.items() if n]
            lines.append(f"  {navn}: {', '.join(figures) or 'nothing'}")
            lines += [f"    {line}" for line in self.endringer.get(navn, {}).get("linjer", [])]
        return lines

    def _lots(self) -> str:
        steps = self.regnskap["land"]
        return f"{steps['tomter']['ut']} tomter on {steps['omraader']['ut']} områder"

    def _so_far(self) -> str:
        """Return in Norwegian what a run that did not do its work had written; nothing where that is not known."""
        created, updated = (sum(self.tabeller.get(t, {}).get(what, 0) for t in LAND) for what in WRITES)
        if not self.dry_run and created + updated:
            return f"{created} rader ble opprettet og {updated} endret før det stoppet; neste kjøring gjør resten."
        # Stopped before Airtable's turn, or with the count of what it sent: none.
        is_known = self.dry_run or bool(self.tabeller) or "airtable" not in self.sekunder_per_steg
        return "Ingen tomt er endret." if is_known else ""

    def kort(self) -> str:
        """Return the summary in one Norwegian sentence or two, for the base and the run's state."""
        if not self.ok:
            detail = "" if self.stoppet else f"({self.grunn})"
            words = [f"{self.kommune.label}: {self.resultat}.", self._aarsak(), self._so_far(), detail]
            return " ".join(word for word in words if word)
        steps = self.regnskap["land"]
        changed = "ville blitt opprettet" if self.dry_run else "opprettet"
        return (
            f"{self.kommune.label}: {steps['tomter']['ut']} tomter på {steps['omraader']['ut']} områder. "
            f"Airtable: {self.count('created')} {changed}, {self.count('updated')} endret, "
            f"{self.count('unchanged')} uendret, {self.count('refused')} avvist."
        ) + "".join(
            [
                *scoretekst.setninger(self.scoring),
                *self._ikke_lagt_ut(),
                *self._kartbilder(),
                *self._uten(),
                *self._ikke_rort(),
            ]
        )

    def _ikke_lagt_ut(self) -> list[str]:
        return [f" {self.upublisert} tomter under terskelen er ikke lagt ut."] if self.upublisert else []

    def _kartbilder(self) -> list[str]:
        """Return in Norwegian what became of the pictures, where something did; the reason is the operator's."""
        found = self.bilder
        if found is None or not (found.lastet_opp or found.utelatt or found.feilet):
            return []
        figures = [(found.lastet_opp, "ville blitt laget" if self.dry_run else "laget")]
        figures += [(found.utelatt, "venter til en senere kjøring"), (found.feilet, "mislyktes")]
        return [f" Kartbilder: {', '.join(f'{n} {what}' for n, what in figures if n)}."]

    def _ikke_rort(self) -> list[str]:
        return [
            f" {navn} {key} er ikke rørt: {why}." for navn, rows in self.avvist.items() for key, why in rows.items()
        ]

    def _uten(self) -> list[str]:
        """Return in Norwegian which sources the lots were found without."""
        said = [
            f" Kilden for {tema} {MANGLER[type(answer).__name__]}; tomtene er funnet uten ferske data derfra."
            for tema, answer in self._unanswered()
        ]
        for tema, answer in self._in_reserve():
            what = f"Kilden for {tema} {MANGLER.get(answer.svar, MANGLER['Failed'])}"
            if answer.holdt or answer.svar == "Rows":
                # rows that serve not: a person has yet to look at them, or has looked and turned them away
                what = f"Nytt svar om {tema} er {'holdt tilbake' if answer.holdt else 'avvist'}"
            said.append(f" {what}; data fra {answer.sett_tid[:10]} er brukt.")
        return said

    def _in_reserve(self) -> list[tuple[str, Rows]]:
        return [(tema, a) for tema, a in self.kilder.items() if isinstance(a, Rows) and a.reserve is not None]

    def _unanswered(self) -> list[tuple[str, NotCovered | Failed]]:
        return [(tema, a) for tema, a in blocking(self.kilder).items() if tema in self.valgfrie]

    def _aarsak(self) -> str:
        """Return in Norwegian what went wrong, for sales; the detail is the operator's."""
        stops = blocking(self.kilder, optional=self.valgfrie)
        silent = [tema for tema, a in stops.items() if isinstance(a, Failed)]
        uncovered = [tema for tema, a in stops.items() if isinstance(a, NotCovered)]
        parts = [f"Kilden for {' og '.join(silent)} {MANGLER['Failed']}."] if silent else []
        parts += [f"Kilden for {' og '.join(uncovered)} {MANGLER['NotCovered']}."] if uncovered else []
        parts += [f"{why} Ingenting er skrevet i {navn}; se Kontroll." for navn, why in self.stoppet.items()]
        return " ".join(parts) or "Noe gikk galt underveis."


def answer_dict(answer: Answer) -> dict[str, Any]:
    """Return an answer as JSON-ready values: svar, kilde, antall or grunn, and which sources did not serve."""
    row: dict[str, Any] = {"svar": type(answer).__name__, "kilde": answer.kilde}
    if answer.forsoek:
        row["forsoek"] = [{"kilde": name, "grunn": why} for name, why in answer.forsoek]
    if not isinstance(answer, Rows):
        return row | {"grunn": answer.grunn}
    row |= {
        "svar": answer.svar,
        "antall": answer.antall,
        "hentet_tid": answer.provenance.hentet_tid,
        "sett_tid": answer.sett_tid,
    }
    if answer.reserve is not None:
        row["reserve"] = answer.reserve
    if answer.holdt is not None:
        row["holdt"] = {"grunn": answer.holdt.grunn, "fil": str(answer.holdt.path)}
    return row


def totals(summaries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the one JSON object of a command: sums first, then each kommune's summary (`Summary.as_dict`)."""
    return {
        **{what: sum(s[what] for s in summaries) for what in COUNTS},
        "run_record": {what: sum(s["run_record"][what] for s in summaries) for what in ("created", "updated")},
        "ok": all(s["resultat"] == FULLFORT for s in summaries),
        "kommuner": list(summaries),
    }

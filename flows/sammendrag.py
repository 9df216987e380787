"""Sammendrag: the Prefect artifact of a run, which sales and operators read (Norwegian)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows import scoretekst
from flows.markdown import plain
from flows.summary import Summary, answer_dict
from tasks.tekst import tall

SVAR = {"Rows": "data", "Empty": "ingenting der", "NotCovered": "dekker ikke kommunen", "Failed": "feilet"}


def as_markdown(summary: Summary) -> str:
    """Return the summary of a run as Markdown, Norwegian."""
    lines = [f"# {summary.kommune.label}: {summary.resultat}", ""]
    if summary.kommune.oppdiktet:
        lines += ["**Oppdiktet kommune til utprøving: ingen av tomtene finnes.**", ""]
    lines += [plain(summary.kort()), "", *_sources(summary)]
    lines += scoretekst.markdown(summary.scoring, summary.dekning_kontekst)
    if summary.tabeller:
        lines += ["", "| Airtable | Ny | Endret | Uendret | Avvist |", "| --- | ---: | ---: | ---: | ---: |"]
        for navn, c in summary.tabeller.items():
            lines.append(f"| {navn} | {c['created']} | {c['updated']} | {c['unchanged']} | {c['refused']} |")
    for part, title in (("kilder", "Kildedata"), ("land", "Tomtesøk"), ("kontekst", "Omgivelser")):
        if steps := summary.regnskap.get(part):
            lines += ["", f"| {title} | Inn | Ut | Utelatt | Merknader |", "| --- | ---: | ---: | --- | --- |"]
            lines += [_account_line(step, row) for step, row in steps.items()]
    if summary.bilder is not None and summary.bilder.stoppet:
        lines += ["", f"Kartbildene: {plain(summary.bilder.stoppet)}"]
    lines += ["", f"{summary.kall} kall til Airtable, {summary.sekunder:.1f} sekunder."]
    if summary.dry_run:
        lines += ["", "**Prøvekjøring: ingenting er skrevet til Airtable.** Dette ville blitt endret:", ""]
        changes = [f"- {navn}: {plain(line)}" for navn, rows in summary.endringer.items() for line in rows["linjer"]]
        lines += changes or ["- ingenting"]
    return "\n".join(lines)


def _sources(summary: Summary) -> list[str]:
    """Return the table of what the source of each theme answered."""
    lines = ["| Tema | Kilde | Svar | Objekter | Kvalitet | Merknad |", "| --- | --- | --- | ---: | --- | --- |"]
    grades = summary.datakvalitet.get("temaer", {})
    for tema, answer in summary.kilder.items():
        row, grade = answer_dict(answer), grades.get(tema, {"karakter": "", "grunner": []})
        svar = SVAR[row["svar"]]
        if row.get("reserve"):
            what = "holdt tilbake" if "holdt" in row else "avvist" if row["svar"] == "Rows" else svar
            svar = f"{what}; data fra {row['sett_tid'][:10]}"
        said = [row.get("grunn") or row.get("reserve") or "", *(f"{n}: {why}" for n, why in answer.forsoek)]
        remark = plain("; ".join(part for part in [*said, *grade["grunner"]] if part))
        figures = f"{row.get('antall', '')} | {grade['karakter'] or ''}"
        lines.append(f"| {tema} | {row['kilde']} | {svar} | {figures} | {remark} |")
    return lines


def _account_line(step: str, row: Mapping[str, Any]) -> str:
    gone = ", ".join(f"{reason} {dropped['antall']}" for reason, dropped in row["utelatt"].items())
    noted = ", ".join(f"{what} {tall(figure)}" for what, figure in row["merknader"].items())
    return f"| {step} | {row['inn']} | {row['ut']} | {plain(gone)} | {plain(noted)} |"

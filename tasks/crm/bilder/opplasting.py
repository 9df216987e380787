"""Opplasting: pictures of the best lots of a kommune go into `Tomter.Kartbilde`, where their content is new.

A file is named by the digest of what it shows, taken before anything is drawn: where the cell holds that name, nothing
is drawn or sent. A new file is uploaded and then the cell changed to it and to what people have put there; a crash
between the two leaves two files of ours, which the next run mends with two calls. A lot that is no longer among the
best keeps its picture, and gets a new one after the best have theirs. Nothing here fails the run that it belongs to.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from config.bilder import BilderRegister, bilder
from config.registers import Kommune
from config.settings import Settings
from tasks.crm.bilder.fliser import Fliskilde, is_wanted, prune
from tasks.crm.bilder.grunnlag import Grunnlag, read_grunnlag
from tasks.crm.bilder.motiv import Motiv, digest, file_name
from tasks.crm.bilder.sendt import Sendt
from tasks.crm.bilder.serie import Oppgave, Tegnet, draw_all
from tasks.crm.bilder.valg import Celle, affordable, choose, left_behind, tallied
from tasks.crm.client import readable_errors
from tasks.crm.skjema.ids import TableIds
from tasks.crm.sync import listing
from tasks.crm.sync.connection import Connection
from tasks.errors import BudgetError, TomtError
from tasks.store import Geodata

log = logging.getLogger("tomt.bilder")

TABLE, FIELD = "Tomter", "Kartbilde"
ASKED = ("Tomt-id", "Kommunenummer", "Fase", FIELD)
MOST_FAILURES = 5
"""Uploads in a row that may fail before the rest is left to the next run."""
TELL_EVERY = 50


@dataclass(frozen=True)
class Bilder:
    """What became of the pictures of a kommune.

    Attributes
    ----------
    lastet_opp
        Sent; of a dry run, what would be.
    uendret
        Of the best lots, those whose cell already holds the right one.
    utelatt
        New ones that are left to another run: the budget, Airtable after too many failures, processes that hang; or
        more lots that are no longer among the best than a run sends.
    feilet
        Not drawn, or not sent.
    stoppet
        Why nothing, or not all, was done; None when all went its way.
    """

    tegnet: int = 0
    lastet_opp: int = 0
    uendret: int = 0
    utelatt: int = 0
    feilet: int = 0
    sekunder: float = 0.0
    stoppet: str | None = None


@dataclass
class _Run:
    """A run of pictures on its way.

    Attributes
    ----------
    cells
        tomt_id → cell, of the lots in the base.
    names
        tomt_id → name that its file gets, by whether it has a background.
    """

    grunnlag: Grunnlag
    connection: Connection
    register: BilderRegister
    kilde: Fliskilde | None
    cells: Mapping[str, Celle]
    sent_sizes: Sendt
    names: dict[str, dict[bool, str]] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    drawn: int = 0
    sent: int = 0
    failed: int = 0
    unchanged: int = 0
    left_out: int = 0
    stopped: str | None = None

    def bilder(self, began: float) -> Bilder:
        return Bilder(
            self.drawn,
            self.sent,
            self.unchanged,
            self.left_out,
            self.failed,
            round(time.monotonic() - began, 1),
            self.stopped,
        )


def bring_pictures(
    kommune: Kommune,
    geodata: Geodata,
    connection: Connection,
    *,
    settings: Settings,
    dry_run: bool,
    register: BilderRegister | None = None,
) -> Bilder:
    """Bring the pictures of a kommune's best lots to the base; what stops it is told in the answer, never raised.

    Parameters
    ----------
    dry_run
        Draw and send nothing; `lastet_opp` is what would be sent.
    register
        Other rules than those of config/bilder.toml.

    Returns
    -------
    Bilder
        Counts, seconds, and what stopped it.
    """
    began = time.monotonic()
    rules = register or bilder()
    run: _Run | None = None
    stopped: str | None = None
    try:
        with geodata.lock(f"bilder-{kommune.nummer}"):
            run = _prepared(kommune, geodata, connection, settings=settings, register=rules)
            if run is None:
                return Bilder()
            with run.kilde or nullcontext():
                _carry_out(run, dry_run=dry_run)
    except TomtError as error:
        stopped = str(error)
        log.warning("%s: pictures are left to the next run: %s", kommune.label, error)
    except Exception as error:  # the lots themselves are published, and that is what the run is for
        stopped = f"{type(error).__name__}; the log says where. The next run tries again."
        log.exception("%s: pictures are left to the next run", kommune.label)
    if run is None:
        return Bilder(sekunder=round(time.monotonic() - began, 1), stoppet=stopped)
    run.stopped = stopped or run.stopped
    found = run.bilder(began)
    log.info(
        "%s: pictures: %d drawn, %d sent, %d unchanged, %d left out, %d failed; %.1f s",
        kommune.label,
        found.tegnet,
        found.lastet_opp,
        found.uendret,
        found.utelatt,
        found.feilet,
        found.sekunder,
    )
    if run.reasons:
        log.warning("%s: pictures failed: %s", kommune.label, tallied(run.reasons))
    return found


def _prepared(
    kommune: Kommune, geodata: Geodata, connection: Connection, *, settings: Settings, register: BilderRegister
) -> _Run | None:
    """Read what is needed of files and base; None where there is nothing to do."""
    ids, base = connection.ids.get(TABLE), connection.base
    if ids is None or base is None or FIELD not in ids.fields or not register.utvalg.antall:
        return None
    grunnlag = read_grunnlag(kommune, geodata, register)
    sent = Sendt(geodata.root / "bilder" / "sendt" / f"{kommune.nummer}.json")
    cells = _cells(connection, ids, kommune, sent)
    sent.keep({file.navn for cell in cells.values() for file in cell.filer})
    kilde = None
    if is_wanted(register.fliser, settings):
        folder = geodata.root / "bilder" / "fliser"
        prune(folder, register.fliser.alder_dager)
        kilde = Fliskilde(register.fliser, folder, kontakt=settings.contact)
    return _Run(grunnlag, connection, register, kilde, cells, sent)


def _cells(connection: Connection, ids: TableIds, kommune: Kommune, sent: Sendt) -> dict[str, Celle]:
    """Return tomt_id → cell of the lots of a kommune; of two records with one id, that which the program made."""
    base = connection.base
    if base is None:
        return {}
    asked = TableIds(ids.tabell, ids.id, {n: ids.fields[n] for n in ASKED if n in ids.fields})
    found: dict[str, list[tuple[str, Celle]]] = {}
    for record in listing.records(base, asked, listing.of_kommune(asked, kommune.nummer, with_own=False)):
        cell = Celle.of(record.id, record.fields.get(FIELD), record.fields.get("Fase"), sizes=sent.sizes)
        found.setdefault(record.key(ids.tabell), []).append((record.id, cell))
    made = connection.state.sent(TABLE, [key for key, cells in found.items() if len(cells) > 1])
    chosen = {}
    for key, cells in found.items():
        ours = made[key].post if key in made else None
        chosen[key] = next((cell for post, cell in cells if post == ours), cells[0][1])
    return chosen


def _carry_out(run: _Run, *, dry_run: bool) -> None:
    """Compare, draw and send."""
    fresh = [motiv for motiv in _changed(run) if not _tidied(run, motiv, dry_run=dry_run)]
    room = affordable(
        run.connection.register.grenser,
        kall_i_kjoringen=run.connection.calls,
        kall_i_maaneden=run.connection.calls_this_month,
    )
    most = run.register.utvalg.antall
    if len(fresh) > most:  # more than the best: some that were among them before
        run.left_out, fresh = len(fresh) - most, fresh[:most]
    if len(fresh) > room:
        run.left_out += len(fresh) - room
        run.stopped = (
            f"{len(fresh)} pictures are new and Airtable's plan has room for {room}: the others wait for another run, "
            "or raise [grenser] in config/airtable.toml."
        )
        log.warning("%s: %s", run.grunnlag.kommune.label, run.stopped)
        fresh = fresh[:room]
    if dry_run:
        run.sent += len(fresh)
        return
    _send_all(run, fresh)


def _changed(run: _Run) -> Iterator[Motiv]:
    """Yield the motifs of lots whose cell does not hold just their picture: of the best, then of those that were."""
    best = run.grunnlag.best()
    chosen = choose(best, run.cells, run.register.utvalg)
    for n, tomt_id in enumerate([*chosen, *left_behind(best, run.cells, chosen)]):
        try:
            motiv = run.grunnlag.motiv(tomt_id)
            names = {
                with_tiles: file_name(tomt_id, digest(motiv, run.register, bakgrunn=_ground(run) if with_tiles else ""))
                for with_tiles in (False, True)
            }
        except Exception as error:  # a lot that cannot be drawn is no reason to lose the others
            run.failed += 1
            run.reasons.append(type(error).__name__)
            continue
        run.names[tomt_id] = names
        if not run.cells[tomt_id].has_just(_right(run, motiv)):
            yield motiv
        elif n < len(chosen):
            run.unchanged += 1


def _ground(run: _Run) -> str:
    return run.kilde.navn if run.kilde is not None else run.register.fliser.adresse or ""


def _right(run: _Run, motiv: Motiv) -> list[str]:
    """Return the names that a file may have: one without a background is only right while there is none to be had."""
    names = run.names[motiv.tomt_id]
    is_up = run.kilde is not None and run.kilde.is_up(motiv.utsnitt)
    return [names[True]] if is_up else [names[True], names[False]]


def _tidied(run: _Run, motiv: Motiv, *, dry_run: bool) -> bool:
    """Return True for a cell that holds the right picture beside old ones, and take those out."""
    cell = run.cells[motiv.tomt_id]
    names = [name for name in _right(run, motiv) if cell.has([name])][:1]
    if not names:
        return False
    run.unchanged += 1
    if not dry_run:
        try:
            _change(run, _read_again(run, cell), names)
        except TomtError as error:
            log.warning("%s: old pictures stay: %s", motiv.tomt_id, error)
    return True


def _send_all(run: _Run, fresh: list[Motiv]) -> None:
    """Draw and send; after `MOST_FAILURES` in a row the rest is left out."""
    in_a_row, before = 0, (run.failed, run.unchanged)
    try:
        for tegnet in draw_all(_tasks(run, fresh), run.register, antall=len(fresh)):
            if tegnet.png is None:
                run.failed += 1
                run.reasons.append(tegnet.feil or "not drawn")
                continue
            run.drawn += 1
            try:
                _send(run, tegnet, tegnet.png)
                in_a_row = 0
            except TomtError as error:
                run.failed, in_a_row = run.failed + 1, in_a_row + 1
                run.reasons.append(str(error))
                if in_a_row >= MOST_FAILURES or isinstance(error, BudgetError):
                    raise
            if run.drawn % TELL_EVERY == 0:
                log.info("%s: %d of %d pictures sent …", run.grunnlag.kommune.label, run.sent, len(fresh))
    except TomtError as error:
        settled = run.sent + (run.failed - before[0]) + (run.unchanged - before[1])
        run.left_out += len(fresh) - settled
        run.stopped = str(error)


def _tasks(run: _Run, fresh: list[Motiv]) -> Iterator[Oppgave]:
    for motiv in fresh:
        tiles = run.kilde.under(motiv.utsnitt) if run.kilde is not None else None
        if not _is_there(run, motiv.tomt_id, with_tiles=tiles is not None):
            yield Oppgave(motiv, tiles)


def _is_there(run: _Run, tomt_id: str, *, with_tiles: bool) -> bool:
    """Return True, and count it, where the background that was to be had leads to the picture that is there already."""
    if not run.cells[tomt_id].has_just([run.names[tomt_id][with_tiles]]):
        return False
    run.unchanged += 1
    return True


def _send(run: _Run, tegnet: Tegnet, png: bytes) -> None:
    """Upload a picture, then change the cell to it and to what people have put there, as the upload's answer has it.

    Raises
    ------
    AirtableError
        What was uploaded stays; the next run takes the old picture out.
    """
    base, ids = run.connection.base, run.connection.ids[TABLE]
    if base is None:
        return
    tomt_id, field_id = tegnet.oppgave.motiv.tomt_id, ids.fields[FIELD]
    if _is_there(run, tomt_id, with_tiles=tegnet.har_bakgrunn):
        return
    name = run.names[tomt_id][tegnet.har_bakgrunn]
    before = run.cells[tomt_id]
    run.sent_sizes.add(name, len(png))
    with readable_errors("uploading a picture"):
        answer = base.table(ids.id).upload_attachment(before.post, field_id, name, png, "image/png")
    files: Any = answer["fields"]
    value = files.get(field_id) or next(iter(files.values()), None)
    now = Celle.of(before.post, value, before.fase, sizes=run.sent_sizes.sizes)
    if not now.has_just([name]):
        _change(run, now, [name])
    run.sent += 1


def _read_again(run: _Run, cell: Celle) -> Celle:
    """Return a cell as it is now: since the listing people may have put a file there.

    Raises
    ------
    AirtableError
        When it cannot be read.
    """
    base, ids = run.connection.base, run.connection.ids[TABLE]
    if base is None:
        return cell
    with readable_errors("reading a lot's pictures"):
        record = base.table(ids.id).get(cell.post, use_field_ids=True)
    return Celle.of(cell.post, record["fields"].get(ids.fields[FIELD]), cell.fase, sizes=run.sent_sizes.sizes)


def _change(run: _Run, cell: Celle, names: list[str]) -> None:
    """Let a cell hold one file called as one of these, and people's own.

    Raises
    ------
    AirtableError
        When Airtable refuses.
    """
    base, ids = run.connection.base, run.connection.ids[TABLE]
    kept = cell.kept(names)
    if base is None or not kept:
        return
    fields: dict[str, Any] = {ids.fields[FIELD]: [{"id": i} for i in kept]}
    with readable_errors("taking old pictures out"):
        base.table(ids.id).update(cell.post, fields)


@task(name="oppdater kartbilder", task_run_name="oppdater kartbilder {kommune.nummer}", cache_policy=NO_CACHE)
def bring_pictures_task(
    kommune: Kommune, geodata: Geodata, connection: Connection, *, settings: Settings, dry_run: bool
) -> Bilder:
    """Bring the pictures of a kommune's best lots to the base."""
    return bring_pictures(kommune, geodata, connection, settings=settings, dry_run=dry_run)

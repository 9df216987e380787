"""An import of a made-up list, here or in a process of its own that can be killed."""

from __future__ import annotations

from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tasks.crm.liste.celler import Celle, Kommuneoppslag
from tasks.crm.liste.fil import Liste
from tasks.crm.liste.innlesing import import_rows
from tasks.crm.liste.kolonner import find_columns
from tasks.crm.liste.tolkning import Tolket, interpret
from tasks.crm.sync.connection import open_connection
from tasks.store import Geodata
from tests.crm.sync_prosess import Oppdrag, _context

OPPSLAG = Kommuneoppslag(sandbox=True)
HEAD = ("Tomt", "Kommune", "Gnr", "Bnr", "Areal daa", "Notat", "Status", "Frist", "Behold")


def list_of(*rows: tuple[Celle, ...], head: tuple[str, ...] = HEAD) -> Tolket:
    """Return what a list with these rows says."""
    columns = find_columns((head, *rows))
    assert columns is not None
    return interpret(Liste(None, (), (head, *rows), columns), OPPSLAG)


def many(n: int) -> Tolket:
    """Return n lots."""
    rest = ("0099", "5,2", "=SUM(A1)", "Dialog", "24.12.2026", "ja")
    return list_of(*((f"Tomt {i}", rest[0], 40 + i, 1, *rest[1:]) for i in range(n)))


def start(oppdrag: Oppdrag, n: int) -> ForkServerProcess:
    """Return a process that imports n lots, not yet begun."""
    return _context.Process(target=_carry_out, args=(oppdrag, n), daemon=True)


def _carry_out(oppdrag: Oppdrag, n: int) -> None:
    geodata = Geodata(Path(oppdrag.geodata))
    connection = open_connection(geodata, oppdrag.settings(), dry_run=False)
    import_rows(connection, many(n), OPPSLAG, geodata=geodata)

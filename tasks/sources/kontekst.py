"""Kontekst: everything that stands around the lots of a kommune and what binds their land, fetched layer by layer.

Layers of different hosts are fetched side by side, those of one host one after the other. None is needed to find lots:
whatever goes wrong with one is its answer `Failed`, and the others are fetched all the same.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from prefect import task
from prefect.cache_policies import NO_CACHE

from config.kilder import Kilde, kilder, kilder_for, kontekst_themes
from config.registers import Kommune, regler
from config.settings import Settings
from tasks.answer import Answer, Failed
from tasks.errors import TomtError
from tasks.sources.fetch import fetch
from tasks.sources.limits import Limits
from tasks.sources.vakt import Vakt
from tasks.store import Geodata

log = logging.getLogger("tomt.sources")

AT_ONCE = 4
"""Hosts that are asked at the same time."""
AFTER = {"grunnkretstall": "grunnkrets"}
"""Layer → the one that it is fetched after: it asks for what that one reaches."""

Framgang = Callable[[str, Answer, int, int], None]
"""Takes each layer as it is done: its name, its answer, how many are done, and of how many."""


def hent_kontekst(
    kommune: Kommune,
    *,
    settings: Settings,
    geodata: Geodata,
    framgang: Framgang | None = None,
    paa_nytt: bool = False,
    lag: Sequence[str] | None = None,
    limits: Limits | None = None,
    sekunder: float | None = None,
) -> dict[str, Answer]:
    """Fetch every layer of context for one kommune.

    Parameters
    ----------
    kommune
        Its boundary should have been fetched: most layers are asked for by its box.
    framgang
        Called in the caller's thread.
    paa_nytt
        Ask also for what is younger than its `gyldig_dager`.
    lag
        Only these layers; None: all.
    limits
        Of each source; None: those of config/regler.toml.
    sekunder
        That all layers together may take; None: `hent.sekunder_kontekst` of config/regler.toml. What is not there by
        then is answered as by a source that is down.

    Returns
    -------
    dict
        Layer → answer, in the order of `kontekst_themes`.
    """
    wanted = [tema for tema in kontekst_themes() if lag is None or tema in lag]
    chains = _chains(wanted, kommune, kilder(settings.kilder))
    done: queue.SimpleQueue[tuple[str, Answer]] = queue.SimpleQueue()
    stopped = threading.Event()
    vakt = Vakt(sekunder=regler().hent.sekunder_kontekst if sekunder is None else sekunder)

    def work(chain: Sequence[str]) -> None:
        left = list(chain)
        try:
            while left and not stopped.is_set():
                answer = _fetched(kommune, left[0], settings, geodata, limits=limits, paa_nytt=paa_nytt, vakt=vakt)
                done.put((left.pop(0), answer))
        finally:  # however it ends, nobody waits for what will not come
            for tema in left:
                done.put((tema, Failed("", f"{tema}: ended before it was asked for. Run again.")))

    answers: dict[str, Answer] = {}
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="kontekst") as pool:
        try:
            for chain in chains:
                pool.submit(work, chain)
            while len(answers) < len(wanted):
                tema, answer = done.get()
                answers[tema] = answer
                if framgang is not None:
                    framgang(tema, answer, len(answers), len(wanted))
        except BaseException:  # a person ends the run: what is on its way is cut, nothing more is asked
            stopped.set()
            vakt.end()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    _log(answers, kommune)
    return {tema: answers[tema] for tema in wanted}


def _fetched(
    kommune: Kommune,
    tema: str,
    settings: Settings,
    geodata: Geodata,
    *,
    limits: Limits | None,
    paa_nytt: bool,
    vakt: Vakt,
) -> Answer:
    """Return the answer of a layer; whatever else happens is a failure of this layer alone."""
    try:
        return fetch(kommune, tema, settings=settings, geodata=geodata, limits=limits, paa_nytt=paa_nytt, vakt=vakt)
    except TomtError as error:
        log.warning("%s %s: %s", kommune.nummer, tema, error)
        return Failed("", str(error))
    except Exception as error:
        log.exception("%s %s: stopped unexpectedly", kommune.nummer, tema)
        return Failed("", f"{tema}: stopped unexpectedly ({type(error).__name__}); the log tells where.")


def _chains(wanted: Sequence[str], kommune: Kommune, known: Mapping[str, Kilde]) -> list[list[str]]:
    """Return the layers by the host of the source that is asked first, the longest chain first."""
    by_host: dict[str, list[str]] = {}
    for tema in wanted:
        first = AFTER.get(tema, tema)
        sources = kilder_for(first if first in wanted else tema, kommune, among=known.values())
        host = urlsplit(sources[0].adresse).netloc if sources else ""
        by_host.setdefault(host, []).append(tema)
    for chain in by_host.values():
        chain.sort(key=lambda tema: tema in AFTER)  # stable: else the order of the config
    return sorted(by_host.values(), key=len, reverse=True)


def _log(answers: Mapping[str, Answer], kommune: Kommune) -> None:
    kinds = [type(answer).__name__ for answer in answers.values()]
    said = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    log.info("%s: context of %d layers: %s", kommune.nummer, len(answers), said)


# The name stands in a graph whose letters lack ø, so it holds the number instead of the name.
hent_kontekst_task = task(name="hent kontekst", task_run_name="hent kontekst {kommune.nummer}", cache_policy=NO_CACHE)(
    hent_kontekst
)

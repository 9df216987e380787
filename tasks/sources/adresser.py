"""The nearest address of each lot, from Kartverket's address API.

A row is a lot that has its answer (contract `ADRESSER`, key tomt_id, coordinates in EPSG:25833). `adresse` is None
where no address lies within `maks_avstand_m`. A lot without a row has no answer yet and is asked about next time.

Lots near one another share a question: one circle that holds them and everything within `maks_avstand_m` of them. The
API answers a circle sorted by distance from its middle, so that what has been read so far is complete within a smaller
circle: lots are settled page by page, and pages that settle nothing are not asked for. A circle with more addresses
than its lots are worth is asked again in smaller ones.

Of an address its text, postnummer and poststed are kept. The name of a farm or a house (adressetilleggsnavn) may be a
person's: neither it nor the dwellings of the address are asked for.
"""

from __future__ import annotations

import heapq
import logging
import math
from datetime import UTC, date, datetime
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from config.kilder import kilder, kilder_for
from config.registers import AdresseRegler, Kommune, regler
from config.settings import Settings
from tasks.account import Account
from tasks.contracts import ADRESSER, TOMTER
from tasks.errors import SourceError, TomtError
from tasks.sources.adresseplan import nearest, places, plan_questions
from tasks.sources.adressesok import FAULT, MOST, PER_SIDE, Ask, Circle, Svar, ask_with
from tasks.sources.http import Client
from tasks.sources.limits import Limits
from tasks.store import Geodata

log = logging.getLogger("tomt.sources")


# --- looking up: pure but for `ask` ---------------------------------------------------------------------------


def look_up(
    tomter: gpd.GeoDataFrame,
    known: pd.DataFrame | None,
    ask: Ask,
    *,
    today: date,
    rules: AdresseRegler,
) -> tuple[pd.DataFrame, Account]:
    """Find the nearest address of each living lot, asking only for those not known.

    Parameters
    ----------
    tomter
        Contract TOMTER.
    known
        Contract ADRESSER, of an earlier run; None for none.
    ask
        Asks the source; called at most `rules.per_kjoring` times. When it raises `SourceError`, nothing more is asked.
    today
        Written as hentet_dato, and what the age of `known` is counted from.

    Returns
    -------
    pandas.DataFrame
        Contract ADRESSER, sorted by tomt_id: what was found now, and what is known of the others, be it too old.
    Account
        What was known, asked, found, and is still open, and why.
    """
    living = tomter[tomter["tilstand"] == "aktiv"].sort_values("tomt_id").reset_index(drop=True)
    old = _still_there(living, known, flytting_m=rules.flytting_m)
    day = pd.to_datetime(old["hentet_dato"], format="%Y-%m-%d", errors="coerce")
    age = (pd.Timestamp(today) - day).dt.days
    is_fresh = living["tomt_id"].isin(old.loc[age.between(0, rules.maks_alder_dager), "tomt_id"]).to_numpy()
    search = _Search(living, ask, rules)
    search.run(np.flatnonzero(~is_fresh))
    now = search.frame(today)
    kept = old[~old["tomt_id"].isin(now["tomt_id"])]
    rows = [frame for frame in (kept, now) if len(frame)]
    frame = pd.concat(rows, ignore_index=True) if rows else ADRESSER.empty()
    frame = frame.sort_values("tomt_id", ignore_index=True)
    return frame, _account(search, len(living), int(is_fresh.sum()), frame)


def _still_there(living: gpd.GeoDataFrame, known: pd.DataFrame | None, *, flytting_m: float) -> pd.DataFrame:
    """Return what is known of living lots whose point has not moved."""
    if known is None or known.empty:
        return ADRESSER.empty()
    now = living.set_index("tomt_id")[["ost_25833", "nord_25833"]].reindex(known["tomt_id"]).to_numpy(dtype=np.float64)
    then = known[["ost_25833", "nord_25833"]].to_numpy(dtype=np.float64)
    there: pd.DataFrame = known[np.hypot(*(now - then).T) <= flytting_m]
    return there


def _account(search: _Search, living: int, fresh: int, frame: pd.DataFrame) -> Account:
    account = Account(ADRESSER.name, living)
    account.note("kjent fra før", fresh)
    account.note("spørsmål til adressetjenesten", search.sporsmaal)
    account.note("funnet nå", len(search.settled))
    account.note("uten adresse i nærheten", int(frame["adresse"].isna().sum()))
    account.note("ikke funnet ennå", living - fresh - len(search.settled))
    if search.feil is not None:
        log.warning("addresses: %s The other lots are asked about next time.", search.feil)
        account.note("adressetjenesten svarte ikke", 1)
    account.close(len(frame))
    return account


class _Search:
    """One search: what is settled so far, and what has been asked for it."""

    def __init__(self, tomter: gpd.GeoDataFrame, ask: Ask, rules: AdresseRegler) -> None:
        self.tomter, self.ask, self.rules = tomter, ask, rules
        self.points = places(tomter)
        self.open: npt.NDArray[np.intp] = np.empty(0, dtype=np.intp)
        self.settled: dict[int, pd.Series[Any]] = {}
        self.sporsmaal, self.adresser = 0, 0
        self.feil: str | None = None

    def run(self, rows: npt.NDArray[np.intp]) -> None:
        """Ask until every lot is settled, the questions are used up, or the source fails."""
        self.open = rows
        queue: list[tuple[int, int, Circle]] = []
        turn = 0
        new = self._plan(rows, self.rules.maks_radius_m)
        try:
            while new or queue:
                for circle in new:  # those that answer for most lots first: the questions may not be enough for all
                    heapq.heappush(queue, (-len(circle.tomter), turn, circle))
                    turn += 1
                circle = heapq.heappop(queue)[2]
                left = self._left(circle)
                new = self._explore(circle) if len(left) == len(circle.tomter) else self._plan(left, circle.radius_m)
                if self.sporsmaal >= self.rules.per_kjoring:
                    break
        except SourceError as error:
            self.feil = str(error)
        if not self.adresser:  # a source that has nothing at all may as well be one that understood nothing
            self.settled.clear()

    def frame(self, today: date) -> pd.DataFrame:
        """Return what was settled, by the contract ADRESSER."""
        if not self.settled:
            return ADRESSER.empty()
        lots = self.tomter.loc[list(self.settled), ["tomt_id", "ost_25833", "nord_25833"]].reset_index(drop=True)
        frame = pd.concat([lots, pd.DataFrame(list(self.settled.values())).reset_index(drop=True)], axis=1)
        frame["hentet_dato"] = today.isoformat()
        frame["avstand_m"] = frame["avstand_m"].astype("float64").round(1)
        for column in ("adresse", "postnummer", "poststed"):
            frame[column] = frame[column].astype(object).where(frame[column].notna(), None)
        made: pd.DataFrame = frame[list(ADRESSER.columns)]
        return made

    def _plan(self, rows: npt.NDArray[np.intp], maks_radius_m: float) -> list[Circle]:
        avstand = self.rules.maks_avstand_m
        return plan_questions(self.points, rows, maks_avstand_m=avstand, maks_radius_m=maks_radius_m)

    def _left(self, circle: Circle) -> npt.NDArray[np.intp]:
        return np.intersect1d(self.open, circle.tomter)

    def _explore(self, circle: Circle) -> list[Circle]:
        """Read the pages of a circle while they pay, and return the circles to ask about instead of the rest."""
        read: list[gpd.GeoDataFrame] = []
        count, outermost = 0, 0.0
        while self.sporsmaal < self.rules.per_kjoring:
            svar = self.ask(circle, len(read))
            _check_page(svar, outermost, before=count)
            self.sporsmaal += 1
            self.adresser += len(svar.adresser)
            read.append(svar.adresser)
            count, outermost = count + svar.antall, svar.ytterst_m
            has_all = count >= svar.totalt and svar.totalt < MOST
            complete = circle.radius_m if has_all else outermost * (1 - FAULT) / (1 + FAULT)
            adresser = pd.concat(read, ignore_index=True)
            self._settle(adresser, circle, complete)
            left = self._left(circle)
            if has_all or not len(left):
                break
            smaller = self._plan(left, circle.radius_m / 2)
            is_stuck = len(smaller) == 1 and len(left) == len(circle.tomter)
            if count >= MOST and is_stuck:  # a lot with ten thousand addresses nearer to its middle: one of them it is
                self._settle(adresser, circle, math.inf)
                break
            if count >= MOST or (not is_stuck and self._is_better(smaller, svar.totalt - count, count, complete)):
                return smaller
        return []

    def _is_better(self, smaller: list[Circle], hits_left: int, count: int, complete_m: float) -> bool:
        """Return whether to ask smaller circles instead of reading on, were it as dense there as it is hitherto."""
        per_m2 = count / max(complete_m, 1.0) ** 2
        pages = sum(math.ceil(max(1.0, per_m2 * c.radius_m**2) / PER_SIDE) for c in smaller)
        pages_left = math.ceil(hits_left / PER_SIDE)
        # A circle that is never read to its end would begin anew in every run, and settle the same lots.
        return pages < pages_left or pages_left > self.rules.per_kjoring - self.sporsmaal

    def _settle(self, adresser: gpd.GeoDataFrame, circle: Circle, complete_m: float) -> None:
        """Settle every open lot whose nearest address the circle must hold: also those that it was not asked for."""
        x, y, reach = self.points[self.open].T
        far = np.hypot(x - circle.ost, y - circle.nord) + reach
        rows = self.open[far <= complete_m]
        if not len(rows):
            return
        found = nearest(self.tomter.iloc[rows], adresser, maks_avstand_m=self.rules.maks_avstand_m)
        needed = far[far <= complete_m] + found["avstand_m"].fillna(self.rules.maks_avstand_m).to_numpy()
        has_one = found["avstand_m"].notna().to_numpy()
        is_done = has_one if math.isinf(complete_m) else needed <= complete_m + 1e-6
        for k in np.flatnonzero(is_done).tolist():
            self.settled[int(rows[k])] = found.iloc[k]
        self.open = np.setdiff1d(self.open, rows[is_done])


def _check_page(svar: Svar, outermost_m: float, *, before: int) -> None:
    """Refuse a page that does not go on where the last one ended, or ends too early."""
    if svar.antall and svar.innerst_m < outermost_m * (1 - 2 * FAULT) - 1:
        raise SourceError(
            f"adresser: a page begins {svar.innerst_m:.0f} m from the middle, the last one ended at {outermost_m:.0f} "
            "m. Does the service no longer sort by distance? Tell Kartverket."
        )
    if svar.antall < PER_SIDE and before + svar.antall < svar.totalt:
        raise SourceError(
            f"adresser: {svar.totalt} hits said, {before + svar.antall} received. Try again later; tell Kartverket."
        )


# --- one kommune ----------------------------------------------------------------------------------------------


def read_adresser(
    kommune: Kommune,
    *,
    settings: Settings,
    geodata: Geodata,
    limits: Limits | None = None,
    rules: AdresseRegler | None = None,
) -> Account:
    """Bring core/adresser of a kommune up to date with its lots (out/tomter).

    A run never fails for addresses: where the source or the disk refuses, what is known stays, and the log says why.

    Parameters
    ----------
    limits
        Time, tries and rate; by default those of config/regler.toml.

    Returns
    -------
    Account
        Empty when the kommune has no lots yet.
    """
    rules = rules or regler().adresse
    try:
        tomter = geodata.read(kommune.nummer, layer="out", contract=TOMTER)
        if tomter is None:
            return Account(ADRESSER.name)
        kilde = next(iter(kilder_for("adresse", kommune, among=kilder(settings.kilder).values())), None)
        if kilde is None:
            log.warning(
                "%s: no source has addresses of it. Add one with tema `adresse` to the sources.", kommune.nummer
            )
            account = Account(ADRESSER.name)
            account.note("ingen adressekilde for kommunen, adresser som før", 1)
            return account
        base = kilde.address(settings.sources_url if settings.is_sandbox else None)
        if base is None or (settings.is_sandbox and settings.sources_url is None):
            raise SourceError(f"{kilde.navn}: no local sources are running for the sandbox. Set TOMT_SOURCES_URL.")
        with Client(base, limits=limits or Limits.of(regler().hent), contact=settings.contact) as client:
            frame, account = look_up(
                gpd.GeoDataFrame(tomter),
                _known(kommune, geodata),
                ask_with(client, base),
                today=datetime.now(UTC).date(),
                rules=rules,
            )
        geodata.write(frame, kommune.nummer, layer="core", contract=ADRESSER)
    except TomtError as error:
        log.warning("%s: addresses are left as they were: %s", kommune.nummer, error)
        account = Account(ADRESSER.name)
        account.note("ikke lest nå, adresser som før", 1)
    return account


def _known(kommune: Kommune, geodata: Geodata) -> pd.DataFrame | None:
    try:
        return geodata.read(kommune.nummer, layer="core", contract=ADRESSER)
    except TomtError as error:
        log.warning("%s: the addresses of earlier runs are asked for again: %s", kommune.nummer, error)
        return None


# The name stands in a graph whose letters lack ø, so it holds the number instead of the name.
read_adresser_task = task(name="finn adresser", task_run_name="adresser {kommune.nummer}", cache_policy=NO_CACHE)(
    read_adresser
)

"""Tavle: the scorekort laid out with a row per lot and a column per part, as sums and texts are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from config.kurver import Tall
from tasks.errors import ContractError
from tasks.scoring.tomt.ordlegging import UKJENT, Tekster, tekster

DECIMALS = 9
"""To which sums are rounded: 80 that was added up as 79.99999999999999 is 80."""


@dataclass(frozen=True)
class Tavle:
    """The parts of every lot's score.

    Attributes
    ----------
    tomt_ider
        Lots, in the order asked for.
    faktorer, deler, maks
        Factor, part and points at most of each column.
    kort
        The rows, those of a lot together and in the order of the columns.
    """

    tomt_ider: Tekster
    faktorer: list[str]
    deler: list[str]
    maks: Tall
    kort: pd.DataFrame
    _tall: dict[str, Tall] = field(default_factory=dict, repr=False)
    _tekst: dict[str, Tekster] = field(default_factory=dict, repr=False)

    @classmethod
    def av(cls, kort: pd.DataFrame, tomt_ider: pd.Series) -> Tavle:
        """Lay out a scorekort.

        Raises
        ------
        ContractError
            When not every lot has every part once.
        """
        lots = pd.Index(tomt_ider)
        lot = lots.get_indexer(pd.Index(kort["tomt_id"]))
        used = kort[lot >= 0]
        code, names = pd.factorize(pd.MultiIndex.from_arrays([used["faktor"], used["del"]]))
        order = np.lexsort((code, lot[lot >= 0]))
        rows = used.iloc[order].reset_index(drop=True)
        wide = code[order].reshape(len(lots), len(names)) if len(rows) == len(lots) * len(names) else None
        if wide is None or not (wide == np.arange(len(names))).all():
            raise ContractError(
                f"scorekort: {len(rows)} rows for {len(lots)} lots and {len(names)} parts; every lot has every part "
                "once. Score all lots with one profile."
            )
        maks = rows["maks"].to_numpy(dtype=float)[: len(names)]
        return cls(lots.to_numpy(dtype=object), [n[0] for n in names], [n[1] for n in names], maks, rows)

    def tall(self, column: str) -> Tall:
        """Return a column of numbers, lots × parts."""
        if column not in self._tall:
            values = self.kort[column].to_numpy(dtype=float)
            self._tall[column] = values.reshape(len(self.tomt_ider), len(self.deler))
        return self._tall[column]

    def tekst(self, column: str) -> Tekster:
        """Return a column of texts, lots × parts; what is missing is None."""
        if column not in self._tekst:
            self._tekst[column] = tekster(self.kort[column]).reshape(len(self.tomt_ider), len(self.deler))
        return self._tekst[column]

    @cached_property
    def kolonner(self) -> Mapping[str, npt.NDArray[np.intp]]:
        """Factor → its columns."""
        names = np.array(self.faktorer, dtype=object)
        return {f: np.flatnonzero(names == f) for f in dict.fromkeys(self.faktorer)}

    @cached_property
    def uten_verdi(self) -> npt.NDArray[np.bool_]:
        """Which parts are not known, or not wholly, lots × parts: also of a stopped lot, of which nothing is open."""
        return np.array([UKJENT in (t or "") for t in self.tekst("verdi_tekst").ravel()]).reshape(
            self.tall("maks").shape
        )

    def per_faktor(self, column: str) -> dict[str, Tall]:
        """Return the sum of a column over the parts of each factor."""
        values = self.tall(column)
        return {f: np.round(values[:, at].sum(axis=1), DECIMALS) for f, at in self.kolonner.items()}

    def maks_av(self, faktor: str) -> float:
        """Return the most points that a factor gives."""
        return float(np.round(self.maks[self.kolonner[faktor]].sum(), DECIMALS))

"""What this machine remembers of a base, under geodata/crm/<base>/.

Ids of tables and fields, the lots last sent, new records that still lack what the program sets once. Airtable has no
transactions and people rename columns: this is what makes a run after a crash, or after a rename, end in the same base.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from tasks.errors import IdentityError, StoreError
from tasks.store import Geodata, read_parquet, write_parquet


class BaseState:
    """The memory of one base.

    Parameters
    ----------
    geodata
        Where it lies.
    base_id
        ``app…``; None for a base that does not exist yet, of which nothing is known.
    """

    def __init__(self, geodata: Geodata, base_id: str | None) -> None:
        self._folder = geodata.root / "crm" / (base_id or "none")

    # --- schema: rename-proof ---

    def schema(self) -> dict[str, dict[str, Any]]:
        """Return table name in the register → {"id", "fields": name in the register → field id}."""
        found: dict[str, dict[str, Any]] = self._read("schema.json") or {}
        return found

    def keep_schema(self, tables: dict[str, dict[str, Any]]) -> None:
        """Remember ids, so that a table or field that a person renames is still found."""
        if tables != self.schema():
            self._write("schema.json", tables)

    # --- fields set once ---

    def pending(self, kommunenummer: str) -> set[str]:
        """Return the keys of new records that may still lack their first values."""
        return set(self._read(f"{kommunenummer}-nye.json") or [])

    def keep_pending(self, kommunenummer: str, keys: Iterable[str]) -> None:
        """Remember keys before their records are made; an empty list forgets them."""
        self._write(f"{kommunenummer}-nye.json", sorted(keys))

    # --- lots last sent ---

    def has_sent(self, kommunenummer: str) -> bool:
        """Return True when lots of this kommune have been brought to this base from here."""
        return self._sent_path(kommunenummer).exists()

    def keep_sent(self, kommunenummer: str, tomter: gpd.GeoDataFrame) -> None:
        """Remember which land each id stood for."""
        write_parquet(tomter[["tomt_id", "geometry"]], self._sent_path(kommunenummer))

    def guard(self, kommunenummer: str, tomter: gpd.GeoDataFrame) -> None:
        """Raise when an id stands for other land than when it was last sent.

        Raises
        ------
        IdentityError
            When out/tomter was lost or damaged and the ids were given anew.
        """
        if not self.has_sent(kommunenummer):
            return
        sent = read_parquet(self._sent_path(kommunenummer)).set_index("tomt_id")["geometry"]
        now = tomter.set_index("tomt_id")["geometry"]
        both = sent.index.intersection(now.index)
        moved = both[~shapely.intersects(np.asarray(sent.loc[both].array), np.asarray(now.loc[both].array))].tolist()
        lost = sent.index.difference(now.index).tolist()
        if moved or lost:
            raise IdentityError(
                f"{kommunenummer}: {len(moved) + len(lost)} lot ids no longer stand for the land that they were sent "
                f"for (first {(moved + lost)[0]}). Nothing was written. Restore out/tomter/{kommunenummer}.parquet of "
                "geodata from a backup."
            )

    def _sent_path(self, kommunenummer: str) -> Path:
        return self._folder / f"{kommunenummer}-sendt.parquet"

    # --- files ---

    def _read(self, name: str) -> Any:
        path = self._folder / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreError(f"{path}: cannot be read ({type(error).__name__}). Restore it from a backup.") from error

    def _write(self, name: str, data: Any) -> None:
        path = self._folder / name
        temporary = path.with_suffix(".tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("w", encoding="utf-8") as file:
                json.dump(data, file, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}. Check the disk and the folder's permissions.") from error

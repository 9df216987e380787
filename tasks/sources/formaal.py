"""Reguleringsformål: raw flat frames → one row per purpose inside a reguleringsplan, key formaal_id; EPSG:25833.

From `RpArealformålOmråde` (PBL 2008) and `RbFormålOmråde` (PBL 1985 and older), each with the code of its own list.
Every purpose is kept, also those of plans that are not in force: which plans count, the land engine says.
"""

from __future__ import annotations

import geopandas as gpd

from tasks.account import Account
from tasks.contracts import REGULERINGSFORMAAL
from tasks.sources import koder, planrader
from tasks.sources.numre import Numre
from tasks.sources.planrader import LOKAL_ID, Result

CODE_COLUMN = {"RpArealformålOmråde": "arealformål", "RbFormålOmråde": "reguleringsformål"}


def reguleringsformaal(raw: gpd.GeoDataFrame, numre: Numre, *, manglende_nivaa: str) -> Result:
    """Return the purposes of a reguleringsplan frame after contract `REGULERINGSFORMAAL`.

    Parameters
    ----------
    raw
        Flat frame of text, with `objekttypenavn`.
    numre
        Kommunenummer of the run and of old.
    manglende_nivaa
        Stands where a purpose has no vertikalnivå: the one that the service holds.
    """
    picked, objekttype = planrader.of_types(raw, tuple(CODE_COLUMN))
    account = Account(REGULERINGSFORMAAL.name, len(picked))
    kode = planrader.codes_by_type(picked, objekttype, CODE_COLUMN)
    nivaa, no_level = planrader.read_codes(picked, "vertikalnivå", koder.nivaa, account)
    account.note("uten formålskode", kode.count(None))
    account.note("uten vertikalnivå", no_level)
    frame = planrader.frame_of(
        picked,
        {
            "formaal_id": planrader.first(picked, LOKAL_ID),
            "objekttype": objekttype,
            "kode": kode,
            "plan_id": planrader.plan_ids(picked, numre, account),
            "vertikalnivaa": [n or manglende_nivaa for n in nivaa],
        },
    )
    frame = planrader.polygons(frame, account, "formaal_id")
    return planrader.done(planrader.with_unique_ids(frame, account, "formaal_id"), account, REGULERINGSFORMAAL)

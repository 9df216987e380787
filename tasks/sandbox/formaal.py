"""The purposes inside the invented reguleringsplaner that are not housing, and the traps among them.

The fields are drawn with their plans (`tasks.sandbox.reguleringer`); here some adopted plans over housing land get
purposes of another kind, wholly or partly. No extent and no field moves; chance comes from a generator of its own, so
that everything else stays as it was.
"""

from __future__ import annotations

import numpy as np
import shapely

from tasks.sandbox.reguleringer import RP
from tasks.sandbox.soner import velg
from tasks.sandbox.utkast import PlanObjekt, Utkast, Verdi

FELLER = {
    "formaal_ikke_bolig": "Hele planen har formål som ikke er bolig (RpArealformålOmråde).",
    "formaal_rb_ikke_bolig": "Hele den eldre planen har formål som ikke er bolig (RbFormålOmråde, egen kodeliste).",
    "formaal_delvis": "En del av planen er bolig og en del ikke.",
    "formaal_under_grunnen": "Et formål på vertikalnivå 1 ligger under et boligformål på grunnen.",
    "formaal_uten_nivaa": "Formålet mangler vertikalnivå og ligger på grunnen.",
    "formaal_ukjent_kode": "Formålet har en kode som ingen liste har: ukjent, ikke «ikke bolig».",
}
RP_ARTER, RB = "RpArealformålOmråde", "RbFormålOmråde"
KODE = {RP_ARTER: "arealformål", RB: "reguleringsformål"}
BOLIG = {RP_ARTER: {"1110", "1111", "1112", "1113"}, RB: {"110", "111", "112", "113"}}
# green, parks, public services, kindergarten, business, parking (RP 2008); their nearest in the older list
ANDRE = {
    RP_ARTER: ((0.3, "3001"), (0.2, "3050"), (0.15, "1160"), (0.1, "1161"), (0.15, "1300"), (0.1, "2080")),
    RB: ((0.3, "410"), (0.2, "430"), (0.15, "160"), (0.1, "162"), (0.15, "140"), (0.1, "333")),
}
BOKSTAVER = {"3001": "GRØ", "3050": "PAR", "1160": "OPT", "1161": "BHG", "1300": "BN", "2080": "P"}
BOKSTAVER |= {"410": "FRI", "430": "LEK", "160": "OFF", "162": "BHG", "140": "IND", "333": "P"}
ANDEL_HELE, ANDEL_DELVIS = 0.06, 0.12
MINSTE_M2 = 4_000.0
PARKERINGSHUS, UKJENT = "2083", "9999"

Felt = list[PlanObjekt]


def legg_formaal(utkast: Utkast) -> None:
    """Give some plans over housing land other purposes, and lay the traps among them."""
    rng = np.random.Generator(np.random.PCG64([utkast.fakta.seed, 1]))
    plans = _boligplaner(utkast)
    nye, eldre = ([felt for felt in plans if _type(felt[0]) == slag] for slag in (RP_ARTER, RB))
    delte = [felt for felt in nye if len(felt) > 1]
    laid = {
        "formaal_ikke_bolig": nye[0],
        "formaal_rb_ikke_bolig": eldre[0],
        "formaal_delvis": next(felt for felt in delte if felt is not nye[0]),
    }
    rest = [felt for felt in plans if not any(felt is other for other in laid.values())]
    _hele(laid["formaal_ikke_bolig"], "3001")
    _hele(laid["formaal_rb_ikke_bolig"], "410")
    _sett(max(laid["formaal_delvis"], key=_areal), "1161")
    for navn, felt in laid.items():
        utkast.felle(navn, *map(_lokal_id, felt))
    _enkeltfelt(utkast, rest[:3])
    for felt in rest[3:]:
        draw, kode = rng.random(), velg(rng, ANDRE[_type(felt[0])])
        if draw < ANDEL_HELE:
            _hele(felt, kode)
        elif draw < ANDEL_HELE + ANDEL_DELVIS:
            _sett(max(felt, key=_areal), kode)


def _boligplaner(utkast: Utkast) -> list[Felt]:
    """Return the fields of each adopted plan on the ground that holds housing enough for an område, the least first.

    The traps are laid in the small ones, so that most of the housing stays housing.
    """
    tjeneste = RP.format(nivaa=2)
    vedtatte = {
        _planid(o)
        for o in utkast.plan[f"{tjeneste}/RpOmråde"]
        if (o["properties"]["planstatus"], o["properties"]["vertikalnivå"]) == ("3", "2") and o["geometry"] is not None
    }
    by_plan: dict[str, Felt] = {}
    for slag in (RP_ARTER, RB):
        for felt in utkast.plan[f"{tjeneste}/{slag}"]:
            if _planid(felt) in vedtatte - {"-"} and felt["properties"]["vertikalnivå"] == "2":
                by_plan.setdefault(_planid(felt), []).append(felt)
    bolig = {planid: sum(_areal(f) for f in felt if _er_bolig(f)) for planid, felt in by_plan.items()}
    return [by_plan[planid] for planid in sorted(bolig, key=lambda p: (bolig[p], p)) if bolig[planid] > MINSTE_M2]


def _enkeltfelt(utkast: Utkast, plans: list[Felt]) -> None:
    """Lay the traps of a single field, each in a plan of its own."""
    over, uten, ukjent = (max(filter(_er_bolig, felt), key=_areal) for felt in plans)
    verdier: dict[str, Verdi] = {
        "arealformål": PARKERINGSHUS,
        "feltbetegnelse": "P1",
        "vertikalnivå": "1",
        "eierform": "3",
    }
    under = utkast.legg_til(f"{RP.format(nivaa=2)}/{RP_ARTER}", over["geometry"], planid=_planid(over), verdier=verdier)
    utkast.felle("formaal_under_grunnen", under)
    _sett(uten, "3001" if _type(uten) == RP_ARTER else "410")
    uten["properties"]["vertikalnivå"] = None
    utkast.felle("formaal_uten_nivaa", _lokal_id(uten))
    ukjent["properties"][KODE[_type(ukjent)]] = UKJENT
    utkast.felle("formaal_ukjent_kode", _lokal_id(ukjent))


def _hele(felt: Felt, kode: str) -> None:
    """Give every field of a plan that is not a road this code."""
    for ett in felt:
        if ett["properties"][KODE[_type(ett)]] not in {"2011", "310"}:
            _sett(ett, kode)


def _sett(felt: PlanObjekt, kode: str) -> None:
    properties = felt["properties"]
    properties[KODE[_type(felt)]] = kode
    nummer = str(properties["feltbetegnelse"]).lstrip("BSNLKof_V")
    properties["feltbetegnelse"] = f"{BOKSTAVER[kode]}{nummer}"
    for navn in ("utnytting.utnyttingstype", "utnytting.utnyttingstall"):
        properties.pop(navn, None)


def _type(felt: PlanObjekt) -> str:
    return str(felt["properties"]["objekttypenavn"])


def _planid(objekt: PlanObjekt) -> str:
    return str(objekt["properties"]["arealplanId.planidentifikasjon"])


def _lokal_id(felt: PlanObjekt) -> str:
    return str(felt["properties"]["identifikasjon.lokalId"])


def _er_bolig(felt: PlanObjekt) -> bool:
    return felt["properties"][KODE[_type(felt)]] in BOLIG[_type(felt)]


def _areal(felt: PlanObjekt) -> float:
    return float(shapely.area(felt["geometry"]))

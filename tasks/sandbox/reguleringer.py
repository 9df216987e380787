"""The kommuneplan, kommunedelplan and reguleringsplaner of an invented kommune as plan objects.

The reguleringsplaner lie over a good half of the housing land; the zones left `fri` are where the traps are laid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import Polygon

from tasks.sandbox.landskap import Rect, largest
from tasks.sandbox.soner import BOKSTAVER, del_rect, velg
from tasks.sandbox.utkast import Sone, Utkast, Verdi

KPA, KDP = "kommuneplaner", "kommunedelplaner"
RP = "reguleringsplaner/vn{nivaa}"
STEDER = (
    "Solhaug",
    "Nordre Bakken",
    "Englund",
    "Furulia",
    "Strandveien",
    "Kirkebakken",
    "Myrvoll",
    "Haugåsen",
    "Sjøsiden",
    "Lysejordet",
    "Teglverket",
    "Øvre Vik",
    "Skogstad",
    "Granlund",
    "Stasjonsområdet",
    "Brekka",
)
SLAG = ("boligområde", "felt B{n}", "sentrum", "gnr. {n} bnr. 5 m.fl.", "næringspark", "skole og barnehage")
FORMAAL = {
    "1110": "1110",
    "110": "1110",
    "1130": "1130",
    "1800": "1800",
    "1300": "1300",
    "130": "1300",
    "1160": "1160",
    "1120": "1120",
}
BOLIG_RP = ((0.3, "1110"), (0.3, "1111"), (0.25, "1112"), (0.15, "1113"))
RB = {"1110": "110", "1111": "111", "1112": "112", "1113": "113", "1130": "130", "1120": "150", "1300": "140"}


@dataclass(frozen=True, slots=True)
class Tegning:
    """One reguleringsplan before it is drawn: extent, year, status, and the fields with their codes."""

    rect: Rect
    aar: int
    planstatus: str
    felt: list[Rect]
    koder: list[str]


def kommuneplan_id(utkast: Utkast) -> str:
    """Return the planidentifikasjon of the kommuneplan in force."""
    return f"{utkast.fakta.nummer}_KPA2022"


def tegn_kommuneplan(utkast: Utkast) -> None:
    """Add the kommuneplan's extent and zones to the draft."""
    planid = kommuneplan_id(utkast)
    utkast.legg_til(f"{KPA}/KpOmråde", utkast.grense, planid=planid, verdier=kp_omraade(utkast, "20"))
    for sone in utkast.soner:
        kode = "arealformål" if sone.objekttype == "KpArealformålOmråde" else "arealbruk"
        utkast.legg_til(
            f"{KPA}/{sone.objekttype}",
            sone.geometri,
            planid=planid,
            lokal_id=sone.lokal_id,
            verdier={kode: sone.kode, "arealbruksstatus": sone.status} | sone.ekstra,
        )


def kp_omraade(utkast: Utkast, plantype: str, *, planstatus: str = "3", navn: str | None = None) -> dict[str, Verdi]:
    """Return the properties of a KpOmråde."""
    return {
        "plantype": plantype,
        "planstatus": planstatus,
        "plannavn": navn or f"Kommuneplanens arealdel 2022–2034 for {utkast.fakta.navn}",
        "planbestemmelse": "3",
        "lovreferanse": "6",
        "ikrafttredelsesdato": "2022-06-16",
        "vedtakEndeligPlanDato": "2022-06-16",
        "link": f"https://www.arealplaner.no/oppdiktet{utkast.fakta.nummer}/gi?funksjon=VisPlan",
    }


def kdp_rect(utkast: Utkast) -> Rect:
    """Return the extent of the kommunedelplan: around the most central housing zone."""
    by = min((s for s in utkast.soner if s.er_bolig and s.hel), key=lambda s: s.avstand).rect
    reach = max(utkast.landskap.side // 12, 14)
    return (by[0] - reach, by[1] - reach, by[0] + reach, by[1] + reach)


def tegn_kommunedelplan(utkast: Utkast) -> None:
    """Add a kommunedelplan over a part of the town, with purposes of its own, and note it as a trap."""
    land, rng, fakta = utkast.landskap, utkast.rng, utkast.fakta
    rect = kdp_rect(utkast)
    planid = f"{fakta.nummer}_KDP2024"
    navn = f"Kommunedelplan for sentrum 2024–2036, {fakta.navn}"
    omriss = largest(shapely.intersection(land.polygons([rect])[0], utkast.grense))
    ids = [
        utkast.legg_til(f"{KDP}/KpOmråde", omriss, planid=planid, verdier=kp_omraade(utkast, "21", navn=navn)),
    ]
    pieces = [rect]
    while len(pieces) < max(4, fakta.soner // 40):
        biggest = max(pieces, key=lambda r: (r[2] - r[0]) * (r[3] - r[1]))
        pieces.remove(biggest)
        pieces.extend(del_rect(rng, biggest, gap=0, minst=4))
    for k, shape in enumerate(land.clip(land.polygons(pieces))):
        # The first piece takes housing away, the second gives some: both readings of "overrides" must show.
        kode = ("3001", "1110", "1130")[k] if k < 3 else velg(rng, ((0.4, "1110"), (0.3, "1130"), (0.3, "3001")))
        if shape is None:
            continue
        verdier: dict[str, Verdi] = {
            "arealformål": kode,
            "arealbruksstatus": "2",
            "områdenavn": f"{BOKSTAVER[kode]}{k + 1}",
        }
        ids.append(utkast.legg_til(f"{KDP}/KpArealformålOmråde", shape, planid=planid, verdier=verdier))
    utkast.felle("kdp_over_kpa", *ids)


def tegn_reguleringer(utkast: Utkast) -> None:
    """Add reguleringsplaner: over most housing zones, over other land, and some that settle nothing."""
    rng, fakta = utkast.rng, utkast.fakta
    bolig = [s for s in utkast.soner if s.er_bolig]
    for sone in bolig:
        sone.fri = sone.hel and rng.random() < 0.3
    # Some of less than middling size always stay free: the traps are laid there.
    etter_areal = sorted((s for s in bolig if s.hel), key=lambda s: _ruter(s.rect))
    for sone in etter_areal[len(etter_areal) // 5 :][:6]:
        sone.fri = True
    wanted = round(1.1 * fakta.soner)
    jobs: list[tuple[Sone, str]] = []
    for sone in bolig:
        if not sone.fri:
            jobs.extend((sone, "3") for _ in range(velg(rng, ((0.5, 1), (0.3, 2), (0.2, 3)))))
    andre = [s for s in utkast.soner if not s.er_bolig and not s.veg and s.kode not in {"5100", "210"}]
    while len(jobs) < wanted:
        status = velg(rng, ((0.86, "3"), (0.05, "2"), (0.03, "1"), (0.03, "5"), (0.03, "4")))
        jobs.append((andre[int(rng.integers(len(andre)))], status))
    _tegn(utkast, [_tegning(rng, sone, status) for sone, status in jobs])


def _ruter(rect: Rect) -> int:
    return (rect[2] - rect[0]) * (rect[3] - rect[1])


def _delrect(rng: np.random.Generator, rect: Rect) -> Rect:
    """Return the rectangle, or a part of it that reaches at least half of each side."""
    if rng.random() < 0.45:
        return rect
    u0, v0, u1, v1 = rect
    w, h = u1 - u0, v1 - v0
    a, b = max(4, int(w * (0.5 + 0.5 * rng.random()))), max(4, int(h * (0.5 + 0.5 * rng.random())))
    a, b = min(a, w), min(b, h)
    u, v = u0 + int(rng.integers(w - a + 1)), v0 + int(rng.integers(h - b + 1))
    return (u, v, u + a, v + b)


def _tegning(rng: np.random.Generator, sone: Sone, planstatus: str) -> Tegning:
    """Decide the extent of one plan over a zone or a part of it, its age and its fields."""
    rect = _delrect(rng, sone.rect)
    parts = [rect]
    for _ in range(int(rng.integers(3))):
        biggest = max(parts, key=_ruter)
        split = del_rect(rng, biggest, gap=1, minst=3)
        if split:
            parts.remove(biggest)
            parts.extend(split)
    koder = []
    for n, part in enumerate(parts):
        kode = FORMAAL.get(sone.kode, "1300")
        if min(part[2] - part[0], part[3] - part[1]) == 1:
            kode = "2011"
        elif n == 1 and rng.random() < 0.2:
            kode = "1610"
        elif kode == "1110":
            kode = velg(rng, BOLIG_RP)
        koder.append(kode)
    return Tegning(rect, 1975 + int(48 * rng.random() ** 0.6), planstatus, parts, koder)


def _tegn(utkast: Utkast, tegninger: list[Tegning]) -> None:
    """Add the plans and their fields, all polygons in one call."""
    land = utkast.landskap
    rects = [rect for t in tegninger for rect in (t.rect, *t.felt)]
    shapes = iter(land.clip(land.polygons(rects)))
    for k, t in enumerate(tegninger):
        omriss, *felt = [next(shapes) for _ in range(1 + len(t.felt))]
        if omriss is None:
            continue
        planid = f"{t.aar}{k + 1:04d}"
        verdier = rp_omraade(utkast, k, t.aar, planstatus=t.planstatus)
        utkast.legg_til(RP.format(nivaa=2) + "/RpOmråde", omriss, planid=planid, verdier=verdier)
        for n, (shape, kode) in enumerate(zip(felt, t.koder, strict=True)):
            if shape is not None:
                _felt(utkast, shape, planid=planid, kode=kode, nummer=n + 1, gammel=t.aar < 2009)


def rp_omraade(
    utkast: Utkast, k: int, aar: int, *, planstatus: str = "3", vertikalnivaa: str = "2"
) -> dict[str, Verdi]:
    """Return the properties of a RpOmråde: plan number k of a year."""
    gammel = aar < 2009
    slag = SLAG[k % len(SLAG)].format(n=k % 40 + 1)
    plantype = "30" if gammel else ("34" if k % 5 == 0 else "35")
    art = {"30": "Reguleringsplan", "34": "Områderegulering", "35": "Detaljregulering"}[plantype]
    dato = f"{aar}-{k % 12 + 1:02d}-{k % 27 + 1:02d}"
    vedtatt = planstatus not in {"1", "2"}
    return {
        "plantype": plantype,
        "planstatus": planstatus,
        "plannavn": f"{art} for {STEDER[k % len(STEDER)]}, {slag} (oppdiktet)",
        "planbestemmelse": "3",
        "ikrafttredelsesdato": dato if vedtatt else None,
        "lovreferanse": "4" if gammel else "6",
        "forslagsstillerType": "2" if k % 3 else "1",
        "vedtakEndeligPlanDato": dato if vedtatt else None,
        "vertikalnivå": vertikalnivaa,
        "link": f"https://www.arealplaner.no/oppdiktet{utkast.fakta.nummer}/gi?funksjon=VisPlan&plan={aar}{k + 1:04d}",
    }


def _felt(utkast: Utkast, shape: Polygon, *, planid: str, kode: str, nummer: int, gammel: bool) -> None:
    """Add one field of a plan: RbFormålOmråde in the older plans."""
    bokstav = {"2011": "o_SKV", "1610": "f_BLK", "1300": "BN", "1130": "BS"}.get(kode, "B")
    felles: dict[str, Verdi] = {"feltbetegnelse": f"{bokstav}{nummer}", "vertikalnivå": "2"}
    if gammel:
        rb = {"2011": "310", "1610": "430"}.get(kode) or RB.get(kode, "100")
        utkast.legg_til(
            RP.format(nivaa=2) + "/RbFormålOmråde", shape, planid=planid, verdier=felles | {"reguleringsformål": rb}
        )
        return
    utnytting: dict[str, Verdi] = (
        {"utnytting.utnyttingstype": ["16"], "utnytting.utnyttingstall": [30.0]} if bokstav == "B" else {}
    )
    verdier = felles | {"arealformål": kode, "eierform": "1" if kode == "2011" else "3"} | utnytting
    utkast.legg_til(RP.format(nivaa=2) + "/RpArealformålOmråde", shape, planid=planid, verdier=verdier)

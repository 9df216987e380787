"""The traps: every way in which real plan data mislead, each laid at least once in every invented kommune.

A trap has a name, a sentence (`FELLER`) and, in each kommune, the ids of the objects that are its example:
identifikasjon.lokalId of plan objects, teigId of teiger. Those of purposes and of buildings stand with these
(`tasks.sandbox.formaal`, `tasks.sandbox.bygninger`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from tasks.sandbox.landskap import Rect, largest
from tasks.sandbox.reguleringer import KDP, KPA, RP, kdp_rect, kommuneplan_id, kp_omraade, rp_omraade
from tasks.sandbox.utkast import PlanObjekt, Sone, Utkast

FELLER = {
    "kdp_over_kpa": "En kommunedelplan (21) går foran kommuneplanen (20) i sitt område.",
    "pbl1985_bolig": "KpArealbrukOmråde 110 er bolig etter PBL 1985.",
    "pbl1985_erverv": "KpArealbrukOmråde 130 er Erverv, ikke bolig (RB 130 er kontor).",
    "planstatus_1": "RpOmråde med planstatus 1 (igangsatt) avgjør ingenting.",
    "planstatus_2": "RpOmråde med planstatus 2 (forslag) avgjør ingenting.",
    "planstatus_3": "RpOmråde med planstatus 3 (vedtatt) er det eneste som trekkes fra.",
    "planstatus_4": "RpOmråde med planstatus 4 (opphevet) avgjør ingenting.",
    "planstatus_5": "RpOmråde med planstatus 5 (utgått) avgjør ingenting.",
    "planstatus_6": "RpOmråde med planstatus 6 (utsatt rettsvirkning) trekkes ikke fra.",
    "planstatus_8": "RpOmråde med planstatus 8 (overstyrt) trekkes ikke fra.",
    "tunnel": "Vertikalnivå 1 krysser boligareal under grunnen, i tjenesten vn1.",
    "bru": "Vertikalnivå 3 krysser boligareal over grunnen, i tjenesten vn3.",
    "tunnel_i_vn2": "En tunnel (attributt 1) ligger feilaktig i tjenesten vn2.",
    "kp_utgaatt": "En kommuneplan med planstatus 5 og dens boligsone gjelder ikke lenger.",
    "kp_forslag": "Et kommuneplanforslag med planstatus 2 og dets boligsone gjelder ikke ennå.",
    "dobbel_plan": "Den samme planen kommer igjen under det gamle kommunenummeret.",
    "sloyfe": "Polygonets ring krysser seg selv.",
    "strimmel": "En boligsone på 8 × 40 m.",
    "smal_rest": "Planen lar en 8 m bred rand av boligsonen stå igjen.",
    "glippe": "0,3 m luft mellom to boligsoner som skulle vært naboer.",
    "overlapp": "0,3 m overlapp mellom to boligsoner.",
    "hull_sone": "En boligsone med hull.",
    "hull_teig": "En teig med hull, og teigen som ligger i hullet.",
    "nabo_inn": "Naboens kommuneplan og boligsone stikker inn over grensen.",
    "stikker_ut": "En egen boligsone stikker ut over grensen.",
    "bue": "Teiggrensen har en sirkelbue (gml:Arc).",
    "dato_mangler": "Planen har ingen dato.",
    "dato_1800": "Datoen 1800-01-01 står for ukjent.",
    "dato_z": "Datoen er skrevet 2011-06-16Z.",
    "dato_flyttall": "Datoen er skrevet 20100615.0.",
    "navn_blanke": "Plannavnet ender på blanke.",
    "link_tom": "link er en tom tekst.",
    "link_strek": "link er «-».",
    "planid_tekst": "planidentifikasjon er fri tekst: «2026/02282».",
    "planid_strek": "planidentifikasjon er «-» og er aldri en nøkkel.",
    "null_geometri": "Objektet har ingen geometri.",
    "detaljering_910": "KpDetaljeringSone 910: reguleringsplanen skal fortsatt gjelde.",
    "garasjer": "1119 er garasjer ved boligene, aldri bolig.",
    "dobbel_teig": "Den samme teigen kommer to ganger.",
    "z_koordinat": "Koordinatene har høyde.",
    "status_mangler": "arealbruksstatus mangler og betyr nåværende.",
    "utnytting_uleselig": "utnyttingstall er ødelagt på veien: uleselig, ikke «ikke satt».",
}

VN2 = RP.format(nivaa=2) + "/RpOmråde"


def legg_feller_i_sonene(utkast: Utkast) -> None:
    """Lay the traps that change the zones themselves, before the zones become plan objects."""
    frie = _frie(utkast)
    _naboskap(utkast)
    urort = [s for s in frie if s.lokal_id not in utkast.feller["glippe"] + utkast.feller["overlapp"]]
    _hull(utkast, urort[0])
    sloyfe, hoyde, ut = urort[1], urort[2], _ved_grensen(utkast)
    sloyfe.geometri = kryss(sloyfe.geometri)
    utkast.felle("sloyfe", sloyfe.lokal_id)
    hoyde.geometri = shapely.force_3d(hoyde.geometri, z=12.5)
    utkast.felle("z_koordinat", hoyde.lokal_id)
    ut.geometri = utkast.landskap.polygons([ut.rect])[0]
    ut.objekttype, ut.kode, ut.ekstra["områdenavn"] = "KpArealformålOmråde", "1110", "B900"
    utkast.felle("stikker_ut", ut.lokal_id)
    urort[3].ekstra["utnytting.utnyttingstype"] = "16"
    urort[3].ekstra["utnytting.utnyttingstall"] = "[Ljava.lang.Double;@493a67bb"
    utkast.felle("utnytting_uleselig", urort[3].lokal_id)
    mangler = next((s for s in utkast.soner if s.status is None), urort[0])
    mangler.status = None
    utkast.felle("status_mangler", mangler.lokal_id)
    for navn, kode in (("pbl1985_bolig", "110"), ("pbl1985_erverv", "130")):
        utkast.felle(navn, *(s.lokal_id for s in utkast.soner if s.kode == kode))


def legg_feller_i_planene(utkast: Utkast) -> None:
    """Lay the traps that are plan objects of their own or change some that are there."""
    _gamle_og_nye_kommuneplaner(utkast)
    _strimmel(utkast)
    _nabo(utkast)
    _planstatuser(utkast)
    _nivaaer(utkast)
    _smal_rest(utkast)
    _detaljering(utkast)
    _skrivemaater(utkast)
    _dobbelt(utkast)


def legg_feller_i_teigene(utkast: Utkast) -> None:
    """Lay the traps that are teiger, and note the arcs."""
    utkast.felle("bue", *(t.teig_id for t in utkast.teiger if t.bue is not None))
    k, stor = max(
        ((k, t) for k, t in enumerate(utkast.teiger) if t.bue is None and not t.multisurface),
        key=lambda item: item[1].geometri.area,
    )
    midt = shapely.point_on_surface(stor.geometri)
    reach = min(20.0, 0.5 * shapely.distance(midt, stor.geometri.exterior))
    hull = _millimeter(shapely.box(midt.x - reach, midt.y - reach, midt.x + reach, midt.y + reach))
    utkast.teiger[k] = replace(stor, geometri=Polygon(stor.geometri.exterior, [hull.exterior]))
    ny_id = int(utkast.fakta.nummer) * 100_000 + 90_001
    enhet = replace(stor.enheter[0], matrikkelenhet_id=ny_id * 10, bruksnummer=900) if stor.enheter else None
    utkast.teiger.append(replace(stor, teig_id=ny_id, geometri=hull, enheter=(enhet,) if enhet else ()))
    utkast.felle("hull_teig", stor.teig_id, ny_id)
    kopi = utkast.teiger[7]
    utkast.teiger.append(kopi)
    utkast.felle("dobbel_teig", kopi.teig_id)


def _frie(utkast: Utkast) -> list[Sone]:
    """Return the housing zones that no plan, kommunedelplan or border touches, the largest first."""
    u0, v0, u1, v1 = kdp_rect(utkast)
    frie = [
        s
        for s in utkast.soner
        if s.kode == "1110"
        and s.fri
        and s.hel
        and (s.rect[2] <= u0 or s.rect[0] >= u1 or s.rect[3] <= v0 or s.rect[1] >= v1)
    ]
    return sorted(frie, key=lambda s: (-_areal(s), s.lokal_id))


def _ubebygd(utkast: Utkast) -> list[Sone]:
    """Return the whole zones of farmland and green, the largest first."""
    found = [s for s in utkast.soner if s.kode in {"5100", "3001"} and s.hel]
    return sorted(found, key=lambda s: (-_areal(s), s.lokal_id))


def _areal(sone: Sone) -> float:
    return float(shapely.area(sone.geometri))


def _millimeter(shape: BaseGeometry) -> Polygon:
    made: Polygon = shapely.transform(shape, lambda xy: np.round(xy, 3))
    return made


def kryss(polygon: Polygon) -> Polygon:
    """Return the polygon with a bow-tie of 10 × 10 m in one of its edges: a ring that crosses itself."""
    ring = shapely.get_coordinates(polygon.exterior)
    a, b = ring[2], ring[3]
    inn = np.array([a[1] - b[1], b[0] - a[0]])
    return Polygon(np.round(np.vstack([ring[:3], b + inn, a + inn, ring[3:]]), 3))


def _naboskap(utkast: Utkast) -> None:
    """Draw a gap and an overlap of 0.3 m between housing zones that share a border."""
    bolig = [s for s in utkast.soner if s.er_bolig and s.hel]
    tree = shapely.STRtree([s.geometri for s in bolig])
    names = iter(("glippe", "overlapp"))
    used: set[str] = set()
    name = next(names)
    for k, sone in enumerate(bolig):
        for j in sorted(tree.query(sone.geometri, predicate="touches").tolist()):
            other = bolig[j]
            felles = shapely.intersection(sone.geometri, other.geometri)
            if j <= k or shapely.length(felles) < 40 or used & {sone.lokal_id, other.lokal_id}:
                continue
            strip = shapely.buffer(felles, 0.3, cap_style="flat")
            change = shapely.difference if name == "glippe" else shapely.union
            sone.geometri = largest(change(sone.geometri, strip)) or sone.geometri
            used |= {sone.lokal_id, other.lokal_id}
            utkast.felle(name, sone.lokal_id, other.lokal_id)
            following = next(names, None)
            if following is None:
                return
            name = following
    message = (
        f"kommune {utkast.fakta.nummer}: no two pairs of housing zones share 40 m of border; "
        f"{name} could not be drawn – choose another seed in config/sandbox.toml"
    )
    raise ValueError(message)


def _hull(utkast: Utkast, sone: Sone) -> None:
    """Cut a hole into a housing zone and fill it with a zone of garages."""
    u0, v0, u1, v1 = sone.rect
    u, v = (u0 + u1) // 2, (v0 + v1) // 2
    rect: Rect = (u - 1, v - 1, u + 1, v + 1)
    garasjer = utkast.landskap.polygons([rect])[0]
    sone.geometri = Polygon(sone.geometri.exterior, [garasjer.exterior])
    ny = Sone(rect, -1, sone.avstand, kode="1119", geometri=garasjer, ekstra={"områdenavn": "G1"})
    ny.lokal_id = utkast.lokal_id("garasjer", 0)
    utkast.soner.append(ny)
    utkast.felle("hull_sone", sone.lokal_id)
    utkast.felle("garasjer", ny.lokal_id)


def _ved_grensen(utkast: Utkast) -> Sone:
    """Return a zone that the border cuts, but not by much."""
    cut = [s for s in utkast.soner if not s.hel and not s.veg]
    shapes = utkast.landskap.polygons([s.rect for s in cut])
    outside = shapely.area(shapes) - shapely.area(np.array([s.geometri for s in cut]))
    return cut[int(np.argmin(np.abs(outside - 4_000.0)))]


def _gamle_og_nye_kommuneplaner(utkast: Utkast) -> None:
    """Add a superseded kommuneplan and a proposed one, both with a housing zone on land that is farmland now."""
    lnf = _ubebygd(utkast)
    for felle, planstatus, aar, sone in (("kp_utgaatt", "5", 2008, lnf[0]), ("kp_forslag", "2", 2026, lnf[1])):
        planid = f"{utkast.fakta.nummer}_KPA{aar}"
        navn = f"Kommuneplanens arealdel {aar}, {utkast.fakta.navn}"
        omraade = kp_omraade(utkast, "20", planstatus=planstatus, navn=navn)
        omraade |= {"ikrafttredelsesdato": None if planstatus == "2" else "2008-05-08"}
        utkast.felle(
            felle,
            utkast.legg_til(f"{KPA}/KpOmråde", utkast.grense, planid=planid, verdier=omraade),
            utkast.legg_til(
                f"{KPA}/KpArealformålOmråde",
                sone.geometri,
                planid=planid,
                verdier={"arealformål": "1110", "arealbruksstatus": "2", "områdenavn": "B1"},
            ),
        )


def _strimmel(utkast: Utkast) -> None:
    """Add a housing zone of 8 × 40 m on land that no zone for building covers."""
    p = shapely.point_on_surface(_ubebygd(utkast)[2].geometri)
    strip = _millimeter(shapely.box(p.x, p.y, p.x + 40.0, p.y + 8.0))
    verdier = {"arealformål": "1110", "arealbruksstatus": "2", "områdenavn": "B99"}
    lokal_id = utkast.legg_til(f"{KPA}/KpArealformålOmråde", strip, planid=kommuneplan_id(utkast), verdier={**verdier})
    utkast.felle("strimmel", lokal_id)


def _nabo(utkast: Utkast) -> None:
    """Add the neighbour's kommuneplan and a housing zone of it that sticks in over the border."""
    nummer = utkast.fakta.nabo
    hjorne = max(shapely.get_coordinates(utkast.grense), key=lambda xy: float(xy[0] - xy[1]))
    x, y = float(hjorne[0]), float(hjorne[1])
    planid = f"{nummer}_KPA2020"
    stor = _millimeter(shapely.box(x - 120, y - 900, x + 900, y + 200))
    sone = _millimeter(shapely.box(x - 120, y - 150, x + 200, y + 200))
    navn = "Kommuneplanens arealdel for nabokommunen (oppdiktet)"
    utkast.felle(
        "nabo_inn",
        utkast.legg_til(
            f"{KPA}/KpOmråde", stor, planid=planid, nummer=nummer, verdier=kp_omraade(utkast, "20", navn=navn)
        ),
        utkast.legg_til(
            f"{KPA}/KpArealformålOmråde",
            sone,
            planid=planid,
            nummer=nummer,
            verdier={"arealformål": "1110", "arealbruksstatus": "1", "områdenavn": "B1"},
        ),
    )


def _planstatuser(utkast: Utkast) -> None:
    """Add plans of every status over housing land that nothing else settles."""
    frie = _frie(utkast)
    for k, planstatus in enumerate(("1", "2", "4", "5", "6", "8")):
        sone = frie[k % len(frie)]
        verdier = rp_omraade(utkast, 500 + k, 2021, planstatus=planstatus)
        shape = shapely.force_2d(utkast.landskap.polygons([sone.rect])[0])
        lokal_id = utkast.legg_til(VN2, shape, planid=f"2021{501 + k:04d}", verdier=verdier)
        utkast.felle(f"planstatus_{planstatus}", lokal_id)
    vedtatt = next(o for o in utkast.plan[VN2] if o["properties"]["planstatus"] == "3")
    utkast.felle("planstatus_3", str(vedtatt["properties"]["identifikasjon.lokalId"]))


def _nivaaer(utkast: Utkast) -> None:
    """Add a tunnel and a bridge across free housing zones, and a tunnel filed among the plans on the ground."""
    frie = _frie(utkast)
    for k, (felle, tjeneste, nivaa) in enumerate((("tunnel", 1, "1"), ("bru", 3, "3"), ("tunnel_i_vn2", 2, "1"))):
        u0, v0, u1, v1 = frie[k % len(frie)].rect
        v = (v0 + v1) // 2
        trase = _klipp(utkast, (u0 - 12, v, u1 + 12, v + 2))
        slag = {"1": "tunnel", "3": "bru"}[nivaa]
        verdier = rp_omraade(utkast, 600 + k, 2018, vertikalnivaa=nivaa)
        verdier["plannavn"] = f"Detaljregulering for E999 Ytre Ring, {slag} (oppdiktet)"
        planid = f"2018{601 + k:04d}"
        base = RP.format(nivaa=tjeneste)
        utkast.felle(felle, utkast.legg_til(f"{base}/RpOmråde", trase, planid=planid, verdier=verdier))
        felt = {"arealformål": "2011", "feltbetegnelse": f"o_SKV{k + 1}", "vertikalnivå": nivaa, "eierform": "1"}
        utkast.legg_til(f"{base}/RpArealformålOmråde", trase, planid=planid, verdier={**felt})


def _klipp(utkast: Utkast, rect: Rect) -> Polygon:
    shape = utkast.landskap.clip(utkast.landskap.polygons([rect]))[0]
    if shape is None:
        message = f"kommune {utkast.fakta.nummer}: rectangle {rect} lies outside the border"
        raise ValueError(message)
    made: Polygon = shape
    return made


def _smal_rest(utkast: Utkast) -> None:
    """Add an adopted plan that leaves a rim of 8 m of its housing zone."""
    sone = _frie(utkast)[-1]
    inner = largest(shapely.buffer(sone.geometri, -8.0, join_style="mitre"))
    verdier = rp_omraade(utkast, 700, 2019)
    utkast.felle("smal_rest", utkast.legg_til(VN2, inner, planid="20190701", verdier=verdier))


def _detaljering(utkast: Utkast) -> None:
    """Add the hensynssone 910 over an adopted plan."""
    plan = next(o for o in utkast.plan[VN2] if o["properties"]["planstatus"] == "3")
    lokal_id = utkast.legg_til(
        f"{KPA}/KpDetaljeringSone",
        plan["geometry"],
        planid=kommuneplan_id(utkast),
        verdier={"detaljering": "910", "hensynSonenavn": "H910_1"},
    )
    utkast.felle("detaljering_910", lokal_id)


def _skrivemaater(utkast: Utkast) -> None:
    """Write dates, names, links and ids of some adopted plans the way real registers do."""
    changes: tuple[tuple[str, dict[str, str | None]], ...] = (
        ("dato_mangler", {"ikrafttredelsesdato": None, "vedtakEndeligPlanDato": None}),
        ("dato_1800", {"ikrafttredelsesdato": "1800-01-01"}),
        ("dato_z", {"ikrafttredelsesdato": "2011-06-16Z"}),
        ("dato_flyttall", {"vedtakEndeligPlanDato": "20100615.0"}),
        ("navn_blanke", {"plannavn": "Reguleringsplan for Solhaug (oppdiktet)   "}),
        ("link_tom", {"link": ""}),
        ("link_strek", {"link": "-"}),
        ("planid_tekst", {"arealplanId.planidentifikasjon": "2026/02282"}),
        ("planid_strek", {"arealplanId.planidentifikasjon": "-"}),
    )
    vedtatte = [o for o in utkast.plan[VN2] if o["properties"]["planstatus"] == "3"]
    for (felle, change), plan in zip(changes, vedtatte[2:], strict=False):
        _endre(utkast, plan, change)
        utkast.felle(felle, str(plan["properties"]["identifikasjon.lokalId"]))
    flate = vedtatte[1]["geometry"]
    if isinstance(flate, Polygon):
        vedtatte[1]["geometry"] = kryss(flate)
        utkast.felle("sloyfe", str(vedtatte[1]["properties"]["identifikasjon.lokalId"]))
    lokal_id = utkast.legg_til(VN2, None, planid="20200801", verdier=rp_omraade(utkast, 800, 2020))
    utkast.felle("null_geometri", lokal_id)


def _endre(utkast: Utkast, plan: PlanObjekt, change: dict[str, str | None]) -> None:
    """Change an RpOmråde; a new planid goes to its fields too."""
    nokkel = "arealplanId.planidentifikasjon"
    gammel = plan["properties"][nokkel]
    plan["properties"].update(change)
    if nokkel in change:
        for samling in ("RpArealformålOmråde", "RbFormålOmråde"):
            for felt in utkast.plan.get(f"{RP.format(nivaa=2)}/{samling}", []):
                if felt["properties"][nokkel] == gammel:
                    felt["properties"][nokkel] = change[nokkel]


def _dobbelt(utkast: Utkast) -> None:
    """Repeat the kommunedelplan and a reguleringsplan under the old kommunenummer."""
    gammelt = utkast.fakta.gammelt_nummer
    for samling in (f"{KDP}/KpOmråde", f"{KDP}/KpArealformålOmråde", VN2):
        felles = list(utkast.plan[samling])
        if samling == VN2:
            felles = [o for o in felles if o["properties"]["planstatus"] == "3" and o["geometry"] is not None][-2:-1]
        for objekt in felles:
            p = objekt["properties"]
            egne = {k: v for k, v in p.items() if not k.startswith(("objid", "identifikasjon.lokalId"))}
            egne["arealplanId.kommunenummer"] = gammelt
            kopi = utkast.legg_til(samling, objekt["geometry"], planid="", verdier=egne)
            utkast.felle("dobbel_plan", str(p["identifikasjon.lokalId"]), kopi)

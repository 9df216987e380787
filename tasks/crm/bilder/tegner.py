"""Tegner: a motif becomes an image. What is drawn depends on the motif, the register and the tiles alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import shapely
from matplotlib.path import Path
from PIL import Image, ImageChops

from config.bilder import BilderRegister
from tasks.crm.bilder import etiketter, ramme
from tasks.crm.bilder.lerret import Lerret
from tasks.crm.bilder.motiv import Motiv
from tasks.crm.bilder.stier import path_of, squares

POINT_M, POINT_PX = 11.0, (3.0, 11.0)
"""Side of a building that is known as a point alone, and the pixels that it takes at least and at most."""
CLOSE_M, FINEST = 1.0, 0.4
"""Metres a pixel from which lines get thinner, and how thin they get: seen from afar they would hide the land."""
WHITE = "#ffffff"


class Tegner:
    """Draws pictures of one register, one after the other."""

    def __init__(self, register: BilderRegister) -> None:
        self._register = register
        size = register.bilde
        self._canvas = Lerret(size.bredde, size.hoyde)

    def draw(self, motiv: Motiv, *, under: Image.Image | None = None, kilde: str = "") -> Image.Image:
        """Return the picture of a lot.

        Parameters
        ----------
        under
            The background, in the pixels of the map; None draws on plain paper.
        kilde
            Whose the background is.
        """
        if under is not None:
            return self._on_tiles(motiv, under, kilde=kilde)
        self._canvas.begin(WHITE)
        self._within_map()
        self._land(motiv)
        self._things(motiv)
        self._frame(motiv, kilde="")
        return self._canvas.image()

    def _on_tiles(self, motiv: Motiv, under: Image.Image, *, kilde: str) -> Image.Image:
        """Return the picture with the zones multiplied into the tiles, as ink on a printed map."""
        self._canvas.begin(WHITE)
        self._within_map()
        self._land(motiv)
        zones = self._canvas.image()
        zones.paste(ImageChops.multiply(zones.crop(self._map_box()), under), self._map_box())
        self._canvas.begin("none")
        self._within_map()
        self._things(motiv)
        self._frame(motiv, kilde=kilde)
        return Image.alpha_composite(zones.convert("RGBA"), self._canvas.image("RGBA")).convert("RGB")

    def _map_box(self) -> tuple[int, int, int, int]:
        size = self._register.bilde
        return 0, size.topp, size.bredde, size.hoyde - size.bunn

    def _within_map(self) -> None:
        size = self._register.bilde
        self._canvas.within(0, size.bunn, size.bredde, size.kart_hoyde)

    def _land(self, motiv: Motiv) -> None:
        """Put paper and zones; zones of one colour that follow each other in one call."""
        size, put = self._register.bilde, self._canvas.put
        put(path_of([shapely.box(0, 0, size.bredde, size.kart_hoyde)]), fyll=self._register.farger.land)
        some: list[Any] = []
        for n, zone in enumerate(motiv.soner):
            some.append(zone.form)
            if n + 1 == len(motiv.soner) or motiv.soner[n + 1].farge != zone.farge:
                put(path_of(some), fyll=zone.farge)
                some = []

    def _things(self, motiv: Motiv) -> None:
        """Put roads, parcels, buildings, constraints, plans and the lot, from below to above."""
        ink, put = self._register.farger, self._canvas.put
        thin = min(max(CLOSE_M / motiv.utsnitt.opplosning, FINEST), 1.0)
        put(path_of(h.form for h in motiv.hindre if h.er_veg), fyll=ink.veg)
        put(path_of(t.form for t in motiv.teiger), strek=ink.teig, bredde=1.3 * thin)
        put(path_of([motiv.tomt]), fyll=(ink.tomt, 0.10))
        buildings = [h.form for h in motiv.hindre if not h.er_veg]
        put(path_of(buildings), fyll=ink.bygning, strek=WHITE, bredde=0.8 * thin)
        points = [f for f in buildings if shapely.get_type_id(f) == shapely.GeometryType.POINT]
        side = min(max(POINT_M / motiv.utsnitt.opplosning, POINT_PX[0]), POINT_PX[1])
        put(squares(points, side), fyll=ink.bygning, strek=WHITE, bredde=0.8 if thin == 1 else 0.0)
        for hatch, is_soft in dict.fromkeys((b.skravur, b.er_myk) for b in motiv.bindinger):
            bound = path_of(b.form for b in motiv.bindinger if (b.skravur, b.er_myk) == (hatch, is_soft))
            put(bound, **ramme.bound_style(ink, is_soft=is_soft), skravur=hatch)
        if motiv.omraade is not None:
            put(path_of([motiv.omraade]), strek=ink.omraade, bredde=2.0 * thin, stiplet=(2, 5))
        for adopted, colour, dashes in ((True, ink.plan, (14, 4, 3, 4)), (False, ink.plan_under_arbeid, (8, 5))):
            plans = path_of(p.form for p in motiv.planer if p.er_vedtatt is adopted)
            put(plans, strek=(WHITE, 0.8), bredde=4.5 * thin)
            put(plans, strek=colour, bredde=2.4 * thin, stiplet=dashes)
        if motiv.kommune is not None:
            border = path_of([motiv.kommune])
            put(border, strek=(WHITE, 0.8), bredde=3.5)
            put(border, strek=ink.grense, bredde=1.6, stiplet=ramme.BORDER_DASHES)
        outline = path_of([motiv.tomt])
        put(outline, strek=WHITE, bredde=8.0)
        put(outline, strek=ink.tomt, bredde=4.5)

    def _frame(self, motiv: Motiv, *, kilde: str) -> None:
        """Put labels, scale and arrow into the map, and the strips around it."""
        arrow = ramme.north_arrow(motiv)
        scale = ramme.scale_bar(motiv)
        labels = etiketter.place(motiv, self._register.etiketter, taken=(arrow.box, scale.box))
        self._labels(labels)
        scale.put_on(self._canvas, self._register)
        arrow.put_on(self._canvas, self._register)
        ramme.put_strips(self._canvas, motiv, self._register, kilde=kilde)

    def _labels(self, labels: Sequence[etiketter.Etikett]) -> None:
        """Put all labels of a kind in two calls: their halo and themselves."""
        ink = self._register.farger
        colours = {"plan": ink.plan, "planarbeid": ink.plan_under_arbeid, "teig": ink.tekst, "egen": ink.tomt}
        for slag, colour in colours.items():
            paths = [label.path for label in labels if label.slag == slag]
            if paths:
                text = Path.make_compound_path(*paths)
                self._canvas.put(text, strek=WHITE, bredde=etiketter.HALO_PX[slag], fyll=WHITE)
                self._canvas.put(text, fyll=colour)

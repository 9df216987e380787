"""The parcel service of the sandbox: `app:Teig` as `tasks.sandbox.wfs` serves it, its GML from `tasks.sandbox.gml`."""

from __future__ import annotations

from tasks.sandbox.crs import Crs
from tasks.sandbox.fes import Vilkaar, kommuner_av
from tasks.sandbox.gml import APP, members
from tasks.sandbox.kommune import numre
from tasks.sandbox.wfs import Tjeneste

PATH = "/skwms1/wfs.matrikkelen-eiendomskart-teig"


def _medlemmer(vilkaar: Vilkaar | None, crs: Crs) -> list[bytes]:
    """Return the teiger of the kommuner asked for, or of all."""
    kommuner = kommuner_av(vilkaar)
    chosen = [nummer for nummer in numre() if kommuner is None or nummer in kommuner]
    return [member for nummer in chosen for member in members(nummer, crs)]


TEIG = Tjeneste(
    sti=PATH,
    tittel="Matrikkelen – Eiendomskart Teig",
    sammendrag="Oppdiktede teiger i oppdiktede kommuner.",
    objekttype="Teig",
    navnerom=APP,
    elementer={
        "identTeig": "xs:anyType",
        "datafangstdato": "xs:dateTime",
        "oppdateringsdato": "xs:dateTime",
        "representasjonspunkt": "gml:PointPropertyType",
        "område": "gml:GeometryPropertyType",
        "kommunenummer": "xs:string",
        "kommunenavn": "xs:string",
        "matrikkelenhet": "xs:anyType",
        "matrikkelnummerTekst": "xs:string",
        "teigMedFlereMatrikkelenheter": "xs:boolean",
        "tvist": "xs:boolean",
        "uregistrertJordsameie": "xs:boolean",
        "avklartEiere": "xs:boolean",
        "teigareal": "xs:anyType",
        "noyaktighetsklasseTeig": "xs:string",
        "uuidTeig": "xs:string",
    },
    medlemmer=_medlemmer,
    flere=frozenset({"matrikkelenhet"}),
)

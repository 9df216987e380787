"""The command `tomt differanse`: its options, and what it says when something goes wrong that nobody thought of."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated

import typer

from tasks.errors import TomtError

log = logging.getLogger("tomt")

REASON_LENGTH = 160


def differanse(  # noqa: PLR0917  # the options of a command
    soner: Annotated[Path, typer.Option(metavar="FILE", help="Zones of the kommuneplan; each row is one for housing.")],
    planer: Annotated[Path, typer.Option(metavar="FILE", help="Extents of reguleringsplaner; the adopted ones count.")],
    teiger: Annotated[Path, typer.Option(metavar="FILE", help="Teiger of the matrikkel.")],
    ut: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the results go; made when it is not there.")],
    bygninger: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Buildings, points or outlines; every row stands in the way.")
    ] = None,
    veger: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Surfaces of roads; lines are left out, with a warning.")
    ] = None,
    crs: Annotated[
        str | None,
        typer.Option(metavar="EPSG", help="Compute in 25832, 25833 or 25835; else in the CRS that the files share."),
    ] = None,
    per_sone: Annotated[bool, typer.Option("--per-sone", help="Borders between zones cut: zone by zone.")] = False,
    kun_bolig: Annotated[
        bool, typer.Option("--kun-bolig", help="Only zones whose arealformål is one for housing (arealformaal.toml).")
    ] = False,
    min_omraade: Annotated[float, typer.Option(metavar="M2", help="Smallest område.")] = 2000.0,
    min_tomt: Annotated[float, typer.Option(metavar="M2", help="Smallest lot.")] = 1000.0,
    min_bredde: Annotated[float, typer.Option(metavar="M", help="Smallest width of a lot; 0 = no such rule.")] = 6.0,
    traader: Annotated[
        int | None, typer.Option(metavar="N", help="Threads.", show_default="the cores that there are")
    ] = None,
    kolonne_arealformal: Annotated[
        str, typer.Option(metavar="NAME", help="Column of --soner with the code of the purpose.")
    ] = "arealformal",
    kolonne_planstatus: Annotated[
        str, typer.Option(metavar="NAME", help="Column of --planer with the status: 3, '3' and 'Vedtatt' are adopted.")
    ] = "planstatus",
    kolonne_teig_id: Annotated[
        str, typer.Option(metavar="NAME", help="Column of --teiger with the id of the teig.")
    ] = "teig_id",
    lag_soner: Annotated[str | None, typer.Option(metavar="NAME", help="Layer of --soner, of several.")] = None,
    lag_planer: Annotated[str | None, typer.Option(metavar="NAME", help="Layer of --planer, of several.")] = None,
    lag_teiger: Annotated[str | None, typer.Option(metavar="NAME", help="Layer of --teiger, of several.")] = None,
    lag_bygninger: Annotated[str | None, typer.Option(metavar="NAME", help="Layer of --bygninger, of several.")] = None,
    lag_veger: Annotated[str | None, typer.Option(metavar="NAME", help="Layer of --veger, of several.")] = None,
) -> None:
    """Find the differanse and the lots of your own files: GeoParquet, GeoPackage, Shapefile, GeoJSON, GML and more.

    Writes differanse.parquet (land zoned for housing that no adopted plan on the ground has settled), tomter.parquet
    (the same cut by teig) and kjerner.parquet (the buildable core of each lot that has one: away from --bygninger and
    --veger and nowhere too narrow, by the distances of regler.toml; without these files, of its shape alone) into --ut.
    The account, one JSON object, goes to standard output; progress and warnings go to standard error. A row without an
    id column is known by its number in the file, counted from 1.

    \b
    Example:
      tomt differanse --soner kommuneplan.gpkg --lag-soner KpArealformalOmrade --kun-bolig \\
        --planer reguleringsplaner.parquet --teiger teiger.shp --kolonne-teig-id TEIGID \\
        --crs 25832 --ut resultat > regnskap.json
    """  # noqa: D301  # \b keeps the lines of the example
    import pyarrow as pa

    from flows.differanse import Bestilling, Lagfil, Valg, available_cores
    from flows.differanse import differanse as find

    for file, layer, option in ((bygninger, lag_bygninger, "bygninger"), (veger, lag_veger, "veger")):
        if layer is not None and file is None:
            raise typer.BadParameter(f"--lag-{option} names a layer of --{option}, which is not given.")
    valg = Valg(
        minste_omraade_m2=min_omraade,
        minste_tomt_m2=min_tomt,
        minste_bredde_m=min_bredde,
        per_sone=per_sone,
        traader=available_cores() if traader is None else traader,
    )
    order = Bestilling(
        Lagfil(soner, lag_soner),
        Lagfil(planer, lag_planer),
        Lagfil(teiger, lag_teiger),
        ut,
        crs=crs,
        kun_bolig=kun_bolig,
        valg=valg,
        arealformal=kolonne_arealformal,
        planstatus=kolonne_planstatus,
        teig_id=kolonne_teig_id,
        bygninger=None if bygninger is None else Lagfil(bygninger, lag_bygninger),
        veger=None if veger is None else Lagfil(veger, lag_veger),
    )
    # Arrow's own pool keeps what it once had: on a municipality of 118,400 teiger 30 to 50 MB more at the peak.
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        account = json.dumps(find(order), ensure_ascii=False, indent=2)
    except TomtError:
        raise
    except Exception as error:
        log.debug("Unexpected:", exc_info=True)
        raise TomtError(_unexpected(error)) from error
    typer.echo(account)


def _unexpected(error: Exception) -> str:
    said = " ".join(str(error).split())[:REASON_LENGTH]
    return (
        f"{type(error).__name__}{f' ({said})' if said else ''}: the program does not know what to do with these files. "
        "Please report it, with what `tomt --verbose differanse …` prints."
    )

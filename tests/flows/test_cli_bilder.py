"""`tomt bilder` as a person meets it."""

from __future__ import annotations

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from config.settings import Profile, Settings
from flows import cli_bilder
from tasks.errors import ConfigError, StoreError
from tasks.store import Geodata
from tests.crm.stordata import Omfang, tomt_id, write_kommune
from tests.crm.sync_prosess import TOMTEVIK

app = typer.Typer(rich_markup_mode=None)
app.command()(cli_bilder.bilder_command)


@pytest.fixture(scope="module")
def geodata(tmp_path_factory):
    """Return the files of a kommune with five lots."""
    folder = tmp_path_factory.mktemp("geodata")
    write_kommune(Geodata(folder), TOMTEVIK, Omfang(tomter=5, omraader=2, eiendommer=5))
    return folder


@pytest.fixture
def tomt(monkeypatch, geodata):
    """Run the command in this process."""
    settings = Settings(profile=Profile.SANDBOX, geodata=geodata)
    monkeypatch.setattr(cli_bilder, "load_settings", lambda: settings)

    def run(*arguments):
        done = CliRunner().invoke(app, list(arguments))
        if done.exception is not None:
            raise done.exception
        return done.stdout

    return run


def test_the_best_lots_are_drawn_to_a_folder(tomt, tmp_path):
    said = tomt("0099", "--antall", "2", "--ut", str(tmp_path / "ut"))
    assert "2 pictures" in said
    files = list((tmp_path / "ut").iterdir())
    assert len(files) == 2
    with Image.open(files[0]) as image:
        assert image.size == (800, 1000)


def test_named_lots_are_drawn_under_geodata(tomt, geodata):
    wanted = tomt_id(TOMTEVIK, 3)
    tomt("0099", "--tomt", wanted, "--tomt", wanted)
    assert [p.name for p in (geodata / "bilder" / "0099").iterdir()] == [f"{wanted}.png"]


def test_what_cannot_be_done_is_told(tomt, tmp_path):
    with pytest.raises(ConfigError, match="No living lot"):
        tomt("0099", "--tomt", "../../etc/passwd")
    with pytest.raises(ConfigError, match="one of them"):
        tomt("0099", "--tomt", tomt_id(TOMTEVIK, 0), "--antall", "2")
    with pytest.raises(StoreError, match="tomt run 7001"):
        tomt("7001")
    (tmp_path / "fil").write_text("x")
    with pytest.raises(StoreError, match="--ut"):
        tomt("0099", "--antall", "1", "--ut", str(tmp_path / "fil"))

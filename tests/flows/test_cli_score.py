"""`tomt score`: what is printed of the lots' scores, and what is kept."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from config.tomtprofil import tomtprofil
from flows.cli import app
from tasks.errors import TomtError
from tasks.store import Geodata
from tasks.tomtekontrakter import SAMMENSLAAINGER, SCOREKORT, SCORER


@pytest.fixture(scope="module")
def scored(first_run, tmp_path_factory):
    """What the first run of Tomtevik left, the base excepted."""
    folder = tmp_path_factory.mktemp("score") / "geodata"
    for layer in ("core", "out"):
        shutil.copytree(first_run.geodata / layer, folder / layer)
    return folder


@pytest.fixture
def tomt(scored, monkeypatch):
    """Run a command; what it raises is raised."""
    monkeypatch.setenv("TOMT_ENV_FILE", "")
    monkeypatch.setenv("TOMT_GEODATA", str(scored))

    def run(*arguments: str):
        done = CliRunner().invoke(app, ["score", *arguments])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return run


def test_the_best_lots_stand_first_with_their_range(tomt, scored):
    shown = tomt("0099", "--topp", "3").stdout.splitlines()
    scores = Geodata(scored).read("0099", layer="out", contract=SCORER)
    best = scores.sort_values(["score", "hoyest"], ascending=False).iloc[0]
    assert f"{len(scores)} lots by {tomtprofil().merke}" in shown[0]
    assert len(shown) == 5
    assert shown[2].split()[:2] == [best["tomt_id"], best["nivaa"]]
    assert best["begrunnelse"] in shown[2]


def test_one_lot_shows_its_card(tomt, scored):
    scores = Geodata(scored).read("0099", layer="out", contract=SCORER)
    shown = tomt(scores["tomt_id"].iloc[0])
    assert scores["hvorfor"].iloc[0] in shown.stdout
    assert "Shown only" in shown.stderr


def test_lots_that_are_offered_as_one_have_a_card_too(tomt, scored):
    together = Geodata(scored).read("0099", layer="out", contract=SAMMENSLAAINGER).iloc[0]
    shown = tomt(together["sammenslaaing_id"])
    assert shown.stdout.startswith(f"{together['sammenslaaing_id']}\n{together['hvorfor']}")


def test_json_has_the_parts_that_add_up(tomt, scored):
    rows = json.loads(tomt("0099", "--json", "--dry-run").stdout)
    kort = Geodata(scored).read("0099", layer="out", contract=SCOREKORT)
    assert sum(len(row["deler"]) for row in rows) == len(kort)
    for row in rows:
        assert sum(part["poeng"] for part in row["deler"]) == pytest.approx(row["score"], abs=1e-6)


def test_another_profile_is_shown_and_not_kept(tomt, scored):
    path = Geodata(scored).path("out", SCORER, "0099")
    before = path.read_bytes()
    done = tomt("0099", "--profil", "master-6")
    assert "by master-6" in done.stdout
    assert "Shown only" in done.stderr
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["0099", "--profil", "eier-8"], "did you mean eier-7"),
        (["0099-999999"], "no 0099-999999 among the living lots: `tomt history 0099-999999`"),
        (["0099-S999999"], "offered as one only while"),
        (["7001"], "tomt run 7001"),
        (["0099", "0099-000001"], "either municipalities"),
        (["0000"], "0000"),
    ],
)
def test_nonsense_is_answered_with_what_to_do(tomt, arguments, said):
    with pytest.raises(TomtError, match=said):
        tomt(*arguments)

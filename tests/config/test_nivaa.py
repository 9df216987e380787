"""Levels of a lot: limits from config, on the unrounded score."""

from __future__ import annotations

import pytest

from config import registers
from config.errors import ConfigError
from config.nivaa import nivaaer


@pytest.mark.parametrize(
    ("score", "level"),
    [(100.0, "A"), (80.0, "A"), (79.999, "B"), (60.0, "B"), (59.96, "C"), (40.0, "C"), (39.99, "D"), (0.0, "D")],
)
def test_the_levels_of_the_papers(score, level):
    assert nivaaer().of(score) == level


def test_without_a_score_there_is_no_level():
    assert nivaaer().of(None) is None
    assert nivaaer().of(float("nan")) is None


@pytest.mark.parametrize(
    ("toml", "word"),
    [("A = 60\nB = 60\nC = 40", "A > B > C"), ("A = 80\nB = 60", "C"), ("A = 800\nB = 60\nC = 4", "A")],
)
def test_levels_that_do_not_fall_are_refused_with_the_name_of_the_file(tmp_path, monkeypatch, toml, word):
    (tmp_path / "vekter.toml").write_text(f"[nivaa]\n{toml}\n", encoding="utf-8")
    monkeypatch.setattr(registers, "FOLDER", tmp_path)
    nivaaer.cache_clear()
    try:
        with pytest.raises(ConfigError, match=r"vekter\.toml: nivaa") as raised:
            nivaaer()
    finally:
        nivaaer.cache_clear()
    assert word in str(raised.value)

"""Settlement: the share of inhabitants in a tettsted."""

from __future__ import annotations

from .tallbase import regnet, tall


def test_the_share_is_of_the_inhabitants_of_the_same_year():
    folk = {"3207": {2024: 4000, 2025: 9000}, "0301": {2024: 6000, 2025: 9000}}
    bosatte = {"3207": {2024: 3000}, "0301": {2024: 6000}}
    ut = regnet(tall("folkemengde", folk) + tall("bosatte_tettsted", bosatte), kommuner=list(folk))
    rad = ut.loc[("3207", "andel_i_tettsted_prosent")]
    assert rad[["verdi", "landstall", "aar"]].tolist() == [75.0, 90.0, 2024]
    assert rad["kilde"] == "SSB 04861 Bosatte 2024; SSB 06913 Folkemengde 2024"

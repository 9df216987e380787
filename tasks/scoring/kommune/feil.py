"""The error of the ranking of kommuner."""

from tasks.errors import TomtError


class RankingError(TomtError, ValueError):
    """What is to be ranked is not there, or does not fit the profile."""

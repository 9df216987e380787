"""Scoring of kommuner: indicators, points by a profile, the ranking, how well it holds. Pure functions on frames."""

"""Scoring: points with reasons. Pure functions on frames."""

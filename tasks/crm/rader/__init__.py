"""Rows: what a run left in geodata, as fields of every table of the base."""

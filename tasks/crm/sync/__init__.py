"""Sync: rows and records compared, written, remembered; what people did is told."""

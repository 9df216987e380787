"""The context of the invented municipalities: what binds land and what stands around it, invented and served.

Every theme of config/konflikter.toml and config/kontekst.toml that has a `sandbox` path, in the wire format of the
real service; the others are not there, as some are not in life. Drawn when first asked for, and kept.
"""

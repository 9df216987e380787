"""The base of all errors, and those of settings and registers.

A message names what it is about (kommune, layer, address, count) and ends by saying what to do. It never holds
a person's data, a token or a password.
"""


class TomtError(Exception):
    """Base of every error that a person is meant to read; the command line prints it as one line."""


class ConfigError(TomtError, ValueError):
    """A setting or a register in config/ is missing, unknown or contradicts another."""


class UnknownKommuneError(TomtError, LookupError):
    """The kommune number is not in use."""

"""A coordinate reference system is looked up once in each thread: its 6 ms, thousands of times, were a tenth of all.

What pyproj makes of a text does not change, and is not changed by those who use it. Done when this is imported.
"""

from __future__ import annotations

import threading
from typing import Any

from pyproj.crs import crs

_module: Any = crs
_Real: Any = _module._CRS


class _Known(threading.local):
    """What this thread has looked up; an object of PROJ serves one thread alone."""

    def __init__(self) -> None:
        self.by_text: dict[str, Any] = {}


_known = _Known()


class _Once(type):
    """Stands for pyproj's own class, which is asked for by `isinstance` too."""

    def __call__(cls, text: str) -> Any:
        if text not in _known.by_text:
            _known.by_text[text] = _Real(text)
        return _known.by_text[text]

    def __instancecheck__(cls, one: object) -> bool:
        return isinstance(one, _Real)


class Once(metaclass=_Once):
    """pyproj's CRS of a text, made once."""


if not isinstance(_Real, _Once):
    _module._CRS = Once

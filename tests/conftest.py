"""No test reads the settings of the machine that it runs on, and none fails because the machine is slow.

Neither its environment nor the checkout's `.env` is read. Done when this is imported, since some modules read settings
when they are.
"""

from __future__ import annotations

import gc
import os
import ssl
from collections.abc import Generator
from functools import cache

import pytest
from hypothesis import HealthCheck, settings

from tests import crs_once  # noqa: F401  # for its effect

for _name in [name for name in os.environ if name.startswith("TOMT_")]:
    del os.environ[_name]
os.environ["TOMT_ENV_FILE"] = ""

# Every client of httpx reads the certificates of the world, 20 ms, and the tests make thousands for 127.0.0.1.
ssl.create_default_context = cache(ssl.create_default_context)

# The same examples every time: what passes here passes there. `--hypothesis-profile=default` looks further.
settings.register_profile("patient", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without the garbage collector, and keep it from what was collected, which stays to the end.

    It walked all tests and modules again and again, which took two fifths of the time of collecting.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()

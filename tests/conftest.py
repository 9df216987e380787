"""No test reads the settings of the machine that it runs on: neither its environment nor the checkout's `.env`.

Done when this is imported, since some modules read settings when they are.
"""

from __future__ import annotations

import os

for _name in [name for name in os.environ if name.startswith("TOMT_")]:
    del os.environ[_name]
os.environ["TOMT_ENV_FILE"] = ""

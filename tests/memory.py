"""What a process has weighed at most. Not `ru_maxrss`: that is handed down from the process that it was started by."""

from __future__ import annotations

from pathlib import Path


def peak_mb() -> float:
    """Return the largest resident size of this process so far, MB."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024

"""Steg: a step of the work, run as a plain call by the command line and as a task by a flow.

Prefect takes seconds to import, and is imported when a step is run as a task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class Named(Protocol):
    """A function and the name of its step: a `Steg`, or a Prefect task."""

    @property
    def fn(self) -> Callable[..., Any]:
        """The plain function."""

    @property
    def name(self) -> str:
        """What the step is called."""


Call = Callable[..., Any]
"""How a step is run: `directly` or `as_task`."""


@dataclass(frozen=True)
class Steg:
    """A step that is no task until it is run as one.

    Attributes
    ----------
    fn
        The plain function.
    kjoering
        What a run of the task is called; fields of the function's arguments in braces.
    """

    fn: Callable[..., Any]
    name: str
    kjoering: str


def directly(step: Named, *args: Any, **options: Any) -> Any:
    """Run a step as the plain function that it is, without Prefect."""
    return step.fn(*args, **options)


def as_task(step: Named, *args: Any, **options: Any) -> Any:
    """Run a step as a task inside a flow, so that it shows in the Prefect UI."""
    from prefect import Task
    from prefect.cache_policies import NO_CACHE

    if isinstance(step, Steg):
        made = Task(step.fn, name=step.name, task_run_name=step.kjoering, cache_policy=NO_CACHE)
        return made(*args, **options)
    return step(*args, **options)  # type: ignore[operator]  # it is a task

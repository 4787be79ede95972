"""The observer of a long run, which tells the person who waits for it."""

from __future__ import annotations

from typing import Protocol

from edgecv_converters.isolate import Job


class Observer(Protocol):
    """Shows workers and stages; every method returns at once."""

    def job(self, job: Job) -> None:
        """A worker was queued; its progress can be read from it at any time."""

    def stage(self, name: str, done: int, total: int) -> None:
        """Work of this process has come so far."""

    def note(self, text: str) -> None:
        """Something a person should know, that is no error."""


class Silent:
    """Shows nothing; for calls from Python."""

    def job(self, job: Job) -> None:
        """Ignore it."""

    def stage(self, name: str, done: int, total: int) -> None:
        """Ignore it."""

    def note(self, text: str) -> None:
        """Ignore it."""

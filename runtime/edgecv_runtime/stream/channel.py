"""A bounded slot between two threads."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class ClosedError(Exception):
    """Nothing comes any more, or nobody takes any more."""


class Channel(Generic[T]):
    """Items in order, at most `capacity` of them.

    Args:
        capacity: How many may wait.
        newest: When it is full, `put` displaces the oldest instead of waiting.

    Attributes:
        displaced: How many were.
    """

    def __init__(self, capacity: int, *, newest: bool = False) -> None:
        self._items: deque[T] = deque()
        self._capacity = capacity
        self._newest = newest
        self._changed = threading.Condition()
        self._closed = False
        self._error: BaseException | None = None
        self.displaced = 0

    def put(self, item: T) -> T | None:
        """Add an item; the one that it displaced, or None.

        Raises:
            ClosedError: The channel was closed.
        """
        with self._changed:
            if not self._newest:
                self._changed.wait_for(lambda: self._closed or len(self._items) < self._capacity)
            if self._closed:
                raise ClosedError
            oldest = self._items.popleft() if len(self._items) >= self._capacity else None
            self.displaced += oldest is not None
            self._items.append(item)
            self._changed.notify_all()
            return oldest

    def get(self, timeout: float | None = None) -> T:
        """Take the oldest item.

        Raises:
            TimeoutError: None came within `timeout` seconds.
            ClosedError: None will come any more.
            BaseException: The error that the channel was finished with, once it is empty.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or bool(self._items), timeout):
                raise TimeoutError
            if self._items:
                item = self._items.popleft()
                self._changed.notify_all()
                return item
            if self._error is not None:
                raise self._error
            raise ClosedError

    def finish(self, error: BaseException | None = None) -> None:
        """Take no more items; what is inside can still be taken, and then `error` is raised."""
        with self._changed:
            if not self._closed:
                self._closed, self._error = True, error
            self._changed.notify_all()

    def abandon(self) -> None:
        """Throw away what is inside; both sides end."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()

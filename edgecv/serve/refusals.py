"""Errors that a client gets in place of an answer: an HTTP status, a sentence, and what to do."""

from __future__ import annotations

from collections.abc import Mapping


class RequestRefusedError(Exception):
    """A request that gets an error in place of its answer.

    Attributes:
        status: The HTTP status.
        message: The reason, in one sentence.
        outcome: The reason as a word, for metrics.
        hint: What to do about it, or None.
        headers: Further headers of the response.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        outcome: str,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.outcome = outcome
        self.hint = hint
        self.headers = dict(headers or {})


def invalid(message: str, hint: str | None = None) -> RequestRefusedError:
    """A request that is wrong by itself: 400."""
    return RequestRefusedError(400, message, outcome="invalid", hint=hint)


def too_large(message: str) -> RequestRefusedError:
    """A request over a limit: 413. What is left of its body is not read, so the connection ends."""
    return RequestRefusedError(413, message, outcome="too_large", headers={"connection": "close"})


def unknown_model(message: str) -> RequestRefusedError:
    """A model or version that is not served: 404."""
    return RequestRefusedError(404, message, outcome="unknown_model")


def busy(message: str) -> RequestRefusedError:
    """More requests than may wait: 429, with the time after which it is worth another try."""
    return RequestRefusedError(429, message, outcome="busy", headers={"retry-after": "1"})


def late() -> RequestRefusedError:
    """A request whose deadline has passed: 504."""
    return RequestRefusedError(504, "the deadline passed before there was an answer", outcome="deadline")


def unavailable(message: str) -> RequestRefusedError:
    """A model that cannot answer now: 503."""
    return RequestRefusedError(503, message, outcome="unavailable", headers={"retry-after": "1"})

"""The messages of the agent on a device: lines of JSON, each with its kind."""

from __future__ import annotations

import msgspec


class AgentMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """One line of the agent."""


class Hello(AgentMessage, frozen=True, tag="hello"):
    """The agent has its private folder: what the machine has, and the bytes free on that folder's disk."""

    machine: str
    executable: str
    modules: tuple[str, ...]
    free_bytes: int


class Unpacked(AgentMessage, frozen=True, tag="unpacked"):
    """All files lie in the folder."""


class StderrLine(AgentMessage, frozen=True, tag="line"):
    """A line that the benchmark wrote on its stderr."""

    text: str


class Done(AgentMessage, frozen=True, tag="done"):
    """The benchmark ended (`late`: its time was up); `words` are its last lines.

    A tar file of `answers` bytes follows, with the outputs that it wrote.
    """

    code: int
    late: bool
    result: str | None
    words: tuple[str, ...]
    answers: int


class Failed(AgentMessage, frozen=True, tag="failed"):
    """The machine could not write something; `full`: its disk is full. The folder is removed."""

    reason: str
    full: bool


Said = Hello | Unpacked | StderrLine | Done | Failed


def decode(line: bytes) -> Said | None:
    """The message, or None where the line is none."""
    try:
        said: Said = msgspec.json.decode(line, type=Said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return said

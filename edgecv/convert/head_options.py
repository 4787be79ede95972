"""`--head NAME:KIND[=FILE]`: what a person says of a head that the model does not show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecv_converters.data.inputs import read_labels
from edgecv_runtime.errors import UsageError
from edgecv_runtime.heads.kinds import KINDS

from edgecv.convert.head_file import SUFFIX, HeadFile, read_head_file

FORM = "Write --head NAME:KIND, NAME:KIND=labels.txt, or NAME:KIND=head.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadOption:
    """One head as an option says it: `name` is an output's, or those of several outputs joined by "+".

    `file` is its description, where the option names one.
    """

    name: str
    kind: str
    labels: tuple[str, ...] | None = None
    file: HeadFile | None = None

    def __str__(self) -> str:
        return f"{self.name}:{self.kind}"

    def outputs(self, known: Sequence[str]) -> tuple[str, ...]:
        """Return the outputs that the head is of.

        Raises:
            UsageError: The model does not have one of them.
        """
        names = (self.name,) if self.name in known else tuple(self.name.split("+"))
        unknown = next((name for name in names if name not in known), None)
        if unknown is not None:
            raise UsageError(f"--head names the output {unknown!r}", f"The model's outputs are {', '.join(known)}")
        return names


def read_head_options(texts: Iterable[str]) -> tuple[HeadOption, ...]:
    """Read every `--head`.

    Raises:
        UsageError: One is not of that form, its kind is unknown, or a head is named twice.
        DataError: The labels cannot be read.
    """
    options = tuple(_parse(text) for text in texts)
    twice = next((name for name, count in Counter(option.name for option in options).items() if count > 1), None)
    if twice is not None:
        raise UsageError(f"--head names {twice!r} twice", "Give one --head for each")
    return options


def _parse(text: str) -> HeadOption:
    named, equals, labels = text.partition("=")
    name, colon, kind = named.rpartition(":")
    if not (colon and name):
        raise UsageError(f"--head {text!r} does not say which output is of which kind", FORM)
    check_kind(kind, "--head")
    if labels.endswith(SUFFIX):
        described = read_head_file(Path(labels))
        return HeadOption(name=name, kind=kind, labels=described.labels, file=described)
    return HeadOption(name=name, kind=kind, labels=read_labels(Path(labels)) if equals else None)


def check_kind(kind: str, option: str) -> None:
    """Refuse a kind of heads that is unknown.

    Raises:
        UsageError: It is; the hint lists the known ones.
    """
    if kind not in KINDS:
        raise UsageError(f"{option} names the unknown kind {kind!r}", f"The kinds are {', '.join(KINDS)}")

"""Parts of a bundle that only a newer edgecv knows: artifacts of unknown formats, and heads of unknown kinds."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from edgecv_runtime import formats
from edgecv_runtime.errors import BundleError
from edgecv_runtime.heads.kinds import KINDS
from edgecv_runtime.paths import inside, shortened
from edgecv_runtime.schema import Count, DataFile, Digest

NEWER: Final = "Update edgecv: pip install --upgrade edgecv"
NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")  # what is no such name is an error of the record, and nothing newer


class ListedFile(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that every artifact has; one that was left out may have any others."""

    file: str
    sha256: Digest
    bytes: Count
    data: DataFile | msgspec.UnsetType = msgspec.UNSET

    @property
    def parts(self) -> tuple[ListedFile | DataFile, ...]:
        """The files that have a digest of their own, as of an `Artifact`."""
        return (self,) if self.data is msgspec.UNSET else (self, self.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """The parts that were left out of a manifest.

    Attributes:
        sentences: One for each artifact and head.
        files: Where the artifacts lie.
        outputs: The outputs of the model that belong to the heads.
        heads: How many heads.
    """

    sentences: tuple[str, ...] = ()
    files: tuple[ListedFile, ...] = ()
    outputs: tuple[str, ...] = ()
    heads: int = 0


NOTHING_LEFT_OUT: Final = LeftOut()


def leave_out(content: dict[str, Any], name: str) -> tuple[dict[str, Any], LeftOut]:
    """Return the manifest without what this edgecv does not know, and what that is.

    Args:
        content: All of `bundle.json`, its types not checked yet.
        name: What messages call the file.

    Raises:
        BundleError: Nothing that this edgecv knows is left, or an artifact does not say where it lies.
    """
    artifacts = _unknown(content.get("artifacts"), "target", formats.KNOWN)
    heads = _unknown(content.get("heads"), "kind", KINDS)
    if not artifacts and not heads:
        return content, NOTHING_LEFT_OUT
    files = tuple(_listed(artifact, name) for artifact in artifacts)
    names = {listed.file for listed in files}
    outputs = (output for head in heads for output in _list(head.get("outputs")) if isinstance(output, str))
    left = dict(content)
    for key, unknown in (("artifacts", artifacts), ("heads", heads)):
        places = {id(one) for one in unknown}
        left[key] = [one for one in _list(content.get(key)) if id(one) not in places]
        if unknown and not left[key]:
            raise BundleError(f"{name} holds {key} of a newer edgecv only, so it needs that", NEWER)
    if isinstance(content.get("parity"), list):
        left["parity"] = [
            one for one in content["parity"] if not (isinstance(one, dict) and one.get("artifact") in names)
        ]
    sentences = (
        *(
            _sentence(f"artifact {listed.file}", "for the target", one["target"])
            for listed, one in zip(files, artifacts, strict=True)
        ),
        *(_sentence(f'head "{one.get("name")}"', "of the kind", one["kind"]) for one in heads),
    )
    return left, LeftOut(sentences=sentences, files=files, outputs=tuple(outputs), heads=len(heads))


def _unknown(records: object, key: str, known: Collection[str]) -> list[dict[str, Any]]:
    """The records whose `key` is a name that is not known."""
    return [
        one
        for one in _list(records)
        if isinstance(one, dict)
        and isinstance(one.get(key), str)
        and one[key] not in known
        and NAME.fullmatch(one[key])
    ]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _listed(artifact: dict[str, Any], name: str) -> ListedFile:
    try:
        listed = msgspec.convert(artifact, ListedFile)
    except msgspec.ValidationError as error:
        raise BundleError(
            f"{name}: an artifact for {shortened(artifact['target'])}: {shortened(str(error))}", NEWER
        ) from error
    for part in listed.parts:
        inside(part.file)
    return listed


def _sentence(what: str, relation: str, value: str) -> str:
    return f"the {shortened(what)} is {relation} {shortened(value)}, which this edgecv does not know"

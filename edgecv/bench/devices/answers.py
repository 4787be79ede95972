"""Results that come from elsewhere: all of one is checked against the schema and the bundle before any is used."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
from edgecv_runtime.bench.result import Place, Result, decode_result, read_result
from edgecv_runtime.bundle import MANIFEST, Bundle
from edgecv_runtime.errors import DataError

SHOWN = 12  # digits of an identity


def identity_of(bundle: Bundle) -> str:
    """What a result of this bundle carries: the manifest's identity, or the digest of a manifest that has none."""
    return bundle.manifest.identity or hashlib.sha256((bundle.root / MANIFEST).read_bytes()).hexdigest()


def answer(data: bytes, origin: str, bundle: Bundle, place: Place) -> Result:
    """The result that a device gave for a bundle, with the place as edgecv knows it.

    Raises:
        DataError: It is no result, of a newer edgecv, or of other files than this bundle's.
    """
    result = decode_result(data, origin)
    check_bundle(result, origin, bundle)
    return msgspec.structs.replace(result, place=place)


def read_import(path: Path, bundle: Path | None = None) -> Result:
    """A result that a phone shared; `place` says that it was imported, and from which file or device.

    Raises:
        DataError: It is no result, of a newer edgecv, empty, or of another bundle than the one given.
        BundleError: The bundle cannot be opened.
    """
    result = read_result(path)
    if bundle is not None:
        with Bundle.load(bundle, verify=False) as opened:
            check_bundle(result, str(path), opened)
    elif not result.rows:
        raise DataError(f"{path} has no rows, so it measured nothing", "Run the benchmark again, and share its result")
    return msgspec.structs.replace(result, place=Place(kind="import", name=path.name))


def check_bundle(result: Result, origin: str, bundle: Bundle) -> None:
    """Refuse a result that was not measured on the very files of this bundle.

    Raises:
        DataError: See the message.
    """
    mine = identity_of(bundle)
    if result.identity != mine:
        raise DataError(
            f"{origin} is a result of another bundle: {result.name} {result.identity[:SHOWN]}, "
            f"not {bundle.manifest.name} {mine[:SHOWN]}",
            "Put this bundle on the device and measure again, or give the bundle that was measured there",
        )
    if not result.rows:
        raise DataError(f"{origin} has no rows, so it measured nothing", "Run the benchmark again")
    digests = {artifact.file: artifact.sha256 for artifact in bundle.manifest.artifacts}
    for row in result.rows:
        if row.artifact not in digests:
            raise DataError(
                f"{origin} names {row.artifact}, which the bundle has not", "Measure this bundle again there"
            )
        if row.sha256 != digests[row.artifact]:
            raise DataError(
                f"{origin} measured a {row.artifact} of other content than this bundle's",
                "Put this bundle on the device and measure again",
            )

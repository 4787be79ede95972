"""What benchmarks share: where trained models and pictures lie beside the repository, and which names a person gave."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
PICTURES = SHARED / "data" / "cifar10_jpeg"  # CIFAR-10 as JPEG: train/CLASS/*.jpg and test/CLASS/*.jpg
RESNET8 = SHARED / "models" / "resnet8_cifar10.h5"  # MLPerf Tiny's trained image classifier, a Keras 2 file
KWS = SHARED / "models" / "kws_dscnn_savedmodel"  # MLPerf Tiny's trained keyword spotter


def names_given(arguments: Sequence[str], known: Collection[str], description: str | None) -> list[str]:
    """Return the names of what is to be measured, or all; an unknown one ends the program with a usage error."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(known)}")
    names: list[str] = parser.parse_args(arguments).names or list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"unknown name {unknown[0]!r}; the names are {', '.join(known)}")
    return names


def machine_lines(machines: Mapping[str, str]) -> str:
    """Return where rows were measured, in Markdown: a line for each machine, with its rows where there are several.

    Args:
        machines: The machine of each row by its name.
    """
    names: dict[str, list[str]] = {}
    for name, machine in machines.items():
        names.setdefault(machine, []).append(name)
    if len(names) == 1:
        return f"Machine: {next(iter(names))}."
    return "\n".join(f"* {machine}:\n  {', '.join(measured)}." for machine, measured in names.items())

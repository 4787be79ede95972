"""The exceptions that edgecv raises for what a person can mend.

EdgecvError                 exit code 1
|-- UsageError              exit code 2: the call itself is wrong
|-- SpecError               a preprocessing or recipe file says something impossible
|-- ImageError              an image, a clip or a sound cannot be read or has the wrong form
|-- DataError               a folder or .npz does not hold what was asked for
|-- SourceError             a trained model cannot be loaded
|-- ConversionError         a converter refused, crashed, hung or ran out of memory
|-- BundleError             a bundle is damaged, unsafe or from another version
|-- BackendError            a runtime is missing or did not run where it was asked to
|-- StreamError             a camera, a microphone, a video or a stream of pictures cannot be read
|-- DeviceError             another machine or a phone is absent, refuses, is full, or went away
|-- MissingDependencyError  a package is not installed; the hint has the install line
`-- GateError               exit code 3: a parity or accuracy gate failed

LeftOutWarning              no error: a bundle holds what this edgecv does not know, and works without it
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "BackendError",
    "BundleError",
    "ConversionError",
    "DataError",
    "DeviceError",
    "EdgecvError",
    "GateError",
    "ImageError",
    "LeftOutWarning",
    "MissingDependencyError",
    "SourceError",
    "SpecError",
    "StreamError",
    "UsageError",
]


class EdgecvError(Exception):
    """An error that the person at the keyboard can mend.

    Attributes:
        message: What is wrong, one sentence, no trailing period.
        hint: What to do about it, or None.
        exit_code: The code that the command line exits with.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type[EdgecvError], tuple[str, str | None]]:
        return type(self), (self.message, self.hint)


class UsageError(EdgecvError):
    """The call itself is wrong: an option's value, or a combination of options."""

    exit_code = 2


class SpecError(EdgecvError):
    """A preprocessing or recipe file says something unknown or impossible."""


class ImageError(EdgecvError):
    """An image (or a clip of them, or a sound) cannot be read, or does not have the form that was asked for."""


class DataError(EdgecvError):
    """A folder of samples or an .npz file does not hold what was asked for."""


class SourceError(EdgecvError):
    """A trained model cannot be loaded, or cannot be taken as it is."""


class ConversionError(EdgecvError):
    """A converter refused the model, crashed, hung or ran out of memory."""


class BundleError(EdgecvError):
    """A bundle is damaged, unsafe, or written by another version."""


class BackendError(EdgecvError):
    """A runtime is missing, or did not run where it was asked to."""


class StreamError(EdgecvError):
    """A camera, a microphone, a video or a stream of pictures cannot be opened, or ended before its time."""


class DeviceError(EdgecvError):
    """Another machine or a phone is absent, refuses, is full, or went away in the middle."""


class MissingDependencyError(EdgecvError):
    """A package that this step needs is not installed."""


class GateError(EdgecvError):
    """A parity or accuracy gate failed."""

    exit_code = 3


class LeftOutWarning(UserWarning):
    """A bundle holds artifacts or heads that this edgecv does not know: it works without them."""

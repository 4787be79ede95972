"""From what a person writes to a source."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from edgecv_runtime.clip_sound_schema import Sound
from edgecv_runtime.errors import StreamError, UsageError
from edgecv_runtime.files import open_regular
from edgecv_runtime.picture_files import SUFFIXES
from edgecv_runtime.schema import Manifest
from edgecv_runtime.sound_files import SUFFIXES as SOUND_SUFFIXES
from edgecv_runtime.stream.arrays import SUFFIX as ARRAYS_SUFFIX
from edgecv_runtime.stream.arrays import Arrays
from edgecv_runtime.stream.camera import OpenCvCamera, without_password
from edgecv_runtime.stream.frame import FrameSource
from edgecv_runtime.stream.live import Capture, Live
from edgecv_runtime.stream.microphone import Microphone
from edgecv_runtime.stream.picamera import PiCamera
from edgecv_runtime.stream.pictures import Pictures, pictures_in
from edgecv_runtime.stream.pipe import Pipe
from edgecv_runtime.stream.sounds import SoundFiles, sounds_in
from edgecv_runtime.stream.video import VideoFile
from edgecv_runtime.video_files import SUFFIXES as VIDEO_SUFFIXES

Kind = Literal["pictures", "arrays", "video", "sound", "microphone", "camera", "picamera", "network", "pipe"]
SCHEMES = ("rtsp", "rtsps", "rtmp", "http", "https", "tcp", "udp")
WAYS = (
    "A source is pictures, a folder, a video, a sound, an .npz file, a camera (0, /dev/video0, picamera, rtsp://...), "
    "a microphone (mic, mic:1) or - for standard input"
)
HEAD = 16
DEVICE = re.compile(r"(?P<picamera>picamera(?::\d+)?)|(?P<microphone>mic(?::\d+)?)|(?P<camera>\d{1,3}|/dev/video\d+)")
PICTURE_MAGIC = re.compile(
    rb"\xff\xd8\xff|\x89PNG|GIF8|BM|RIFF....WEBP|II\*\0|MM\0\*|P[1-6]\s|....ftypavi[fs]", re.DOTALL
)
VIDEO_MAGIC = re.compile(
    rb"....ftyp(?!avi[fs])|RIFF....AVI |\x1aE\xdf\xa3|FLV\x01|\0\0\x01[\xb3\xba]|\x30\x26\xb2\x75", re.DOTALL
)
SOUND_MAGIC = re.compile(rb"RIFF....WAVE|fLaC|OggS|FORM....AIF[FC]", re.DOTALL)

# A playlist named like a video would have FFmpeg open the files and addresses in it.
TEXT = re.compile(rb"(?:\xef\xbb\xbf)?[\t\n\r -~]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """The options with which a source of frames is opened.

    Attributes:
        camera_size: Width and height that a camera is asked for.
        max_fps: See `Stream`.
        live: Standard input is a camera: the newest picture wins.
        notify: Called with a line for people.
        model: The manifest of the bundle that answers, which the arrays of an .npz file must fit, and which says how
            sounds are cut.

    Raises:
        UsageError: A number is out of range.
    """

    camera_size: tuple[int, int] | None = None
    max_fps: float | None = None
    live: bool = False
    notify: Callable[[str], None] = lambda _: None
    model: Manifest | None = None

    def __post_init__(self) -> None:
        if self.camera_size is not None and not all(16 <= side <= 16384 for side in self.camera_size):
            width, height = self.camera_size
            raise UsageError(f"the camera size must be 16 to 16384 pixels each way, got {width}x{height}")
        if self.max_fps is not None and not 0 < self.max_fps <= 10_000:
            raise UsageError(f"the frames a second must be above 0, got {self.max_fps:g}")


def kind_of(text: str) -> Kind:
    """Tell what kind a source is by its name and, for a file of an unknown ending, by its first bytes.

    Raises:
        UsageError: It is empty.
        StreamError: It is nothing that can be read.
    """
    if not text:
        raise UsageError("the source is an empty word", f"Is a variable unset? {WAYS}, or . for this folder")
    if text == "-":
        return "pipe"
    device = DEVICE.fullmatch(text)
    if device is not None:
        return cast("Kind", device.lastgroup)
    if "://" in text:
        scheme = text.split("://", maxsplit=1)[0].lower()
        if scheme in SCHEMES:
            return "network"
        raise StreamError(f"{text} has the unknown scheme {scheme!r}", f"Known are {', '.join(SCHEMES)}")
    return _kind_of_file(text)


def _kind_of_file(path: str) -> Kind:
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122 - there may be thousands, and a Path takes its time
    found = _mode(path)
    if stat.S_ISDIR(found):
        return "pictures"
    if suffix in SUFFIXES and (found or os.path.lexists(path)):
        return "pictures"  # whether it can be read is seen when its turn comes
    head = _head(path)
    if suffix == ARRAYS_SUFFIX:
        return "arrays"
    if VIDEO_MAGIC.match(head) or (suffix in VIDEO_SUFFIXES and not TEXT.fullmatch(head)):
        return "video"
    if SOUND_MAGIC.match(head) or (suffix in SOUND_SUFFIXES and not TEXT.fullmatch(head)):
        return "sound"
    if PICTURE_MAGIC.match(head):
        return "pictures"
    raise StreamError(f"{path} is neither a picture nor a video, a sound or an .npz file", WAYS)


def _mode(path: str) -> int:
    """Return what a path leads to, as the system says it; 0 where that is nothing, or cannot be said."""
    try:
        return os.stat(path).st_mode  # noqa: PTH116 - unlike Path's, it takes every name
    except (OSError, ValueError):
        return 0


def _head(path: str) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(HEAD)
    except FileNotFoundError as error:
        raise StreamError(f"{path} does not exist", WAYS) from error
    except OSError as error:
        raise StreamError(f"{path} cannot be read: {error.strerror}", WAYS) from error


def open_source(texts: Sequence[str], options: SourceOptions | None = None) -> FrameSource:
    """The source that one or several texts mean.

    Raises:
        UsageError: They do not go together.
        StreamError: It does not exist, or cannot be opened.
        DataError: The arrays of an .npz file do not fit the model.
        MissingDependencyError: It needs a package that is not installed.
    """
    options = options or SourceOptions()
    if not texts:
        raise UsageError("no source was given", WAYS)
    kinds = [kind_of(text) for text in texts]
    sound = _sound_of(options.model)
    heard = sound is not None or not {"sound", "microphone"}.isdisjoint(kinds)
    if not heard:
        _check_together(texts, kinds)
    _check_options(kinds[0], options)
    if heard:
        return _heard(texts, kinds, sound, options)
    match kinds[0]:
        case "pictures":
            return Pictures([file for text in texts for file in _files(text)])
        case "arrays":
            if options.model is None:
                raise UsageError(f"{texts[0]} is read for a model, and none was given", "Give SourceOptions its model")
            return Arrays(Path(texts[0]), options.model)
        case "video":
            return VideoFile(Path(texts[0]), options.notify)
        case "pipe":
            return Pipe(live=options.live, max_fps=options.max_fps)
        case _:
            return _camera(texts[0], kinds[0], options)


def _check_options(kind: Kind, options: SourceOptions) -> None:
    if options.camera_size is not None and kind not in {"camera", "picamera"}:
        raise UsageError("a camera size was given, and the source is no camera of this machine", WAYS)
    if options.live and kind != "pipe":
        raise UsageError("--live is about standard input, and the source is another", "Give - as the source")


def _check_together(texts: Sequence[str], kinds: Sequence[Kind]) -> None:
    single = next((number for number, kind in enumerate(kinds) if kind != "pictures"), None)
    if single is not None and len(texts) > 1:
        what = {"video": "a video", "arrays": "an .npz file", "pipe": "standard input"}.get(kinds[single], "a camera")
        raise UsageError(f"{texts[single]} is {what}, which cannot be mixed with other sources", "Give it alone")


def _sound_of(model: Manifest | None) -> Sound | None:
    """The sound that a model takes as its only input; else None."""
    specs = [] if model is None else list(model.preprocess.values())
    return specs[0].sound or None if len(specs) == 1 else None


def _heard(texts: Sequence[str], kinds: Sequence[Kind], sound: Sound | None, options: SourceOptions) -> FrameSource:
    """The source of a model that takes a sound.

    Raises:
        UsageError: The source and the model are not both about sounds.
    """
    if sound is None:
        heard = next(text for text, kind in zip(texts, kinds, strict=True) if kind in {"sound", "microphone"})
        raise UsageError(f"{heard} is a sound, and the model takes none", WAYS)
    if kinds == ["arrays"] and options.model is not None:
        return Arrays(Path(texts[0]), options.model)
    if kinds == ["microphone"]:
        _, _, number = texts[0].partition(":")
        return Microphone(int(number) if number else None, sound)
    files: list[Path] = []
    for text, kind in zip(texts, kinds, strict=True):
        path = Path(text)
        if kind != "sound" and not path.is_dir():
            raise UsageError(f"the model takes sounds, and {text} is none", "Give sound files, a folder or mic")
        files += sounds_in(path) if path.is_dir() else [path]
    return SoundFiles(files, sound)


def _files(text: str) -> list[tuple[Path, Path | None]]:
    """The pictures of a folder, with the folder; or one picture."""
    path = Path(text)
    if os.path.isdir(text):  # noqa: PTH112 - as above
        return [(file, path) for file in pictures_in(path)]
    return [(path, None)]


def _camera(text: str, kind: Kind, options: SourceOptions) -> Live:
    def connect() -> Capture:
        if kind == "picamera":
            return PiCamera(int(text.partition(":")[2] or 0), options.camera_size)
        return OpenCvCamera(int(text) if text.isdigit() else text, options.camera_size)

    name = f"camera {text}" if text.isdigit() else without_password(text)
    try:
        return Live(name, connect, max_fps=options.max_fps, notify=options.notify)
    except StreamError as error:
        if kind in {"camera", "picamera"} and Path(text).exists() and not text.startswith("/"):
            raise StreamError(error.message, f"For the file or folder of that name write ./{text}") from error
        raise

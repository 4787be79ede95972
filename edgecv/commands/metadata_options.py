"""The options of `edgecv convert` that decide what artifacts say of themselves."""

from __future__ import annotations

from typing import Annotated

from edgecv.commands import options as opt

ABOUT = "The artifacts' own metadata"

Author = Annotated[
    str | None,
    opt.option(
        "--author",
        metavar="NAME",
        help="The author that artifacts name.",
        panel=ABOUT,
    ),
]
License = Annotated[
    str | None,
    opt.option(
        "--license",
        metavar="TEXT",
        help="The license that artifacts name.",
        panel=ABOUT,
    ),
]
ModelVersion = Annotated[
    str | None,
    opt.option(
        "--model-version",
        metavar="TEXT",
        help="The version that artifacts name.",
        panel=ABOUT,
    ),
]

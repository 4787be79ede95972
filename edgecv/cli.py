"""The Typer app: registers the commands, each of which is a module of `edgecv.commands`, and nothing else."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from edgecv.terminal.streams import prepare

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: Final = (
    *("convert", "demo", "inspect", "verify", "evaluate", "run", "explain"),
    *("serve", "prune", "bench", "export", "doctor"),
)
EXIT_CODES: Final = (
    "Exit codes: 0 ok, 1 an error you can fix, 2 wrong usage, 3 a parity or accuracy gate failed, 70 a bug in edgecv, "
    "130 interrupted."
)


class LazyCommands(TyperGroup):
    """The commands by name; the module of one is imported when the command is called or its help is shown."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature is Typer's
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command = typer.main.get_command(import_module(f"edgecv.commands.{cmd_name}").app)
        command.name = cmd_name
        command.context_settings.setdefault("help_option_names", ["-h", "--help"])
        return command


app = typer.Typer(
    name="edgecv",
    cls=LazyCommands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)


def _version(asked: bool) -> None:
    if asked:
        from edgecv.machine import versions

        sys.stdout.write(f"edgecv {versions(('edgecv',))['edgecv']}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Trained Keras models to TFLite, ONNX and Core ML bundles that are proven to give the same answers.

    Start with [bold]edgecv demo[/bold], then [bold]edgecv convert MODEL --quantize int8 --calibrate FOLDER[/bold].
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, by default with the words that the process was called with, and end the process."""
    prepare()
    from edgecv.terminal.console import exit_code

    sys.exit(exit_code(lambda: _run(sys.argv[1:] if arguments is None else list(arguments))))


def _run(arguments: list[str]) -> int | None:
    from edgecv.terminal.console import print_error

    command = typer.main.get_command(app)
    try:
        # Not `app()`: that ends by itself, in its own way, when stdout is closed or Ctrl-C is pressed.
        with command.make_context("edgecv", arguments) as context:
            return command.invoke(context)  # type: ignore[no-any-return]
    except typer.Exit as stop:
        return stop.exit_code
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        place = getattr(getattr(error, "ctx", None), "command_path", "edgecv")
        if message := error.format_message():
            print_error(message.rstrip("."), f"Try {place} --help")
        return 2


if __name__ == "__main__":
    main()

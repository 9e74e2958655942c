"""DOOR: the Click group, the exit codes, and the only place where every error ends."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from vidup import __version__
from vidup.commands.completion import completion
from vidup.commands.demo import demo
from vidup.commands.emulator import emulator
from vidup.commands.explain import explain
from vidup.commands.forget import forget
from vidup.commands.list import list_
from vidup.commands.resume import resume
from vidup.commands.upload import upload
from vidup.errors import ExitCode, VidupError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="vidup", message="%(prog)s %(version)s")
def vidup() -> None:
    """Put a video on api.video, and never lose what was already sent.

    \b
    Examples:
      vidup upload movie.mp4         upload; run it again to continue
      vidup list                     what was interrupted
      vidup explain 'MESSAGE'        what an error means
      vidup demo                     see it work, without an account
    """


for command in (upload, resume, list_, forget, explain, demo, emulator, completion):
    vidup.add_command(command)


def main() -> NoReturn:
    """Run the command line and exit; what a script reads is `errors.ExitCode`."""
    sys.exit(int(run()))


def run() -> int:
    """Run the command line and return the exit code."""
    try:
        code = vidup.main(prog_name="vidup", standalone_mode=False)
        return code if isinstance(code, int) else ExitCode.OK
    except click.exceptions.Exit as asked:
        return asked.exit_code
    except click.Abort:
        return ExitCode.SIGINT
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except VidupError as error:
        show(error)
        return error.code
    except Exception as error:  # noqa: BLE001  a fault of ours is one sentence and a file, never a traceback on the screen
        from vidup.options import state_folder
        from vidup.running import crash_error

        show(crash_error(error, state_folder(None)))
        return ExitCode.INTERNAL


def show(error: VidupError) -> None:
    """What failed, the cause, and as the last line what to do."""
    from vidup.inert import inert

    lines = [f"✗ {error.what}", *([f"  {error.cause}"] if error.cause else []), *([f"→ {error.advice}"] if error.advice else [])]
    for line in lines:
        click.echo(inert(line, 1000), err=True)

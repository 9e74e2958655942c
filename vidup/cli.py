"""DOOR: the Click group, the exit codes, and the only place where every error ends."""

from __future__ import annotations

import gc
import os
import sys
from typing import Final, NoReturn

import click

from vidup import __version__
from vidup.console.help import START, Group
from vidup.errors import ExitCode, VidupError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


COMMANDS: Final = {
    "upload": "Upload each FILE to api.video and print the video ids.",
    "resume": "Continue interrupted uploads.",
    "list": "List interrupted uploads, oldest first.",
    "forget": "Drop the record of an interrupted upload.",
    "status": "Show what the server has of a video.",
    "plan": "Show how each FILE would be split, and what the rate limit costs.",
    "explain": "Say what an error of api.video means, and what to do.",
    "login": "Keep an API key, once the server has accepted it.",
    "logout": "Remove the API key kept for a server.",
    "token": "Create, list and delete upload tokens.",
    "check": "Check config file, key, proxy, certificates, clock and state folder.",
    "demo": "Show an upload that is killed midway and continued.",
    "emulator": "Serve the local api.video, for trying out and for tests.",
    "completion": "Print the completion script for SHELL.",
}
"""What `vidup -h` says about each command without importing it; `commands/` has a file of the same name for each."""


@click.group(cls=Group, sentences=COMMANDS, package="vidup.commands", context_settings=CONTEXT, invoke_without_command=True)
@click.version_option(__version__, prog_name="vidup", message="%(prog)s %(version)s")
@click.pass_context
def vidup(context: click.Context) -> None:
    """Put a video on api.video, and never lose what was already sent.

    \b
    Examples:
      vidup login                    keep your API key, once
      vidup upload movie.mp4         upload; run it again to continue
      vidup list                     what was interrupted
      vidup explain 'MESSAGE'        what an error means
      vidup demo                     see it work, without an account

    \b
    Exit codes:
      0  uploaded                    10  another vidup is at this file
      1  a fault of vidup            75  stopped; the same command goes on
      2  usage or config            129, 130, 143  ended by a signal; likewise
      3  the file                     5  video id or upload id unknown
      4  the key                      6  the server rejected it for good
      7  certificate or proxy         8  uploaded, but encoding failed
      9  not playable in time

    \b
    Environment and config file:
      VIDUP_API_KEY or APIVIDEO_API_KEY holds the key. An option such as
      --part-size can be given as VIDUP_PART_SIZE, or as part-size in
      ~/.config/vidup/config.toml (another file: VIDUP_CONFIG).
    """
    if context.invoked_subcommand is None:
        click.echo(START, nl=False)
    else:
        from vidup.console.settings import FileDefaults

        context.default_map = {context.invoked_subcommand: FileDefaults(context, goes_on=context.invoked_subcommand == "check")}


def main() -> NoReturn:
    """Run the command line and exit; what a script reads is `errors.ExitCode`."""
    gc.set_threshold(50_000)  # importing makes no garbage: looking for it took 15 of 200 ms
    code = int(run())
    gc.freeze()  # nor is there any to look for at the end, where the interpreter would, object by object
    sys.exit(code)


def run() -> int:
    """Run the command line and return the exit code."""
    if "_VIDUP_COMPLETE" in os.environ:
        from vidup.console.completing import register

        register()
    try:
        code = vidup.main(prog_name="vidup", standalone_mode=False)
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()  # here a full disk can still be told
        return code if isinstance(code, int) else ExitCode.OK
    except SystemExit as left:
        if left.code != 1:
            return int(left.code or 0)  # a TAB is answered
        # so Click leaves a pipe that nobody reads any more, as in `vidup explain | head -1`
        return ExitCode.OK if _has_no_reader(1) else ExitCode.FILE
    except click.exceptions.Exit as asked:
        return asked.exit_code
    except click.Abort as ended:
        if isinstance(ended.__cause__ or ended.__context__, KeyboardInterrupt):
            from vidup.console.signals import end_by_interrupt

            end_by_interrupt()
        return ExitCode.SIGINT
    except click.UsageError as wrong:
        return _end_with(usage_error(wrong))
    except click.ClickException as wrong:
        return _end_with(VidupError(ExitCode.USAGE, wrong.format_message(), advice="vidup -h"))
    except VidupError as error:
        return _end_with(error)
    except BrokenPipeError:
        return ExitCode.OK if _has_no_reader(1) else ExitCode.FILE
    except OSError as error:
        return _end_with(_of_machine(error))
    except Exception as error:  # noqa: BLE001  a fault of ours is one sentence and a file, never a traceback on the screen
        from vidup.console.crash import stray_fault

        return _end_with(stray_fault(error))


def _has_no_reader(descriptor: int) -> bool:
    """Whether this is a pipe whose reader has had enough; it is pointed at nothing, so that the interpreter's end does not complain."""
    import select

    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        closed = any(event & select.POLLERR for _descriptor, event in poll.poll(0))
    except OSError:
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    return closed


def _of_machine(error: OSError) -> VidupError:
    """What a full disk, also one that the output goes to, makes of a command; anything else of the system is a fault of ours."""
    import errno

    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        from vidup.console.crash import stray_fault

        return stray_fault(error)
    if error.filename is None:
        _has_no_reader(1)  # what is left in the buffer will not fit either
    what = f"{error.filename} cannot be written" if error.filename else "The output cannot be written"
    return VidupError(ExitCode.FILE, what, cause=error.strerror or str(error), advice="Free some space there, or write elsewhere.")


def _end_with(error: VidupError) -> ExitCode:
    """Tell what failed to a program that asked for it, else or besides to people; the exit code."""
    from vidup.console.refusal import tell_program
    from vidup.console.shown import show

    if not tell_program(vidup, sys.argv[1:], error):
        show(error)
    return error.code


def usage_error(wrong: click.UsageError) -> VidupError:
    """One sentence about what was typed, and the command that helps."""
    from vidup.console.settings import wrong_value

    advice = f"{wrong.ctx.command_path if wrong.ctx else 'vidup'} -h"
    if isinstance(wrong, click.exceptions.NoSuchCommand | click.NoSuchOption):
        from vidup.console.guessing import unknown_command, unknown_option

        what, advice = unknown_option(wrong) if isinstance(wrong, click.NoSuchOption) else unknown_command(wrong)
    else:
        what = wrong_value(wrong) if isinstance(wrong, click.BadParameter) else wrong.format_message()
    return VidupError(ExitCode.USAGE, what[:1].upper() + what[1:], advice=advice)

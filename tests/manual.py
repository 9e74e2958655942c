"""Writes the man page from the commands themselves and the README's table of exit codes: `python -m tests.manual`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from vidup.cli import COMMANDS, vidup

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = ROOT / "completions" / "vidup.1"

ENVIRONMENT: Final = (
    ("VIDUP_API_KEY, APIVIDEO_API_KEY", "The API key; the first that is set counts. It comes before the key that login kept."),
    ("VIDUP_UPLOAD_TOKEN", "An upload token, with which upload and resume need no key; it comes before a key."),
    ("VIDUP_CONFIG", "The config file, in place of the usual one."),
    ("NO_COLOR, FORCE_COLOR, CLICOLOR, CLICOLOR_FORCE", "Whether there is colour where --color is auto."),
    ("HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "The proxy to go through, and for which hosts not."),
    ("SSL_CERT_FILE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE", "The certificates to trust, in place of the system's."),
)


def main() -> None:
    """Write the page."""
    PAGE.write_text(manual(), encoding="utf-8")


def manual() -> str:
    """The man page, in the macros that every man(1) knows."""
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    root = click.Context(vidup, info_name="vidup")
    yield from ('.\\" Written by tests/manual.py from the commands themselves: change those.', ".TH VIDUP 1", ".SH NAME")
    yield "vidup \\- upload videos to api.video; what was interrupted continues where it stopped"
    yield from (".SH SYNOPSIS", ".B vidup", ".I COMMAND", "[OPTIONS] [ARGUMENTS]", ".SH DESCRIPTION")
    yield from _prose(vidup.help or "")
    yield ".SH COMMANDS"
    for name in COMMANDS:
        command = vidup.get_command(root, name)
        assert command is not None
        yield from _commands(command, click.Context(command, root, name))
    yield ".SH EXIT STATUS"
    for code, meaning, again in exit_codes():
        yield from _item(code, f"{meaning}. The same command again: {again}." if again else f"{meaning}.")
    yield ".SH ENVIRONMENT"
    for names, meaning in ENVIRONMENT:
        yield from _item(names, meaning)
    yield from _item("VIDUP_...", f"The value of an option, by its name: {', '.join(variables(root))}.")
    yield ".SH FILES"
    yield from _item(
        "~/.config/vidup/config.toml", "Values of the same options, spelled as the option: jobs = 8. The environment comes before it."
    )
    yield from _item("~/.local/state/vidup/uploads", "The records of unfinished uploads, unless --state-dir names another folder.")


def _commands(command: click.Command, context: click.Context, above: str = "vidup") -> Iterator[str]:
    """A command, and those within it."""
    yield from _command(command, context, above)
    group = command if isinstance(command, click.Group) else click.Group()
    for name in group.list_commands(context):
        inner = group.get_command(context, name)
        assert inner is not None
        yield from _commands(inner, click.Context(inner, context, name), f"{above} {context.info_name}")


def _command(command: click.Command, context: click.Context, above: str) -> Iterator[str]:
    pieces = " ".join(command.collect_usage_pieces(context))
    yield f".SS {_escaped(f'{above} {context.info_name} {pieces}')}"
    yield from _prose(command.help or "")
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and isinstance(parameter, click.Option) and "--help" not in parameter.opts:
            yield from _item(*record)


def variables(root: click.Context) -> list[str]:
    """The names of the variables that give an option's value."""
    commands = [command for name in COMMANDS if (command := vidup.get_command(root, name))]
    return sorted({str(one.envvar) for command in commands for one in command.params if str(one.envvar).startswith("VIDUP_")})


def exit_codes() -> list[tuple[str, str, str]]:
    """The rows of the README's table, without its markup."""
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("| exit code |")[2].partition("\n\n")[0]
    rows = [tuple(re.sub(r"\*\*|`|(?<!\w)\*|\*(?!\w)", "", cell).strip() for cell in line.split("|")[1:-1]) for line in table.splitlines()]
    return [(code, meaning, again) for code, meaning, again in rows[2:]]


def _item(term: str, meaning: str) -> Iterator[str]:
    yield from (".TP", f".B {_escaped(term)}", _escaped(" ".join(meaning.split())))


def _prose(text: str) -> Iterator[str]:
    r"""Paragraphs as help has them: one that begins with \b keeps its lines."""
    for number, paragraph in enumerate(_clean(text).split("\n\n")):
        if number:
            yield ".PP"
        kept = paragraph.startswith("\b")
        lines = [_escaped(line) for line in paragraph.replace("\b\n", "").split("\n")]
        yield from (".nf", *lines, ".fi") if kept else (_escaped(" ".join(paragraph.split())),)


def _clean(text: str) -> str:
    return re.sub(r"\n+\x08\n", "\n\n\b\n", inspect.cleandoc(text))


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return f"\\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    main()

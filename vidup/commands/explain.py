"""`vidup explain`: the documented errors and what vidup does about each; a pasted message finds its row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import click

from vidup.console.help import Command
from vidup.errors import ExitCode, VidupError

if TYPE_CHECKING:
    from vidup.verdicts.judge import Rule


@click.command(cls=Command)
@click.argument("words", nargs=-1, metavar="[SLUG|MESSAGE]...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout: one object for a row, an array for the table.")
def explain(words: tuple[str, ...], as_json: bool) -> int:
    """Say what an error of api.video means, what vidup does about it, and what you can do.

    \b
    Examples:
      vidup explain
      vidup explain uploaded-file-too-large
      vidup explain 'he uploaded file is too small'

    Without an argument: the whole table. A message may be pasted as it was seen, with numbers filled in or a letter missing.
    """
    from vidup.verdicts.explaining import find_rules
    from vidup.verdicts.own import OWN
    from vidup.verdicts.rules import TABLE

    if not words:
        _print_all((*TABLE.rules, *OWN), as_json)
        return ExitCode.OK
    text = " ".join(words)
    found = find_rules(TABLE, text)
    if not found:
        raise VidupError(ExitCode.UNKNOWN, "No documented error matches this text", advice="The whole table: vidup explain")
    if as_json:
        click.echo(json.dumps(_row(found[0]) if len(found) == 1 else [_row(rule) for rule in found]))
        return ExitCode.OK
    if len(found) > _FEW:
        _print_all(tuple(found), as_json)
    else:
        for rule in found:
            _print_one(rule)
    return ExitCode.OK


_FEW: Final = 4
"""Rows that are shown in full; more, as of HTTP 400, are listed."""


def _row(rule: Rule) -> dict[str, object]:
    return {
        "slug": rule.slug,
        "http_status": rule.status,
        "title": rule.title,
        "verdict": rule.verdict.value,
        "does": rule.does,
        "advice": _advice(rule),
    }


def _advice(rule: Rule) -> str:
    return rule.advice.replace("{smaller}", "25MiB").replace("{larger}", "50MiB")


def _print_all(rules: tuple[Rule, ...], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([_row(rule) for rule in rules]))
        return
    from vidup.progress.table import print_rules

    print_rules(rules)


def _print_one(rule: Rule) -> None:
    from vidup.progress.table import print_rule

    print_rule(rule, _advice(rule))

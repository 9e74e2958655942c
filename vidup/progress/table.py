"""EDGE: the error table for people: grouped, in the width of the terminal, plain where there is none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from vidup.verdicts.judge import Rule

if TYPE_CHECKING:
    from rich.console import Console

_COLOURS = {"accept": "green", "retry": "yellow", "resume": "cyan", "abort": "red"}


def print_rules(rules: Iterable[Rule]) -> None:
    """All rows on stdout, one after the other under the heading of their group: verdict, status and slug, then the title."""
    from rich.text import Text

    console = _console()
    first = True
    groups: dict[str, list[Rule]] = {}
    for rule in rules:
        groups.setdefault(rule.group, []).append(rule)
    for name, rows in groups.items():
        console.print(Text(name if first else f"\n{name}", style="bold"))
        first = False
        for rule in rows:
            verdict = Text(f"{rule.verdict.value.upper():<7}", style=_COLOURS[rule.verdict.value])
            console.print(Text.assemble("  ", verdict, f"{rule.status or '':<4} ", (rule.slug, "bold")), soft_wrap=True)
            _indented(console, rule.title, 14, "dim")
    console.print("\nOne row in full: vidup explain SLUG")


def print_rule(rule: Rule, advice: str) -> None:
    """One row in full on stdout: what it says, what vidup does, what you can do."""
    from rich.text import Text

    console = _console()
    console.print(Text(rule.slug, style="bold"), soft_wrap=True)
    for label, text in (
        ("HTTP status", str(rule.status or "none")),
        ("says", rule.title),
        ("also seen as", "; ".join(rule.variants)),
        ("detail", rule.detail),
        ("verdict", rule.verdict.value.upper()),
        ("vidup", rule.does),
        ("you", advice),
        ("note", f"an upload does not meet this error: {rule.unreachable}" if rule.unreachable else ""),
    ):
        if text:
            console.print(Text(f"  {label}", style="dim"))
            _indented(console, text, 4, _COLOURS[rule.verdict.value] if label == "verdict" else "")


def _console() -> Console:
    """Stdout, as rich writes to it, but for a pipe without a reader: that is for the caller to know, not to exit for."""
    from rich.console import Console

    class Told(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Told(highlight=False, markup=False, emoji=False)


def _indented(console: Console, text: str, columns: int, style: str) -> None:
    """The text, wrapped to the terminal behind so many blanks, and none at the end of a line."""
    import textwrap

    from rich.text import Text

    for line in textwrap.wrap(text, max(20, console.width - columns)):
        console.print(Text(f"{' ' * columns}{line}", style=style), soft_wrap=True)

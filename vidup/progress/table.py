"""EDGE: the error table for people: grouped, in the width of the terminal, plain where there is none."""

from __future__ import annotations

from collections.abc import Iterable

from vidup.verdicts.judge import Rule

_COLOURS = {"accept": "green", "retry": "yellow", "resume": "cyan", "abort": "red"}


def print_rules(rules: Iterable[Rule]) -> None:
    """All rows on stdout, one after the other under the heading of their group: verdict, status and slug, then the title."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    groups: dict[str, list[Rule]] = {}
    for rule in rules:
        groups.setdefault(rule.group, []).append(rule)
    for name, rows in groups.items():
        console.print(Text(f"\n{name}", style="bold"))
        for rule in rows:
            verdict = Text(f"{rule.verdict.value.upper():<7}", style=_COLOURS[rule.verdict.value])
            console.print(Text.assemble("  ", verdict, f"{rule.status or '':<4} ", (rule.slug, "bold")), soft_wrap=True)
            console.print(Padding(Text(rule.title, style="dim"), (0, 0, 0, 14), expand=False))
    console.print("\nOne row in full: vidup explain SLUG")


def print_rule(rule: Rule, advice: str) -> None:
    """One row in full on stdout: what it says, what vidup does, what you can do."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
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
            console.print(Padding(Text(text, style=_COLOURS[rule.verdict.value] if label == "verdict" else ""), (0, 0, 0, 4), expand=False))

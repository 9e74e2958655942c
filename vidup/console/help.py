"""DOOR: how help looks: options under headings, and a short start for whoever types `vidup` alone."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

HEADINGS: Final = {
    "Video": ("title", "description", "tag", "metadata", "public", "mp4", "panoramic", "player_id", "language", "transcript"),
    "Many files": ("recursive", "include", "exclude", "from_file", "null", "shard", "shard_by", "manifest"),
    "No finished file": ("any_file", "follow", "idle", "from_command", "min_size"),
    "Where to": ("video_id", "sandbox", "base_url", "allow_http", "api_key_file", "upload_token_file"),
    "How": ("part_size", "jobs", "limit_rate", "retry_for", "timeout", "restart", "portable", "if_exists", "adopt", "dry_run", "state_dir",
            "everything"),
    "After": ("wait", "wait_timeout"),
    "Output": ("quiet", "verbose", "as_json", "progress", "color", "help"),
}  # fmt: skip
"""What the options are about, by the names of their parameters; one named nowhere stands under Options."""

START: Final = """\
vidup uploads videos to api.video; what was interrupted continues where it stopped.

  vidup demo                 see it work, without an account
  vidup login                keep your API key, once
  vidup upload movie.mp4     upload; run it again to continue
  vidup -h                   everything else
"""


class Command(click.Command):
    """A command whose many options stand under headings; one with few has them all under Options."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As Click does, but with vidup's own defaults: a config file, right or wrong, does not change the help."""
        ctx.default_map = None
        super().format_help(ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options in the order of HEADINGS, then the rest."""
        heading_of = {name: heading for heading, names in HEADINGS.items() for name in names}
        sections: dict[str, list[tuple[str, str]]] = {heading: [] for heading in (*HEADINGS, "Options")}
        few = len(self.params) < _MANY
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                name = "help" if "--help" in parameter.opts else str(parameter.name)
                sections["Options" if few else heading_of.get(name, "Options")].append(record)
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


class Group(click.Group):
    """A group that imports a command when it is wanted, from the module of its name: neither help nor a TAB waits for all of them."""

    def __init__(self, *args: Any, sentences: Mapping[str, str], package: str, **attributes: Any) -> None:
        """`sentences` says in one what each command does, in the order of the help."""
        super().__init__(*args, **attributes)
        self._sentences = sentences
        self._package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order of the help."""
        return list(self._sentences)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; where there is none, all are imported, so that Click can name those alike."""
        for name in [cmd_name] if cmd_name in self._sentences else self._sentences:
            if name not in self.commands:
                module = import_module(f"{self._package}.{name}")
                self.add_command(getattr(module, name, None) or getattr(module, f"{name}_"), name)
        return self.commands.get(cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """What Click offers, told without importing any command."""
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name, help=sentence) for name, sentence in self._sentences.items() if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, each with its sentence."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._sentences.items()))


_MANY: Final = 9
"""Options from which headings help more than they take room."""

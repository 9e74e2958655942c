"""DOOR: what is to be uploaded: the files, folders and lists of a command line, as one list of files, or a shard of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from vidup.console.options import Command, environment, given
from vidup.errors import ExitCode, VidupError

if TYPE_CHECKING:
    from vidup.console.rows import Own
    from vidup.source.shards import Shard

_READERS: Final = {"from_file": "--from-file", "api_key_file": "--api-key-file", "upload_token_file": "--upload-token-file"}
"""The options that may read standard input, which can be read only once."""

_NEEDS: Final = {"include": "recursive", "exclude": "recursive", "null": "from_file", "shard_by": "shard"}
"""Options that say nothing without another one."""


class ShardOf(click.ParamType["Shard"]):
    """I/N, or what the engine around says."""

    name = "shard"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shard:
        from vidup.source.shards import Shard, auto_shard, parse_shard

        if isinstance(value, Shard):
            return value
        try:
            return auto_shard(environment()) if value == "auto" else parse_shard(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def inputs(command: Command) -> Command:
    """FILE... and the options that name more of them, for a command that takes many files."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return click.argument("files", nargs=-1, type=click.Path(), metavar="FILE...")(command)


_OPTIONS: Final[tuple[Callable[[Command], Command], ...]] = (
    click.option("-r", "--recursive", is_flag=True, help="Take the videos in folders and below them; hidden names are skipped."),
    click.option("--include", multiple=True, metavar="GLOB", help="With -r: take what matches, in place of the usual suffixes (repeat)."),
    click.option("--exclude", multiple=True, metavar="GLOB", help="With -r: leave out what matches, below the folder (repeat)."),
    click.option("--from-file", multiple=True, type=click.Path(allow_dash=True), metavar="LIST",
                 help="Take the files of a list: a path or a JSON object a line, - is standard input (repeat)."),
    click.option("--null", is_flag=True, help="The paths of the lists end in a NUL, as those of find -print0."),
    click.option("--shard", type=ShardOf(), metavar="I/N",
                 help="Take every N-th of the files, from the I-th; auto: as GitLab, Slurm or Kubernetes says."),
    click.option("--shard-by", type=click.Choice(["order", "hash"]), default="order", show_default=True,
                 help="How files are dealt out to shards; hash for lists that grow."),
)  # fmt: skip


class Item(NamedTuple):
    """A file to upload: its path as it was named, its number in the whole list, from 1, and what it has of its own; `error` says why it
    cannot be uploaded, where that is known already."""

    path: str
    number: int
    own: Own | None = None
    error: VidupError | None = None


class Inputs(NamedTuple):
    """The files of a command line, `items` in the order given, those of this shard alone; `total` of all shards together.

    `several`: more than one file, or what may be more, was asked for. `notes` tell people what was taken and what was not.
    """

    items: list[Item]
    total: int
    several: bool
    shard: Shard | None
    notes: tuple[str, ...]

    def share_of(self, limit: int) -> int:
        """What of this limit on uploads a minute is for this machine: N shards share the limit of one key."""
        return max(1, limit // self.shard.total) if self.shard else limit


def collect(context: click.Context) -> Inputs:
    """The files that the command line of this context names, each once.

    Raises UsageError for what cannot be meant, VidupError(USAGE) for a wrong row of a list, (FILE) for a list that cannot be read, and
    CutShort where a signal came while a list was read from a pipe.
    """
    options = context.params
    if not options["files"] and not options["from_file"]:
        argument = next(one for one in context.command.params if one.name == "files")
        raise click.MissingParameter(ctx=context, param=argument)
    _refuse_contradictions(context)
    several = len(options["files"]) > 1 or bool(options["from_file"]) or options["recursive"] or options["shard"] is not None
    gathering, skipped = _Gathering(several), Counter[str]()
    for named in _named(options, skipped):
        gathering.add(named)
    items = gathering.items
    whole = len(items)
    notes = _notes(gathering.twice, skipped)
    shard: Shard | None = options["shard"]
    if shard is not None:
        from vidup.source.shards import digest, take

        paths = [os.fsencode(item.path) for item in items]
        items = [items[position] for position in take(paths, shard, options["shard_by"])]
        notes.insert(0, f"shard {shard}: {len(items)} of {whole} files, list {digest(paths)}")
    return Inputs(items, whole, several, shard, tuple(notes))


def _notes(twice: int, skipped: Counter[str]) -> list[str]:
    notes = []
    if twice:
        notes.append(f"{twice} named more than once, and sent once")
    if skipped:
        from vidup.source.listing import skipped_note

        notes.append(skipped_note(skipped))
    return notes


def _refuse_contradictions(context: click.Context) -> None:
    options = context.params
    for name in given(context, tuple(_NEEDS)):
        needed = _NEEDS[name]
        if not options[needed]:
            raise click.UsageError(f"{_spelled(name)} says something only with {_spelled(needed)}")
    readers = ["FILE -"] * options["files"].count("-")
    for name, option in _READERS.items():
        value = options.get(name)
        readers += [f"{option} -"] * (value.count("-") if isinstance(value, tuple) else int(value == "-"))
    if len(readers) > 1:
        raise click.UsageError(f"{' and '.join(readers)} would both read standard input, which can be read once")


def _spelled(name: str) -> str:
    return f"--{name.replace('_', '-')}"


class _Named(NamedTuple):
    """A file as the arguments, a folder or a list name it."""

    path: str
    own: Own | None = None
    of_manifest: bool = False
    error: VidupError | None = None
    where: str = ""


def _named(options: dict[str, Any], skipped: Counter[str]) -> Iterator[_Named]:
    """Every file that is named, in the order given, folders looked into; counts what was passed over there."""
    wanted = None
    if options["recursive"]:
        from vidup.source.listing import Wanted

        wanted = Wanted(options["include"], options["exclude"])
    for named in _asked(options):
        if wanted is None or named.path == "-" or not os.path.isdir(named.path):
            yield named
            continue
        if named.own is not None and named.own.video_id is not None:
            raise VidupError(ExitCode.USAGE, f"{named.where} has a video_id for a folder", advice="One video takes one file: name that.")
        from vidup.source.listing import videos_in

        for found in videos_in(named.path, wanted, skipped):
            yield named._replace(path=found.path, error=found.error)


def _asked(options: dict[str, Any]) -> Iterator[_Named]:
    """What stands on the command line, then what the lists name."""
    for path in options["files"]:
        yield _Named(path)
    for name in options["from_file"]:
        from vidup.console.early import Waiting
        from vidup.console.rows import own_of
        from vidup.source.lists import read_list

        with nullcontext() if os.path.isfile(name) else Waiting():
            rows = read_list(name, options["null"])
        for row in rows:
            yield _Named(row.path, own_of(row), row.of_manifest, None, row.where)


class _Gathering:
    """The files so far, each once, however it was named."""

    def __init__(self, several: bool) -> None:
        """`several`: what cannot be uploaded is to be known at once, and a file is known again under another name."""
        self.items: list[Item] = []
        self.twice = 0
        self._several = several
        self._first: dict[tuple[int, int], int] = {}
        self._known: dict[str, int] = {}
        self._of_manifest: set[int] = set()

    def add(self, named: _Named) -> None:
        """Take this file, unless it is here already. Raises VidupError(USAGE) where it is to be another video this time."""
        identity, error = None, named.error
        if self._several and error is None and named.path != "-":
            from vidup.source.videofile import look_at

            identity, error = look_at(named.path)
            if error is not None and error.code is ExitCode.USAGE:
                raise error
        place = self._place_of(named.path, identity)
        if place < len(self.items):
            self._once_more(place, named)
            return
        self.items.append(Item(named.path, place + 1, named.own, error))
        if named.of_manifest:
            self._of_manifest.add(place)

    def _place_of(self, path: str, identity: tuple[int, int] | None) -> int:
        """Where this file stands, which is the end if it is new. Hard links are files of their own; links and detours are not.

        Where a path really leads takes a while to find out, so it is asked only of those that share an inode, and once.
        """
        end = len(self.items)
        if identity is not None and identity[1]:  # some file systems have none to tell
            first = self._first.setdefault(identity, end)
            if first == end:
                return end
            self._known.setdefault(os.path.realpath(self.items[first].path), first)
        return self._known.setdefault(os.path.realpath(path), end)

    def _once_more(self, place: int, named: _Named) -> None:
        item = self.items[place]
        if named.of_manifest:
            return
        if place in self._of_manifest:
            self._of_manifest.discard(place)
            self.items[place] = item._replace(own=named.own)
            return
        self.twice += 1
        if item.own != named.own:
            where = f"{named.where}: " if named.where else ""
            raise VidupError(
                ExitCode.USAGE, f"{where}{named.path} is named twice, and is to be another video each time",
                advice="Name it once. To have it in two videos, upload it in two commands.",
            )  # fmt: skip

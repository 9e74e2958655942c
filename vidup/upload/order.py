"""CORE: what the user asked for, as one value."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from vidup.api.credentials import ApiKey


class Inflow(NamedTuple):
    """A stream: of the command with these words, else of standard input. One that is shorter than `min_size` bytes is no whole video."""

    command: tuple[str, ...] = ()
    min_size: int = 0


class Following(NamedTuple):
    """A file that another process is writing; `idle` seconds without a change, or infinity, are its end, whoever has it open."""

    idle: float = 30.0


class Order(NamedTuple):
    """One upload. Sizes are bytes, times seconds; `part_size` and `video_id` are None when not given.

    `video` holds the attributes of the video to create; `uploads_per_minute` is the limit to plan with until the server tells its own.
    `limit_rate`: bytes a second for the whole process, None without a limit; `jobs` are as many as it is worth having under it.
    `continuing` is the upload id of the record to go on with, and of no other. `nonce` is a word that no other run has. `rehearse`:
    only find out what would be done. `skip_existing`: with `portable`, a complete video of this file will do. `wait`: seconds for which
    to wait until the video plays, infinity included, or None. `watch`: upload nothing, only wait for the video of `video_id`.
    `any_file`: also what cannot be a video. `inflow`: what is uploaded comes as a stream, or is a file that still grows; `again` is the
    command line that goes on with a stream.
    """

    path: str
    base_url: str
    key: ApiKey
    state_dir: Path
    video: Mapping[str, object] = MappingProxyType({})
    video_id: str | None = None
    part_size: int | None = None
    jobs: int = 4
    retry_for: float = 900.0
    timeout: float = 60.0
    limit_rate: int | None = None
    uploads_per_minute: int = 100
    restart: bool = False
    portable: bool = False
    skip_existing: bool = False
    adopt: bool = False
    continuing: str = ""
    nonce: str = ""
    rehearse: bool = False
    any_file: bool = False
    inflow: Inflow | Following | None = None
    again: str = ""
    wait: float | None = None
    watch: bool = False

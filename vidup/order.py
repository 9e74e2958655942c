"""CORE: what the user asked for, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key and where it came from; only the source may be shown."""

    value: str = field(repr=False)
    source: str


@dataclass(frozen=True, slots=True)
class Order:
    """One upload. Sizes are bytes, times seconds; `part_size` and `video_id` are None when not given.

    `video` holds the attributes of the video to create; `uploads_per_minute` is the limit to plan with until the server tells its own.
    """

    path: str
    base_url: str
    key: ApiKey
    state_dir: Path
    video: dict[str, object] = field(default_factory=dict)
    video_id: str | None = None
    part_size: int | None = None
    jobs: int = 4
    retry_for: float = 900.0
    timeout: float = 60.0
    uploads_per_minute: int = 100
    restart: bool = False
    portable: bool = False
    adopt: bool = False

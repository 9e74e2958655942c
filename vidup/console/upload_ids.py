"""DOOR: the argument type that names an interrupted upload, and completes by TAB."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem


class UploadId(click.ParamType[str]):
    """The id of an interrupted upload. Completion reads the state folder and nothing else, and never fails."""

    name = "upload_id"

    def __init__(self, or_file: bool = False) -> None:
        """`or_file`: a file may be named instead, and is completed where no id begins so."""
        self._or_file = or_file

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from vidup.console.options import environment, state_folder
        from vidup.console.settings import FileDefaults
        from vidup.inert import inert
        from vidup.state.journal import StateFolder

        try:
            defaults = FileDefaults(ctx.find_root())
            given = (
                ctx.params.get("state_dir") or environment().get("VIDUP_STATE_DIR") or ("state_dir" in defaults and defaults["state_dir"])
            )
            records = StateFolder(state_folder(Path(given) if given else None)).records()
            ids = [
                CompletionItem(known.upload_id, help=inert(f"{known.path} ({len(record.confirmed)}/{known.total_parts or '?'} parts)", 80))
                for record in records
                if (known := record.checkpoint).upload_id.startswith(incomplete)
            ]
            return ids or ([CompletionItem(incomplete, type="file")] if self._or_file else [])
        except Exception:  # noqa: BLE001  a TAB must never print a traceback
            return []

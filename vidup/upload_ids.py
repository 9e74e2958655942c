"""DOOR: the argument type that names an interrupted upload, and completes by TAB."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem


class UploadId(click.ParamType[str]):
    """The id of an interrupted upload. Completion reads the state folder and nothing else, and never fails."""

    name = "upload_id"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from vidup.inert import inert
        from vidup.journal import StateFolder
        from vidup.options import environment, state_folder

        try:
            given = ctx.params.get("state_dir") or environment().get("VIDUP_STATE_DIR")
            records = StateFolder(state_folder(Path(given) if given else None)).records()
            return [
                CompletionItem(known.upload_id, help=inert(f"{known.path} ({len(record.confirmed)}/{known.total_parts} parts)", 80))
                for record in records
                if (known := record.checkpoint).upload_id.startswith(incomplete)
            ]
        except Exception:  # noqa: BLE001  a TAB must never print a traceback
            return []

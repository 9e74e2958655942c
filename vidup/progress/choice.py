"""CORE: what is drawn on stderr, and whether in colour: two separate decisions over the options and the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Mode = Literal["tty", "plain", "json", "none"]
ModeOption = Literal["auto", "tty", "plain", "json", "none"]
ColorOption = Literal["auto", "always", "never"]


class Style(NamedTuple):
    """How stderr is used. `mode` "tty" is the only one that animates; `quiet` lets nothing pass but errors (and is mode "none")."""

    mode: Mode
    color: bool
    quiet: bool


def decide(mode: ModeOption, color: ColorOption, quiet: bool, verbose: int, environ: Mapping[str, str], stderr_isatty: bool) -> Style:
    """The style for these options. `verbose` of 2 and more prints every request, which a live block would only disturb.

    Nothing animates but a real terminal, whatever FORCE_COLOR says; whole lines carry no escape unless colour is forced.
    """
    chosen = "none" if quiet else _mode(mode, verbose, environ, stderr_isatty)
    forced = _forced_color(color, environ)
    usual = chosen in ("tty", "none") and stderr_isatty and not _dumb(environ)
    return Style(chosen, chosen != "json" and (usual if forced is None else forced), quiet)


def _mode(mode: ModeOption, verbose: int, environ: Mapping[str, str], stderr_isatty: bool) -> Mode:
    if mode in ("plain", "json", "none"):
        return mode
    can_animate = stderr_isatty and not _dumb(environ)
    unasked = mode == "auto" and (verbose >= 2 or environ.get("CI", "").lower() not in ("", "0", "false"))
    return "tty" if can_animate and not unasked else "plain"


def _forced_color(color: ColorOption, environ: Mapping[str, str]) -> bool | None:
    if color != "auto":
        return color == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in ("", "0") or environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return False if environ.get("CLICOLOR") == "0" else None


def _dumb(environ: Mapping[str, str]) -> bool:
    return environ.get("TERM", "") in ("dumb", "unknown")

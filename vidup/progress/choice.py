"""CORE: what is drawn on stderr, and whether in colour: two separate decisions over the options and the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Mode = Literal["tty", "plain", "json", "none"]
ModeOption = Literal["auto", "tty", "plain", "json", "none"]
ColorOption = Literal["auto", "always", "never"]

_LINKING: Final = ("iTerm.app", "WezTerm", "ghostty", "vscode", "Hyper")
_VTE_LINKS: Final = 5000
_VTE_PROGRESS: Final = 8000
"""GNOME's terminals and their kin, since 0.50 and 0.80."""

_PROGRESS: Final = re.compile(r"P(?![a-z])")
"""The letter by which iTerm2 says that it takes progress, among its TERM_FEATURES."""


class Style(NamedTuple):
    """How stderr is used. `mode` "tty" is the only one that animates; `quiet` lets nothing pass but errors (and is mode "none").

    `links`: URLs are sent as links (OSC 8). `taskbar`: the progress is also told to the terminal itself (OSC 9;4).
    """

    mode: Mode
    color: bool
    quiet: bool
    links: bool = False
    taskbar: bool = False


def decide(mode: ModeOption, color: ColorOption, quiet: bool, verbose: int, environ: Mapping[str, str], stderr_isatty: bool) -> Style:
    """The style for these options. `verbose` of 2 and more prints every request, which a live block would only disturb.

    Nothing animates but a real terminal, whatever FORCE_COLOR says; whole lines carry no escape unless colour is forced.
    """
    chosen = "none" if quiet else _mode(mode, verbose, environ, stderr_isatty)
    forced = _forced_color(color, environ)
    usual = chosen in ("tty", "none") and stderr_isatty and not _dumb(environ)
    colored = chosen != "json" and (usual if forced is None else forced)
    return Style(chosen, colored, quiet, usual and not quiet and _takes_links(environ), chosen == "tty" and _takes_progress(environ))


def _takes_links(environ: Mapping[str, str]) -> bool:
    """Whether the terminal is one of those known to make links of OSC 8; the others would at best drop it."""
    known = environ.get("TERM_PROGRAM") in _LINKING or _vte(environ) >= _VTE_LINKS
    return not _inside_another(environ) and (known or any(environ.get(name) for name in ("WT_SESSION", "KITTY_WINDOW_ID")))


def _takes_progress(environ: Mapping[str, str]) -> bool:
    """Whether the terminal is one of those known to take OSC 9;4: for others OSC 9 pops up a notification."""
    iterm = environ.get("TERM_PROGRAM") == "iTerm.app" and bool(_PROGRESS.search(environ.get("TERM_FEATURES", "")))
    known = environ.get("TERM_PROGRAM") in ("ghostty", "WezTerm") or environ.get("ConEmuANSI") == "ON" or _vte(environ) >= _VTE_PROGRESS
    return not _inside_another(environ) and (iterm or known or bool(environ.get("WT_SESSION")))


def _inside_another(environ: Mapping[str, str]) -> bool:
    """Whether tmux or screen stands in between, which hand on only what they know, but inherit the variables of what is around them."""
    return bool(environ.get("TMUX") or environ.get("STY")) or environ.get("TERM", "").startswith(("tmux", "screen"))


def _vte(environ: Mapping[str, str]) -> int:
    version = environ.get("VTE_VERSION", "")
    return int(version) if version.isascii() and version.isdecimal() and len(version) < 8 else 0


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

"""EDGE: the user's folders, as the system has them, and `config.toml` in one of them, which vidup reads and never writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from platformdirs import user_config_path, user_state_path

from vidup.errors import ExitCode, VidupError

Value = str | bool


class Homeless(VidupError):
    """The system knows no home of this user: HOME is not set, and the uid is in no list, as in some containers."""


def config_folder() -> Path:
    """The user's folder for vidup's settings; it need not exist. Raises Homeless, exit 3."""
    return _of_user(user_config_path, "settings and keys", "Set HOME or XDG_CONFIG_HOME; a key may also be in VIDUP_API_KEY.")


def uploads_folder() -> Path:
    """The user's folder for the records of unfinished uploads; it need not exist. Raises Homeless, exit 3."""
    return _of_user(user_state_path, "records of uploads", "Name one with --state-dir or VIDUP_STATE_DIR, or set HOME.") / "uploads"


def _of_user(find: Callable[..., Path], purpose: str, advice: str) -> Path:
    try:
        folder = find("vidup", appauthor=False)
    except RuntimeError:
        folder = Path()
    if not folder.is_absolute():  # before 4.14, platformdirs left the ~ as it was
        raise Homeless(ExitCode.FILE, f"There is no folder for {purpose}", cause="the home of this user is not known", advice=advice)
    return folder


def config_file(environ: Mapping[str, str]) -> Path:
    """The config file: the one that VIDUP_CONFIG names, else `config.toml` in the config folder; it need not exist.

    Raises Homeless, exit 3.
    """
    named = environ.get("VIDUP_CONFIG")
    return Path(named) if named else config_folder() / "config.toml"


def read_config(environ: Mapping[str, str]) -> dict[str, object]:
    """What stands in the config file; empty without one. Raises VidupError(USAGE) naming the file if it cannot be read."""
    try:
        path = config_file(environ)
    except Homeless:
        return {}
    try:
        with path.open("rb") as file:
            import tomllib

            return tomllib.load(file)
    except FileNotFoundError:
        if not environ.get("VIDUP_CONFIG"):
            return {}
        raise _wrong(path, "is not there", advice="Correct or unset VIDUP_CONFIG.") from None
    except OSError as error:
        raise _wrong(path, "cannot be read", error.strerror or str(error), advice="Make it readable for you.") from error
    except ValueError as error:  # of tomllib, or not UTF-8
        raise _wrong(path, "is not valid TOML", str(error)) from None


def known_values(table: Mapping[str, object], known: Mapping[str, tuple[str, bool]], environ: Mapping[str, str]) -> dict[str, Value]:
    """What stands in the config file by the names of parameters, as texts and, for flags, truth values.

    `known` holds what may stand there: the parameter, and whether it is a flag. Raises VidupError(USAGE) naming file and key for
    anything that cannot be meant.
    """
    path, values = config_file(environ), dict[str, Value]()
    for key, value in table.items():
        if key not in known:
            raise _unknown(path, key, known)
        name, is_flag = known[key]
        if name in values:
            raise _wrong(path, f"has {key} twice, under two names")
        values[name] = _value(path, key, value, is_flag)
    return values


def _value(path: Path, key: str, value: object, is_flag: bool) -> Value:
    if is_flag:
        if isinstance(value, bool):
            return value
        raise _wrong(path, f"has a wrong value for {key}", "it is either true or false")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _wrong(path, f"has a wrong value for {key}", "it is a text or a number")
    return str(value)


def _unknown(path: Path, key: str, known: Mapping[str, object]) -> VidupError:
    what = f"has a key that vidup does not know: {key}"
    if "api" in key:
        return _wrong(path, what, advice="Take it out. `vidup login` keeps an API key, in a file that only you can read.")
    from difflib import get_close_matches

    alike = get_close_matches(key.replace("_", "-"), known, n=1)
    return _wrong(path, what, advice=f"Did you mean {alike[0]}?" if alike else f"It may hold: {', '.join(sorted(known))}.")


def _wrong(path: Path, what: str, cause: str = "", advice: str = "Correct the file.") -> VidupError:
    return VidupError(ExitCode.USAGE, f"The config file {path} {what}", cause=cause, advice=advice)

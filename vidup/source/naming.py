"""CORE: a title made of the file's name, as `--title` asks for it: `Lesson {index:02}: {stem}`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

FIELDS: Final = ("stem", "name", "index", "parent")
_DIGITS: Final = re.compile(r"0?[1-9]?d?", re.ASCII)

Title = Callable[[str, int], str]
"""Makes the title of a file: of its absolute path and its number in the list, from 1."""


def title_maker(template: str) -> Title | None:
    """What makes the titles of this template, or None where it is the same text for every file.

    `{stem}` is the name without its suffix, `{name}` with it, `{parent}` the name of the folder that the file lies in, `{index}` the
    number of the file in the list; `{index:03}` has three digits at least, and a brace itself is `{{` or `}}`. Raises ValueError for any
    other field, and for a brace alone.
    """
    if not {"{", "}"} & set(template):
        return None
    from string import Formatter  # which takes a millisecond, and most titles need none

    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"{error}; a brace itself is written twice: {{{{ or }}}}") from None
    for _text, field, spec, conversion in pieces:
        if field is None:
            continue
        if field not in FIELDS or conversion:
            known = ", ".join(f"{{{name}}}" for name in FIELDS)
            raise ValueError(f"{{{field}{f'!{conversion}' if conversion else ''}}} is none of {known}; a brace itself is written {{{{")
        if spec and (field != "index" or not _DIGITS.fullmatch(spec)):
            raise ValueError(f"{{{field}:{spec}}} cannot be: only {{index}} takes a width, as {{index:03}}")
    return lambda path, index: template.format(**_fields(path), index=index)


def as_template(title: str) -> str:
    """The title as `--title` takes it to mean just this."""
    return title.replace("{", "{{").replace("}", "}}")


def _fields(path: str) -> dict[str, str]:
    folder, _, name = path.rstrip("/").rpartition("/")
    stem, dot, _suffix = name.rpartition(".")
    return {"stem": stem if dot and stem.strip(".") else name, "name": name, "parent": folder.rpartition("/")[2]}

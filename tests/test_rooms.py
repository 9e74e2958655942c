"""The house keeps its shape: who may import whom, which outside thing belongs to which room, and that each says what lives there."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent / "vidup"

FLOORS = (
    {"__main__", "cli"},
    {"commands"},
    {"console"},
    {"progress"},
    {"upload"},
    {"source", "state", "api"},
    {"verdicts", "plan"},
    {"errors", "events", "units", "inert"},
)
"""From the door down. Rooms of one floor do not know each other, but that `commands` name the group they belong to."""

EMULATOR_KNOWS = {"emulator", "verdicts", "units"}
"""Client and emulator must not be wrong together: they have the documented rows in common, and what reads a size."""

OWNERS = {
    "requests": {"api/transport"}, "urllib3": {"api/transport"}, "ssl": {"api", "emulator"}, "rich": {"progress"}, "tenacity": {"upload/dice.py", "upload/questions.py"},
    "multipart": {"emulator"}, "signal": {"console/signals.py", "console/early.py", "source/writers.py", "commands", "__main__.py"},
    "platformdirs": {"console"}, "tomllib": {"console/config.py"}, "click": {"console", "commands", "cli.py", "__main__.py"},
    "subprocess": {"commands", "source/producers.py"}, "socket": {"api/transport", "emulator", "state"}, "threading": {"upload/workers.py", "upload/throttle.py", "progress", "api", "source", "emulator", "commands"},
}  # fmt: skip

PURE = {
    "errors.py", "events.py", "units.py", "inert.py", "verdicts", "plan", "api/ledger.py", "api/videostatus.py", "api/credentials.py",
    "api/transport/pages.py", "state/identity.py", "state/record.py", "console/summary.py", "console/totals.py", "progress/crowdlines.py", "progress/outlook.py", *(
        f"upload/{name}.py" for name in (
            "acting", "arrival", "asking", "bodies", "bucket", "confirming", "container", "creating", "crowd", "cuts", "delegated", "dispatcher", "ending", "exchange", "finding", "flights", "health",
            "opening", "order", "outage", "outcome", "pacing", "partbook", "rate", "roster", "sending", "tail", "tally", "upload", "waiting",
        )
    ),
}  # fmt: skip
NOT_PURE = {"os", "time", "threading", "socket", "requests", "rich", "click", "subprocess", "signal", "queue", "random", "tenacity"}


def files() -> list[str]:
    """Every file of the program, as a path inside `vidup/`."""
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py"))


def tree(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text())


def imports(file: str) -> set[str]:
    """Every module a file imports, also inside functions and for types."""
    found: set[str] = set()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} if node.module != "vidup" else {f"vidup.{alias.name}" for alias in node.names}
    return found


def room(name: str) -> str:
    """The folder, or the file at the top, that a file or module lies in."""
    return name.removesuffix(".py").replace("/", ".").removeprefix("vidup.").split(".")[0]


def floor(of: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if of in rooms)


def ours(file: str) -> set[str]:
    """The modules of ours that a file imports, as files."""
    names = {name for name in imports(file) if name.startswith("vidup.") and not name.endswith("__version__")}
    return {str(Path(*name.split(".")[1:]).with_suffix(".py")) for name in names}


def within(file: str, places: set[str]) -> bool:
    """Whether a file is one of these, or lies in one of these folders."""
    return any(file == place or file.startswith(f"{place}/") for place in places)


def test_every_room_has_a_place_in_the_house() -> None:
    """A new folder must be given a floor before it can be imported."""
    assert {room(file) for file in files()} - {"__init__", "emulator"} == set().union(*FLOORS)


def test_nobody_imports_upwards_or_sideways() -> None:
    """Commands use the console, the console uses progress and the conductor, that uses sources, state and wire, and never the other way."""
    wrong = [
        f"{file} -> {other}"
        for file in files() if room(file) not in ("__init__", "emulator")
        for other in ours(file)
        if room(other) != room(file) and not (room(other) == "emulator" and room(file) == "commands")
        and (room(other) == "emulator" or floor(room(other)) <= floor(room(file))) and (room(file), room(other)) != ("__main__", "cli")
    ]  # fmt: skip
    assert wrong == []


def test_no_two_files_import_each_other() -> None:
    """There is no circle of imports, between rooms or inside one."""
    graph = {file: ours(file) for file in files()}

    def reaches(start: str, goal: str, seen: set[str]) -> bool:
        for following in graph.get(start, set()) - seen:
            seen.add(following)
            if following == goal or reaches(following, goal, seen):
                return True
        return False

    assert [file for file in graph if reaches(file, file, set())] == []


def test_the_emulator_shares_only_the_error_table_with_the_client() -> None:
    """A mistake about the API must not stand in both."""
    assert {room(other) for file in files() if room(file) == "emulator" for other in ours(file)} <= EMULATOR_KNOWS


def test_what_is_called_pure_exists() -> None:
    """A file that was renamed does not fall out of the promise unseen."""
    assert [place for place in sorted(PURE) if not (ROOT / place).exists()] == []


def test_each_outside_thing_has_one_owner() -> None:
    """`requests`, `rich`, `tenacity` and the like are imported only where they live."""
    wrong = [
        f"{file} imports {name}"
        for file in files()
        for name in imports(file)
        if name.split(".")[0] in OWNERS and not within(file, OWNERS[name.split(".")[0]])
    ]
    assert wrong == []


def test_what_decides_touches_nothing_outside() -> None:
    """Decisions are made from values: no files, no clock, no threads, no sockets, no dice."""
    wrong = [f"{file} imports {name}" for file in files() if within(file, PURE) for name in imports(file) & NOT_PURE]
    assert wrong == []


def test_every_module_says_what_lives_there() -> None:
    """Every file opens with a sentence."""
    assert [file for file in files() if not ast.get_docstring(tree(file))] == []


def test_a_folder_only_says_what_lives_in_it() -> None:
    """An `__init__` re-exports nothing: where a name is defined is where it is imported from."""
    assert [file for file in files() if file.endswith("/__init__.py") and len(tree(file).body) != 1] == []


def test_tests_lie_where_what_they_test_lies() -> None:
    """The same folders stand below `tests/`; only programs that measure or break things have their own."""
    here = {path.name for path in Path(__file__).parent.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert here - {"bench", "faults", "outsiders", "simulation"} <= {room(file) for file in files()}


def test_one_place_carries_out_verdicts() -> None:
    """What a row makes vidup do is read where it is acted upon, and nowhere else in the program; `explain` shows its word."""
    readers = {
        file
        for file in files() if not file.startswith(("verdicts/", "emulator/"))
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ImportFrom) and {alias.name for alias in node.names} & {"Verdict", "Then"}
    }  # fmt: skip
    assert readers == {"upload/acting.py"}

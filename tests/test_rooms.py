"""The house keeps its shape: who may import whom, and which outside thing belongs to which room."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent / "vidup"

CORE = {
    "errors",
    "verdicts",
    "rules",
    "parts",
    "units",
    "inert",
    "events",
    "tally",
    "turns",
    "rate",
    "ledger",
    "report",
    "order",
    "identity",
    "summary",
    "explaining",
    "forecast",
    "videostatus",
}
EDGES = {"videofile", "transport", "api", "pacing", "journal", "workers", "progress", "keys", "config", "trust", "signals", "github"}
CONDUCTOR = {"attempts", "line", "sending", "container", "opening", "rehearsal", "checkup", "upload"}
DOORS = {"options", "settings", "help", "answering", "upload_ids", "completing", "crash", "running", "commands", "cli", "__main__"}
EMULATOR = {"emulator"}
FLOORS = {
    **dict.fromkeys(CORE, 0),
    **dict.fromkeys(EDGES, 1),
    **dict.fromkeys(CONDUCTOR, 2),
    **dict.fromkeys(EMULATOR, 1),
    **dict.fromkeys(DOORS, 3),
}

OWNERS = {
    "requests": {"transport"}, "urllib3": {"transport"}, "ssl": {"transport", "trust", "emulator"}, "rich": {"progress"}, "tenacity": {"pacing"},
    "filelock": {"journal"}, "multipart": {"emulator"}, "signal": {"signals", "commands", "__main__"}, "platformdirs": {"options", "config"}, "tomllib": {"config"},
    "click": DOORS, "subprocess": {"commands"}, "socket": {"transport", "emulator", "journal"},
}  # fmt: skip
NOT_IN_CORE = {"os", "time", "threading", "socket", "requests", "rich", "click", "pathlib.Path.open", "subprocess", "signal", "queue"}


def rooms() -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    for path in ROOT.rglob("*.py"):
        files.setdefault(path.relative_to(ROOT).parts[0].removesuffix(".py"), []).append(path)
    return files


def imports(path: Path) -> set[str]:
    """Every module a file imports, also inside functions and for types."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} if node.module != "vidup" else {f"vidup.{alias.name}" for alias in node.names}
    return found


def our_rooms(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("vidup.") and not name.endswith("__version__")}


def test_every_room_has_a_place_in_the_house() -> None:
    """A new file must be given a floor before it can be imported."""
    assert set(rooms()) - {"__init__"} == set(FLOORS)


def test_nobody_imports_upwards() -> None:
    """Doors use the conductor, the conductor uses edges, edges use the core, and never the other way."""
    wrong = [
        f"{path.relative_to(ROOT)} -> {other}"
        for room, paths in rooms().items() if room != "__init__"
        for path in paths for other in our_rooms(path)
        if FLOORS[other] > FLOORS[room]
    ]  # fmt: skip
    assert wrong == []


def test_no_two_rooms_import_each_other() -> None:
    """There is no circle of imports between rooms; the door's group and its commands are one room by nature."""
    graph = {room: {other for path in paths for other in our_rooms(path)} - {room} for room, paths in rooms().items()}
    graph["commands"].discard("cli")

    def reaches(start: str, goal: str, seen: set[str]) -> bool:
        return any(n == goal or (n not in seen and reaches(n, goal, seen | {n})) for n in graph.get(start, set()))

    assert [room for room in graph if reaches(room, room, set())] == []


def test_the_emulator_shares_only_the_error_table_with_the_client() -> None:
    """Client and emulator must not be wrong together: they have the documented rows in common, and what reads a size."""
    used = {other for path in rooms()["emulator"] for other in our_rooms(path)} - {"emulator"}
    assert used <= {"verdicts", "rules", "units"}


def test_each_outside_thing_has_one_owner() -> None:
    """`requests`, `rich`, `tenacity` and the like are imported only where they live."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for room, paths in rooms().items()
        for path in paths for name in imports(path)
        if name.split(".")[0] in OWNERS and room not in OWNERS[name.split(".")[0]]
    ]  # fmt: skip
    assert wrong == []


def test_the_core_touches_nothing_outside() -> None:
    """The core decides from values: no files, no clock, no threads, no sockets."""
    wrong = [f"{path.name} imports {name}" for room in CORE for path in rooms()[room] for name in imports(path) & NOT_IN_CORE]
    assert wrong == []


def test_every_module_says_what_lives_there() -> None:
    """Every file opens with a sentence."""
    assert [str(path) for paths in rooms().values() for path in paths if not ast.get_docstring(ast.parse(path.read_text()))] == []

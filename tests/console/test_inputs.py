"""Arguments, folders and lists become one list of files, each once, before anything is sent."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from vidup.api.credentials import ApiKey
from vidup.cli import vidup as group
from vidup.commands.upload import upload
from vidup.console.inputs import Inputs, collect
from vidup.console.tasks import tasks_of
from vidup.errors import ExitCode, VidupError
from vidup.upload.order import Order

Take = Callable[..., Inputs]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a.mp4, b.mp4 and card/c.mp4, in which the command is run."""
    (tmp_path / "card").mkdir()
    for name in ("a.mp4", "b.mp4", "card/c.mp4", "card/notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def context(*words: str) -> click.Context:
    with click.Context(group, info_name="vidup") as root:
        return upload.make_context("upload", list(words), parent=root)


def take(*words: str) -> Inputs:
    return collect(context(*words))


def paths(taken: Inputs) -> list[str]:
    return [item.path for item in taken.items]


def orders(*words: str) -> list[Order | VidupError | None]:
    """What the tasks of this command line are to do."""
    given = context(*words)
    from vidup.console.options import video_attributes

    order = Order(
        "",
        "https://ws.api.video",
        ApiKey("k", "here"),
        Path("/state"),
        video=video_attributes(given.params),
        nonce="n",
        video_id=given.params["video_id"],
    )
    return [task.order for task in tasks_of(given, collect(given), order)]


def refusal(*words: str) -> str:
    """The sentence by which this command line is refused, with exit code 2."""
    with pytest.raises((click.UsageError, VidupError)) as refused:
        orders(*words)
    if isinstance(refused.value, VidupError):
        assert refused.value.code is ExitCode.USAGE
        return refused.value.what
    assert isinstance(refused.value, click.UsageError)
    return refused.value.format_message()


def test_files_folders_and_lists_come_in_the_order_given(here: Path) -> None:
    """What stands on the command line first, then the lists."""
    (here / "list").write_text("b.mp4\n")
    taken = take("-r", "card", "a.mp4", "--from-file", "list")
    assert (paths(taken), taken.total, taken.notes) == (["card/c.mp4", "a.mp4", "b.mp4"], 3, ("1 skipped: 1 no video",))


def test_the_same_file_is_taken_once_whatever_it_is_called(here: Path) -> None:
    """By another spelling, through a link, in a folder; a hard link is a file of its own."""
    (here / "link.mp4").symlink_to("a.mp4")
    (here / "hard.mp4").hardlink_to(here / "a.mp4")
    taken = take("-r", "a.mp4", "./a.mp4", str(here / "a.mp4"), "link.mp4", "hard.mp4", "card/c.mp4", "card")
    assert (paths(taken), taken.notes[0]) == (["a.mp4", "hard.mp4", "card/c.mp4"], "4 named more than once, and sent once")


def test_of_thousands_of_links_to_one_file_each_is_asked_once_where_it_leads(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparing each with each would take minutes."""
    for number in range(300):
        (here / "card" / f"{number}.mp4").hardlink_to(here / "a.mp4")
    asked: list[str] = []
    real = os.path.realpath

    def realpath(path: str) -> str:
        asked.append(path)
        return real(path)

    monkeypatch.setattr(os.path, "realpath", realpath)
    assert len(take("-r", "card", "a.mp4", "card/7.mp4").items) == 302
    assert len(asked) < 700


def test_an_empty_name_is_wrong_usage_among_others_too(here: Path) -> None:
    """2: a variable is not set, and what else it should have named nobody knows."""
    assert refusal("a.mp4", "") == "The name of the file is empty"


def test_what_is_missing_is_known_at_once_and_once(here: Path) -> None:
    """As a failure of its own; the others go on."""
    (here / "empty.mp4").touch()
    taken = take("gone.mp4", "a.mp4", "gone.mp4", "empty.mp4", "card")
    assert [(item.path, item.error and item.error.code) for item in taken.items] == [
        ("gone.mp4", ExitCode.FILE), ("a.mp4", None), ("empty.mp4", ExitCode.FILE), ("card", ExitCode.FILE),
    ]  # fmt: skip
    assert taken.items[3].error is not None and "add -r" in taken.items[3].error.advice


def test_a_single_file_is_looked_at_by_its_upload_alone(here: Path) -> None:
    """Which says more of it, as whether it can be resumed."""
    taken = take("gone.mp4")
    assert ([item.error for item in taken.items], taken.several) == ([None], False)


def test_a_row_comes_before_the_command(here: Path) -> None:
    """What it does not say is as the command says; an empty list takes away."""
    rows = [{"file": "a.mp4", "title": "A", "private": True, "tags": []}, {"file": "b.mp4", "metadata": {"k": "v"}, "player-id": None}]
    (here / "list").write_text("\n".join(map(json.dumps, rows)))
    videos = [
        order.video for order in orders("--from-file", "list", "--tag", "t", "--title", "{stem}!", "--public") if isinstance(order, Order)
    ]
    assert videos == [
        {"title": "A", "public": False, "tags": []},
        {"title": "b!", "public": True, "tags": ["t"], "metadata": [{"key": "k", "value": "v"}]},
    ]


def test_a_row_may_name_the_video_it_goes_into(here: Path) -> None:
    """One of its own, while the others get new ones."""
    (here / "list").write_text('{"file": "a.mp4", "video_id": "vi1"}\nb.mp4\n')
    assert [order.video_id for order in orders("--from-file", "list") if isinstance(order, Order)] == ["vi1", None]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"titel": "x"}, "does not know: titel"), ({"title": 3}, "no text"), ({"tags": "x", "tag": [3]}, "no list of texts"), ({"public": "yes"}, "neither true nor false"),
        ({"metadata": "x"}, "metadata"), ({"metadata": {"k": 1}}, "metadata"), ({"metadata": ["=x"]}, "metadata"), ({"video_id": "../x"}, "video_id"),
        ({"video_id": "vi1", "title": "x"}, "leave out one"), ({"jobs": 3}, "does not know: jobs"), ({"api_key": "k"}, "does not know: api_key"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_refused_before_anything_is_sent(row: dict[str, object], said: str, here: Path) -> None:
    """2, naming the line, also where all others are good."""
    (here / "list").write_text("a.mp4\n" + json.dumps({"file": "b.mp4", **row}))
    told = refusal("--from-file", "list")
    assert said in told and told.startswith("Line 2 of list ")


def test_two_videos_of_one_file_are_refused(here: Path) -> None:
    """Which of them is meant cannot be told; a row that says the same again is no other."""
    (here / "list").write_text('{"file": "a.mp4", "title": "A"}\n{"file": "./a.mp4", "title": "A"}\n')
    assert len(take("--from-file", "list").items) == 1
    (here / "list").write_text('{"file": "a.mp4", "title": "A"}\n{"file": "./a.mp4", "title": "B"}\n')
    assert "./a.mp4 is named twice" in refusal("--from-file", "list")
    assert "a.mp4 is named twice" in refusal("a.mp4", "--from-file", "list")


def test_a_manifest_names_each_of_its_files_once(here: Path) -> None:
    """However often it was tried, and whatever another list says of it."""
    row = {"v": 1, "status": "failed", "exit_code": 75, "video_id": None}
    (here / "done").write_text("".join(json.dumps({**row, "file": name}) + "\n" for name in ("a.mp4", "b.mp4", "a.mp4")) + '{"v": 1, "fi')
    (here / "list").write_text('{"file": "a.mp4", "title": "A"}\n')
    taken = take("--from-file", "done", "--from-file", "list")
    assert [(item.path, item.own and item.own.video) for item in taken.items] == [("a.mp4", {"title": "A"}), ("b.mp4", None)]
    assert taken.notes == ()


def test_a_name_that_is_not_utf_8_is_a_name(here: Path) -> None:
    """On the command line, in a folder, and on a list by its bytes."""
    name = os.fsdecode(b"caf\xe9.mp4")
    try:
        (here / "card" / name).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    (here / "list").write_bytes(b'card/caf\xe9.mp4\n{"file": "?", "file_b64": "Y2FyZC9jYWbpLm1wNA=="}\n')
    for words in (("-r", "card"), (f"card/{name}", "b.mp4"), ("--from-file", "list")):
        taken = take(*words)
        assert [item.error for item in taken.items if item.path == f"card/{name}"] == [None]


def test_each_shard_keeps_the_number_that_a_file_has_in_the_whole_list(here: Path) -> None:
    """So that titles do not hang on how many machines there are; and it plans with its share of the limit."""
    taken = [take("b.mp4", "a.mp4", "card/c.mp4", "--shard", f"{number}/2") for number in (1, 2)]
    assert [[(item.path, item.number) for item in one.items] for one in taken] == [[("a.mp4", 2), ("card/c.mp4", 3)], [("b.mp4", 1)]]
    assert [one.notes[0].partition(", ")[0] for one in taken] == ["shard 1/2: 2 of 3 files", "shard 2/2: 1 of 3 files"]
    assert taken[0].notes[0].rpartition(" ")[2] == taken[1].notes[0].rpartition(" ")[2]
    assert (taken[0].share_of(40), take("a.mp4").share_of(40), take("a.mp4", "--shard", "3/100").share_of(40)) == (20, 40, 1)


def test_a_shard_without_a_file_is_empty(here: Path) -> None:
    """Which is no failure."""
    taken = take("a.mp4", "--shard", "2/2")
    assert (taken.items, taken.total, taken.notes[0][:21]) == ([], 1, "shard 2/2: 0 of 1 fil")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Missing argument"), (("a.mp4", "--include", "*.mp4"), "only with --recursive"), (("a.mp4", "--exclude", "x"), "only with --recursive"),
        (("a.mp4", "--null"), "only with --from-file"), (("a.mp4", "--shard-by", "hash"), "only with --shard"), (("-", "-"), "FILE - and FILE -"),
        (("-", "--from-file", "-"), "read standard input"), (("--from-file", "-", "--from-file", "-"), "read standard input"),
        (("--from-file", "-", "--api-key-file", "-"), "--from-file - and --api-key-file -"), (("a.mp4", "-t", "{nme}"), "{nme}"),
        (("a.mp4", "--shard", "9/8"), "9/8"), (("a.mp4", "--shard", "auto"), "--shard I/N"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(words: tuple[str, ...], said: str, here: Path) -> None:
    """2, before anything is read or sent."""
    assert said in refusal(*words)


def test_a_video_of_a_rows_own_takes_no_option_about_a_new_one(here: Path) -> None:
    """It would be left out without a word."""
    (here / "list").write_text('{"file": "a.mp4", "video_id": "vi1"}\n')
    for words in (("--title", "x"), ("--portable",), ("--if-exists", "new"), ("--restart",)):
        assert f"{words[0]} is about a new video, and a.mp4 has a video_id" in refusal("--from-file", "list", *words)
    (here / "list").write_text('{"file": "card", "video_id": "vi1"}\n')
    assert "video_id for a folder" in refusal("-r", "--from-file", "list")


def test_each_file_has_a_word_of_its_own_by_which_its_video_is_found(here: Path) -> None:
    """Where the answer to creating it is lost: with one word for all, one file could end up in the video of another."""
    words = [order.nonce for order in orders("a.mp4", "b.mp4", "card/c.mp4") if isinstance(order, Order)]
    assert len(set(words)) == 3 and all(word.startswith("n") for word in words)


def test_ten_thousand_files_cost_less_than_a_kibibyte_each(here: Path) -> None:
    """What they have in common is there once."""
    import gc
    import tracemalloc

    (here / "list").write_text("".join(f"/media/course/lesson-{number:05}.mp4\n" for number in range(10_000)))
    given = context("--from-file", "list", "--tag", "t")
    order = Order("", "https://ws.api.video", ApiKey("k", "here"), Path("/state"), video={"tags": ["t"]}, nonce="0123456789abcdef")
    items = collect(given)
    items = items._replace(items=[item._replace(error=None) for item in items.items])
    gc.collect()
    tracemalloc.start()
    try:
        tasks = tasks_of(given, items, order)
        gc.collect()
        used, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(tasks) == 10_000 and used / len(tasks) < 1024, used / len(tasks)

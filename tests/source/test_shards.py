"""Shards: together they take each file once, and whatever is doubtful is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidup.source.shards import By, Shard, auto_shard, digest, parse_shard, take

PATHS = st.lists(st.binary(min_size=1, max_size=12), unique=True, max_size=60)


@given(PATHS, st.integers(1, 20), st.sampled_from(["order", "hash"]))
def test_all_shards_together_take_each_file_once(paths: list[bytes], total: int, by: By) -> None:
    """None is left out and none is sent by two machines, whatever the list."""
    taken = [position for number in range(1, total + 1) for position in take(paths, Shard(number, total), by)]
    assert sorted(taken) == list(range(len(paths)))


@given(PATHS, st.integers(1, 20), st.sampled_from(["order", "hash"]))
def test_a_shard_does_not_hang_on_the_order_of_the_list(paths: list[bytes], total: int, by: By) -> None:
    """Machines list a folder in another order each, and take the same files."""
    shuffled = paths[::-1]
    for number in range(1, total + 1):
        shard = Shard(number, total)
        assert {paths[n] for n in take(paths, shard, by)} == {shuffled[n] for n in take(shuffled, shard, by)}
    assert digest(paths) == digest(shuffled)


@given(PATHS, st.integers(1, 20))
def test_shards_by_order_differ_by_one_file_at_most(paths: list[bytes], total: int) -> None:
    """No machine works for two; one without a file is no mistake."""
    sizes = [len(take(paths, Shard(number, total), "order")) for number in range(1, total + 1)]
    assert max(sizes) - min(sizes) <= 1


@given(PATHS, PATHS, st.integers(1, 20))
def test_by_hash_a_list_may_grow_and_no_file_moves_to_another_machine(paths: list[bytes], more: list[bytes], total: int) -> None:
    """Else a file begun on one would be begun again on another."""
    longer = list(dict.fromkeys([*more, *paths]))
    for number in range(1, total + 1):
        before = {paths[n] for n in take(paths, Shard(number, total), "hash")}
        after = {longer[n] for n in take(longer, Shard(number, total), "hash")}
        assert before == after & set(paths)


def test_every_nth_of_the_list_sorted_by_its_bytes() -> None:
    """Capitals come before small letters, on every machine."""
    paths = [b"b", b"a", b"B", b"\xff", b"c"]
    assert [[paths[n] for n in take(paths, Shard(number, 2), "order")] for number in (1, 2)] == [[b"b", b"B", b"\xff"], [b"a", b"c"]]


def test_another_list_has_another_number() -> None:
    """Eight digits by which two logs are compared at a glance; where one name ends and the next begins counts."""
    told = [digest(paths) for paths in ([b"a", b"b"], [b"a"], [b"ab"], [b"a", b"b", b"c"], [])]
    assert len(set(told)) == 5 and all(re.fullmatch("[0-9a-f]{8}", one) for one in told)


@pytest.mark.parametrize("text", ["0/8", "9/8", "8", "1/0", "0/0", "-1/8", "1/8/2", "a/b", "", "1/", "²/3", "1/1e3", "1.0/2"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    """Also one that would take nothing, or everything."""
    with pytest.raises(ValueError, match=r"I/N|not one of|none"):
        parse_shard(text)


def test_a_shard_is_written_as_it_is_told() -> None:
    """`3/8`, both ways."""
    assert str(parse_shard(" 3/8 ")) == "3/8"


def slurm(task: int, least: int, most: int, count: int, step: str = "") -> dict[str, str]:
    more = {"SLURM_ARRAY_TASK_STEP": step} if step else {}
    numbers = {"ID": task, "MIN": least, "MAX": most, "COUNT": count}
    return {f"SLURM_ARRAY_TASK_{name}": str(number) for name, number in numbers.items()} | more


@pytest.mark.parametrize(
    ("environ", "shard"),
    [
        ({"VIDUP_SHARD_INDEX": "3", "VIDUP_SHARD_TOTAL": "8"}, "3/8"),
        ({"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "4"}, "1/4"),
        ({"VIDUP_SHARD_INDEX": "2", "VIDUP_SHARD_TOTAL": "2", "CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "4"}, "2/2"),
        (slurm(0, 0, 9, 10), "1/10"), (slurm(10, 1, 10, 10), "10/10"), (slurm(4, 0, 8, 5, "2"), "3/5"),
        ({"JOB_COMPLETION_INDEX": "0", "VIDUP_SHARD_TOTAL": "8"}, "1/8"), ({"JOB_COMPLETION_INDEX": "7", "VIDUP_SHARD_TOTAL": "8"}, "8/8"),
        ({"CI_NODE_TOTAL": "1", **slurm(2, 1, 3, 3)}, "2/3"), ({"VIDUP_SHARD_INDEX": "", "CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "2"}, "2/2"),
    ],
)  # fmt: skip
def test_the_engine_around_says_which_shard(environ: dict[str, str], shard: str) -> None:
    """Each counts in its own way: GitLab from 1, Kubernetes from 0, Slurm as the array was asked for. An empty variable is none."""
    assert str(auto_shard(environ)) == shard


@pytest.mark.parametrize(
    "environ",
    [
        {}, {"CI_NODE_TOTAL": "4"}, {"VIDUP_SHARD_TOTAL": "8"}, {"VIDUP_SHARD_INDEX": "3"}, {"VIDUP_SHARD_INDEX": "0", "VIDUP_SHARD_TOTAL": "8"},
        {"CI_NODE_INDEX": "0", "CI_NODE_TOTAL": "4"}, {"CI_NODE_INDEX": "5", "CI_NODE_TOTAL": "4"}, {"CI_NODE_INDEX": "2"},
        {"CI_NODE_INDEX": "one", "CI_NODE_TOTAL": "4"}, {"JOB_COMPLETION_INDEX": "0"}, {"JOB_COMPLETION_INDEX": "8", "VIDUP_SHARD_TOTAL": "8"},
        {"JOB_COMPLETION_INDEX": "x", "VIDUP_SHARD_TOTAL": "8"}, slurm(3, 3, 3, 1), slurm(1, 1, 1, 1), slurm(0, 0, 0, 1), slurm(3, 3, 7, 2), slurm(5, 5, 7, 3), slurm(0, 0, 9, 3),
        slurm(1, 0, 8, 5, "2"), slurm(12, 0, 9, 10), slurm(1, 0, 9, 10, "0"), {"SLURM_ARRAY_TASK_ID": "1"}, {**slurm(1, 0, 9, 10), "SLURM_ARRAY_TASK_MAX": "x"},
    ],
)  # fmt: skip
def test_anything_doubtful_is_refused_and_never_means_all_files(environ: dict[str, str]) -> None:
    """A re-run of some tasks of an array looks like a smaller array; an index from 0 would leave the last files out."""
    with pytest.raises(ValueError, match="shard"):
        auto_shard(environ)

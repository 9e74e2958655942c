"""What a record says: what is written is read back, what is damaged is dropped, and older records are understood."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidup.errors import ExitCode, VidupError
from vidup.state.record import Checkpoint, Record, decode, encode, encode_checkpoint

CHECKPOINT = Checkpoint(
    upload_id="k3f9abcd", path="/films/movie.mp4", size=30, mtime_ns=1, fingerprint="1:ab", base_url="https://ws.api.video", video_id="vi1", total_parts=6,
    created=True, vouched=True, requested_id="", key_hash="12345678", options={"title": "x"}, began=1000.0, device=64769, inode=131,
)  # fmt: skip

OF_VERSION_1 = (
    '{"base_url": "https://ws.api.video", "began": 1000.0, "created": true, "fingerprint": "1:ab", "key_hash": "12345678", "kind": "checkpoint", '
    '"mtime_ns": 1, "options": {"title": "x"}, "path": "/films/movie.mp4", "requested_id": "", "size": 30, "total_parts": 6, "upload_id": "k3f9abcd", '
    '"version": 1, "video_id": "vi1", "vouched": true}'
)
"""As it was written before records knew device and inode."""


def parts(*entries: dict[str, object]) -> tuple[set[int], set[int]]:
    """Confirmed and attempted parts after these lines."""
    record = decode(encode_checkpoint(CHECKPOINT) + b"".join(map(encode, entries)), "k3f9abcd")
    assert record is not None
    return set(record.confirmed), set(record.attempted)


def test_a_checkpoint_is_read_as_it_was_written() -> None:
    """Device and inode too."""
    assert decode(encode_checkpoint(CHECKPOINT), "k3f9abcd") == Record(CHECKPOINT)


def test_a_record_that_knows_no_inode_is_still_understood() -> None:
    """Uploads that an older vidup began go on: 0 says that the inode is not known."""
    line = f"{zlib.crc32(OF_VERSION_1.encode()):08x} {OF_VERSION_1}\n".encode()
    assert decode(line, "k3f9abcd") == Record(CHECKPOINT._replace(device=0, inode=0))


def test_every_kind_of_line_is_read() -> None:
    """Parts tried, taken and refused; another path; parts vouched for; a file that changed."""
    foreign = CHECKPOINT._replace(vouched=False, created=False)
    kinds: list[dict[str, object]] = [
        {"kind": "attempt", "value": 1}, {"kind": "attempt", "value": 2}, {"kind": "attempt", "value": 3}, {"kind": "part", "value": 2},
        {"kind": "refused", "value": 3}, {"kind": "moved", "value": "/elsewhere.mp4"}, {"kind": "adopted"}, {"kind": "changed"}, {"kind": "of the future"},
    ]  # fmt: skip
    assert decode(encode_checkpoint(foreign) + b"".join(map(encode, kinds)), "k3f9abcd") == Record(
        foreign._replace(path="/elsewhere.mp4", vouched=True), frozenset({2}), frozenset({1, 2}), True
    )


def test_another_total_forgets_the_parts_of_the_old_split() -> None:
    """A part number means nothing without its total."""
    assert parts({"kind": "part", "value": 2}, {"kind": "total", "value": 3}, {"kind": "part", "value": 1}) == ({1}, {1})


def test_the_same_total_again_forgets_nothing() -> None:
    """It is the same split, so the parts that may be on the server may still be there."""
    assert parts({"kind": "part", "value": 2}, {"kind": "attempt", "value": 5}, {"kind": "total", "value": 6}) == ({2}, {2, 5})


def test_a_line_whose_checksum_is_wrong_is_dropped() -> None:
    """A flipped digit must not become another part."""
    data = encode_checkpoint(CHECKPOINT) + encode({"kind": "part", "value": 1}) + encode({"kind": "part", "value": 2})
    record = decode(data.replace(b'"value": 1}', b'"value": 9}'), "k3f9abcd")
    assert record is not None
    assert record.confirmed == {2}


def test_a_record_of_another_version_is_refused_by_name() -> None:
    """With the command that drops it."""
    with pytest.raises(VidupError, match="another version") as refused:
        decode(encode({"kind": "checkpoint", "version": 2, **CHECKPOINT._asdict()}), "k3f9abcd")
    assert (refused.value.code, refused.value.advice) == (ExitCode.FILE, "Use that version, or drop the record: vidup forget k3f9abcd")


MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "insert", "drop line", "swap lines", "double"]), st.floats(0, 1), st.binary(min_size=1, max_size=9)
    ),
    min_size=1,
    max_size=3,
)


def mutated(data: bytes, mutations: list[tuple[str, float, bytes]]) -> bytes:
    """The bytes of a record after this damage."""
    for kind, where, junk in mutations:
        at = int(where * max(0, len(data) - 1))
        lines = data.split(b"\n")
        line = int(where * (len(lines) - 1))
        match kind:
            case "flip":
                data = data[:at] + bytes(b ^ j for b, j in zip(data[at : at + len(junk)], junk, strict=False)) + data[at + len(junk) :]
            case "cut":
                data = data[:at]
            case "insert":
                data = data[:at] + junk + data[at:]
            case "drop line":
                data = b"\n".join(lines[:line] + lines[line + 1 :])
            case "swap lines":
                data = b"\n".join(reversed(lines))
            case _:
                data = data + data
    return data


@given(mutations=MUTATIONS, junk=st.binary(max_size=200))
@settings(max_examples=300)
def test_no_damage_makes_reading_a_record_fail(mutations: list[tuple[str, float, bytes]], junk: bytes) -> None:
    """Whatever happened to the file, it is read without a traceback, and a checkpoint that is read is the one that was written."""
    for content in (mutated(encode_checkpoint(CHECKPOINT), mutations), junk):
        record = decode(content, "k3f9abcd")
        assert record is None or record.checkpoint == CHECKPOINT


def test_what_was_seen_written_in_place_holds_until_the_file_is_known_again() -> None:
    """A later word on the identity of the file, given with --adopt or for a copy, takes it back."""
    touched = encode_checkpoint(CHECKPOINT) + encode({"kind": "touched"})
    known = decode(touched + encode({"kind": "file", "value": [1, 2, 3]}), "name")
    seen = decode(touched, "name")
    assert seen is not None and seen.touched
    assert known is not None and not known.touched

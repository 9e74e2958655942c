"""Titles made of a file's name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidup.source.naming import as_template, title_maker


def title(template: str, path: str = "/course/week 2/intro.part.mp4", number: int = 7) -> str:
    make = title_maker(template)
    return template if make is None else make(path, number)


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("{stem}", "intro.part"), ("{name}", "intro.part.mp4"), ("{parent}", "week 2"), ("{index}", "7"), ("{index:03}", "007"), ("{index:2d}", " 7"),
        ("Week {parent}: {index:02} {stem}", "Week week 2: 07 intro.part"), ("{{stem}}", "{stem}"), ("all the same", "all the same"), ("", ""),
        ("{{{index}}}", "{7}"),
    ],
)  # fmt: skip
def test_each_field_stands_for_what_it_says(template: str, made: str) -> None:
    """And a brace itself is written twice."""
    assert title(template) == made


@pytest.mark.parametrize(
    ("path", "stem", "parent"), [("/a/.hidden", ".hidden", "a"), ("/movie", "movie", ""), ("/a/b/...", "...", "b"), ("/a/x.", "x", "a")]
)
def test_names_without_a_suffix_keep_all_they_have(path: str, stem: str, parent: str) -> None:
    """As where no title is given."""
    assert (title("{stem}", path), title("{parent}", path)) == (stem, parent)


@pytest.mark.parametrize(
    "template",
    ["{}", "{0}", "{foo}", "{stem!r}", "{stem.upper}", "{index[0]}", "{stem:>10}", "{index:999999999}", "{index:x}", "{index:{name}}", "{", "}", "a } b", "{stem"],
)  # fmt: skip
def test_what_stands_for_nothing_is_refused(template: str) -> None:
    """Before anything is sent, and without looking into any object, or making a title of a gigabyte."""
    with pytest.raises(ValueError, match=r"brace|width"):
        title_maker(template)


def test_a_title_that_is_the_same_for_all_is_no_template() -> None:
    """So that thousands of files can share it."""
    assert title_maker("My film") is None


@given(st.text())
def test_a_title_is_spelled_so_that_it_means_itself(text: str) -> None:
    """In a command that is printed to be pasted."""
    assert title(as_template(text)) == text

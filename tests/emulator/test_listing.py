"""`GET /videos` and `GET /upload-tokens` find, sort and page as documented, and refuse what they do not know."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.emulator.calling import DOCS, Hands, Start, call
from vidup.emulator.server import Emulator

INVALID = "invalid-query-parameter"
RANGE = "This parameter is out of the allowed range of values."


@pytest.fixture
def shelf(small: Emulator, hands: Hands) -> Emulator:
    """Four videos, made an hour apart in this order: beta, Alpha, gamma ray, Gamma."""
    films: tuple[dict[str, Any], ...] = (
        {"title": "beta", "description": "From New Zealand", "tags": ["sea", "sun"], "metadata": [{"key": "Author", "value": "Jo"}]},
        {"title": "Alpha", "tags": ["sun"], "metadata": [{"key": "Author", "value": "Jo"}, {"key": "Format", "value": "Short"}]},
        {"title": "gamma ray", "description": "new moon", "tags": ["sea"], "metadata": [{"key": "Author", "value": "Joanna"}]},
        {"title": "Gamma"},
    )
    for film in films:
        call(small, "POST", "/videos", film)
        hands.passed += 3600.0
    return small


def titles(emulator: Emulator, query: str) -> list[str]:
    status, _, body = call(emulator, "GET", f"/videos?{quote(query, safe='&=+')}")
    assert status == 200, body
    return [video["title"] for video in body["data"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Gamma", "gamma ray", "Alpha", "beta"]),
        ("title=nobody-has-this", []),
        ("title=beta", ["beta"]), ("title=gamma", ["gamma ray"]), ("title=a", ["Gamma", "gamma ray", "Alpha", "beta"]), ("title=", ["Gamma", "gamma ray", "Alpha", "beta"]),
        ("title=beta&title=Alpha", ["Alpha"]),
        ("description=New+Zealand", ["beta"]), ("description=new", ["gamma ray"]),
        ("tags[]=sun", ["Alpha", "beta"]), ("tags[]=sun&tags[]=sea", ["beta"]), ("tags[0]=sun&tags[1]=sea", ["beta"]), ("tags[]=su", []),
        ("metadata[Author]=Jo", ["Alpha", "beta"]), ("metadata[Author]=Jo&metadata[Format]=Short", ["Alpha"]), ("metadata[author]=Jo", []),
        ("title=gamma&tags[]=sun", []), ("liveStreamId=li4", []),
        ("sortBy=title", ["gamma ray", "Gamma", "beta", "Alpha"]), ("sortBy=title&sortOrder=asc", ["Alpha", "beta", "Gamma", "gamma ray"]),
        ("sortOrder=asc", ["beta", "Alpha", "gamma ray", "Gamma"]), ("sortBy=publishedAt&sortOrder=asc&tags[]=sun", ["beta", "Alpha"]),
    ],
)  # fmt: skip
def test_filters_and_orders_are_those_of_the_reference(shelf: Emulator, query: str, found: list[str]) -> None:
    """A term stands in the title or description as written; all tags, all pairs; newest first unless told otherwise."""
    assert titles(shelf, query) == found


def test_what_was_changed_last_is_found_by_its_change(shelf: Emulator, hands: Hands) -> None:
    """A PATCH moves `updatedAt` alone; all three dates are ISO 8601 with their zone."""
    oldest = call(shelf, "GET", "/videos?title=beta")[2]["data"][0]["videoId"]
    assert call(shelf, "PATCH", f"/videos/{oldest}", {"description": "seen again"})[0] == 200
    assert titles(shelf, "sortBy=updatedAt") == ["beta", "Gamma", "gamma ray", "Alpha"]
    assert titles(shelf, "sortBy=createdAt") == ["Gamma", "gamma ray", "Alpha", "beta"]
    video = call(shelf, "GET", f"/videos/{oldest}")[2]
    assert [video[name] for name in ("createdAt", "publishedAt", "updatedAt")] == [
        "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00", "2026-01-01T04:00:00+00:00",
    ]  # fmt: skip


def test_of_equal_titles_the_newer_comes_first(small: Emulator) -> None:
    """The order is settled also where the key does not settle it."""
    made = [call(small, "POST", "/videos", {"title": "same"})[2]["videoId"] for _ in range(3)]
    listed = [video["videoId"] for video in call(small, "GET", "/videos?sortBy=title")[2]["data"]]
    assert listed == made[::-1]


def test_pages_hold_what_was_found_and_lead_to_each_other(shelf: Emulator) -> None:
    """Counts are of the videos found; the links carry the whole question on."""
    page = call(shelf, "GET", "/videos?metadata%5BAuthor%5D=Jo&sortOrder=asc&pageSize=1&currentPage=2")[2]
    assert [video["title"] for video in page["data"]] == ["Alpha"]
    counts = {name: value for name, value in page["pagination"].items() if name != "links"}
    assert counts == {"currentPage": 2, "pageSize": 1, "pagesTotal": 2, "itemsTotal": 2, "currentPageItems": 1}
    links = {link["rel"]: link["uri"] for link in page["pagination"]["links"]}
    assert set(links) == {"self", "first", "previous", "last"}
    assert [video["title"] for video in call(shelf, "GET", links["previous"])[2]["data"]] == ["beta"]
    beyond = call(shelf, "GET", "/videos?currentPage=9")[2]
    assert (beyond["data"], beyond["pagination"]["itemsTotal"], beyond["pagination"]["pagesTotal"]) == ([], 4, 1)


def test_pages_are_of_1_to_100_and_25_without_a_word(emulate: Start) -> None:
    """The bounds of `pageSize` are those of the parameter's description."""
    emulator = emulate()
    for _ in range(101):
        call(emulator, "POST", "/videos", {"title": "x"})
    sizes = [len(call(emulator, "GET", f"/videos{query}")[2]["data"]) for query in ("", "?pageSize=1", "?pageSize=100")]
    assert sizes == [25, 1, 100]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("sortBy=nonsense", ["sortBy"]), ("sortBy=", ["sortBy"]), ("sortOrder=up", ["sortOrder"]), ("colour=red", ["colour"]),
        ("tags=sun", ["tags"]), ("metadata=x", ["metadata"]), ("metadata[a][b]=c", ["metadata[a][b]"]), ("pageSize=many", ["pageSize"]),
        (f"currentPage={'9' * 5000}", ["currentPage"]), ("sortBy=videoId&sortOrder=x&page=2", ["page", "sortBy", "sortOrder"]),
    ],
)  # fmt: skip
def test_what_is_no_parameter_is_refused_by_name(shelf: Emulator, query: str, names: list[str]) -> None:
    """An unknown parameter or value never means: all videos."""
    status, _, body = call(shelf, "GET", f"/videos?{quote(query, safe='&=')}")
    assert (status, body["type"], body["title"]) == (400, DOCS + INVALID, "A query parameter is invalid.")
    assert [problem["name"] for problem in body["problems"]] == names
    assert body["name"] == names[0]


def test_out_of_range_is_answered_as_in_the_example(shelf: Emulator) -> None:
    """It has no page, so no `type`; each parameter tells its range, the first stands on top."""
    low, high = {"min": 1}, {"min": 1, "max": 100}
    status, _, body = call(shelf, "GET", "/videos?currentPage=0&pageSize=101")
    assert status == 400
    assert body == {
        "title": RANGE, "status": 400, "name": "currentPage", "range": low,
        "problems": [{"title": RANGE, "name": "currentPage", "range": low}, {"title": RANGE, "name": "pageSize", "range": high}],
    }  # fmt: skip
    for query in ("pageSize=0", "pageSize=-1"):
        assert call(shelf, "GET", f"/videos?{query}")[2]["range"] == high


def test_upload_tokens_are_listed_by_age_or_by_what_is_left_of_them(small: Emulator, hands: Hands) -> None:
    """`ttl` sorts by when they end, those for ever last; videos' filters are unknown here."""
    tokens = []
    for ttl in (0, 60, 600):
        tokens.append(call(small, "POST", "/upload-tokens", {"ttl": ttl})[2]["token"])
        hands.passed += 1.0
    ever, minute, ten = tokens

    def listed(query: str) -> list[str]:
        return [token["token"] for token in call(small, "GET", f"/upload-tokens{query}")[2]["data"]]

    assert [listed(query) for query in ("", "?sortBy=ttl&sortOrder=asc", "?sortBy=ttl")] == [
        [ten, minute, ever], [minute, ten, ever], [ever, ten, minute],
    ]  # fmt: skip
    assert call(small, "GET", "/upload-tokens?title=x")[2]["type"] == DOCS + INVALID
    hands.passed = 100.0
    assert listed("") == [ten, ever]


def test_a_faulty_list_can_be_scripted(small: Emulator) -> None:
    """`on=list` means `GET /videos` and nothing else."""
    small.add_fault("on=list:status=502")
    seen = [call(small, "POST", "/videos", {"title": "x"})[0], *(call(small, "GET", "/videos")[0] for _ in range(2))]
    assert seen == [201, 502, 200]


def test_a_list_may_ignore_its_filters(shelf: Emulator) -> None:
    """For clients that compare the values themselves: all videos, in pages all the same; what is no parameter is refused as ever."""
    shelf.add_fault("on=list,times=2:unfiltered")
    assert titles(shelf, "metadata[Author]=Jo&pageSize=3") == ["Gamma", "gamma ray", "Alpha"]
    assert call(shelf, "GET", "/videos?colour=red")[0] == 400
    assert titles(shelf, "metadata[Author]=Jo") == ["Alpha", "beta"]


def test_an_error_can_be_about_an_attribute(small: Emulator) -> None:
    """`about=` puts its name on top and into the problems, as the reference's examples have it."""
    small.add_fault("on=create:error=invalid-attribute,about=metadata")
    status, _, body = call(small, "POST", "/videos", {"title": "x"})
    told = 'The "metadata" attribute is not valid.'
    about = {"type": DOCS + "invalid-attribute", "title": "Invalid attributes.", "name": "metadata", "detail": told}
    assert (status, body) == (400, {**about, "status": 400, "problems": [about]})
    assert small.videos == {}

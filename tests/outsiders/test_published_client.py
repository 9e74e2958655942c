"""The published Python client of api.video uploads to the emulator, so that both were read from the same documents."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import apivideo
import pytest
from apivideo.api.upload_tokens_api import UploadTokensApi
from apivideo.api.videos_api import VideosApi
from apivideo.model.metadata import Metadata
from apivideo.model.token_creation_payload import TokenCreationPayload
from apivideo.model.video_creation_payload import VideoCreationPayload

from vidup.emulator.server import Emulator

MIB = 1024 * 1024
Make = Callable[..., Path]


@pytest.fixture
def client(emulator: Emulator) -> Iterator[apivideo.AuthenticatedApiClient]:
    """The client, logged in at the emulator, cutting files into 5 MiB."""
    made = apivideo.AuthenticatedApiClient(emulator.api_key)
    made.configuration.host = emulator.url
    made.configuration.chunk_size = 5 * MIB
    made.connect()
    yield made
    made.close()
    made.rest_client.pool_manager.clear()


def create(client: apivideo.AuthenticatedApiClient) -> str:
    return str(VideosApi(client).create(VideoCreationPayload(title="From outside")).video_id)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pieces(path: Path, size: int) -> Iterator[io.BytesIO]:
    """The file in pieces that have a name, as the sessions want them."""
    data = path.read_bytes()
    for start in range(0, len(data), size):
        piece = io.BytesIO(data[start : start + size])
        piece.name = path.name
        yield piece


@pytest.mark.parametrize("size", [1, 5 * MIB, 12 * MIB + 1], ids=["small", "exactly a chunk", "three chunks"])
def test_the_published_client_uploads_a_file(emulator: Emulator, client: apivideo.AuthenticatedApiClient, video: Make, size: int) -> None:
    """A file sent by the published client arrives byte for byte, in as many parts as its chunk size makes."""
    path, video_id = video(size), create(client)
    with path.open("rb") as file:
        answer = VideosApi(client).upload(video_id, file)
    assert answer.video_id == video_id
    assert answer.title == "From outside"
    assert emulator.sha256(video_id) == sha256(path)
    assert emulator.stored_parts(video_id) == set(range(1, -(-size // (5 * MIB)) + 1))
    assert VideosApi(client).get_status(video_id).ingest.status == "uploaded"


def test_the_published_client_uploads_a_stream_of_unknown_length(
    emulator: Emulator, client: apivideo.AuthenticatedApiClient, video: Make
) -> None:
    """A progressive session sends `part n/*` and ends with `part n/n`."""
    path, video_id = video(11 * MIB), create(client)
    session = VideosApi(client).create_upload_progressive_session(video_id)
    *first, last = pieces(path, 5 * MIB)
    for piece in first:
        session.uploadPart(piece)
    assert session.uploadLastPart(last).video_id == video_id
    assert emulator.sha256(video_id) == sha256(path)


def test_the_published_client_uploads_with_a_token(emulator: Emulator, client: apivideo.AuthenticatedApiClient, video: Make) -> None:
    """A small file sent with an upload token becomes a video titled after the file."""
    path = video(3 * MIB)
    token = UploadTokensApi(client).create_token(TokenCreationPayload(ttl=60)).token
    with path.open("rb") as file:
        answer = VideosApi(client).upload_with_upload_token(token, file)
    assert answer.title == "movie.mp4"
    assert emulator.sha256(answer.video_id) == sha256(path)


def test_the_published_client_uploads_a_stream_with_a_token(
    emulator: Emulator, client: apivideo.AuthenticatedApiClient, video: Make
) -> None:
    """A progressive session with a token goes into one video, named from the second part on."""
    path = video(11 * MIB)
    token = UploadTokensApi(client).create_token(TokenCreationPayload(ttl=0)).token
    session = VideosApi(client).create_upload_with_upload_token_progressive_session(token)
    *first, last = pieces(path, 5 * MIB)
    for piece in first:
        session.uploadPart(piece)
    answer = session.uploadLastPart(last)
    assert list(emulator.videos) == [answer.video_id]
    assert emulator.sha256(answer.video_id) == sha256(path)


def test_the_published_client_finds_its_video(client: apivideo.AuthenticatedApiClient) -> None:
    """Its spelling of every filter and order is understood; what nobody has is not found."""
    videos = VideosApi(client)
    payload = VideoCreationPayload(title="Wanted", description="New Zealand", tags=["a", "b"], metadata=[Metadata(key="vidup", value="1")])
    wanted, other = videos.create(payload).video_id, create(client)

    def found(**query: object) -> list[str]:
        return [video.video_id for video in videos.list(**query).data]

    assert found(title="Wanted", description="Zealand", tags=["a", "b"], metadata={"vidup": "1"}) == [wanted]
    assert found(metadata={"vidup": "2"}) == []
    assert found(sort_by="title", sort_order="asc", page_size=1, current_page=2) == [wanted]
    assert found() == [other, wanted]

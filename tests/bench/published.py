"""One upload with the published Python client, as its README shows it: `python published.py URL FILE CA_FILE`."""

import sys

from apivideo import AuthenticatedApiClient
from apivideo.api.videos_api import VideosApi
from apivideo.configuration import Configuration
from apivideo.model.video_creation_payload import VideoCreationPayload

url, file, authority = sys.argv[1:]
configuration = Configuration(ssl_ca_cert=authority or None)
client = AuthenticatedApiClient("bench-key", configuration=configuration)
client.configuration.host = url
client.connect()
videos = VideosApi(client)
video = videos.create(VideoCreationPayload(title="bench"))
with open(file, "rb") as source:
    videos.upload(video["video_id"], source)

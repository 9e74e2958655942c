"""EDGE: from a request as a value to the verb of the API that makes it."""

from __future__ import annotations

from vidup.api.client import Api
from vidup.api.credentials import Token
from vidup.upload.bodies import Beside, Sent
from vidup.upload.exchange import Request, Verb
from vidup.upload.throttle import Throttle, Throttled
from vidup.verdicts.judge import Reply


class Carrying:
    """Carries requests over one API; called in the threads of the workers."""

    def __init__(self, api: Api, throttle: Throttle | None = None) -> None:
        """`throttle` holds the bodies back, where there is a limit of rate."""
        self._api = api
        self._throttle = throttle
        self.connect = api.connect
        self.hang_up = api.hang_up

    def perform(self, request: Request, token: Token | None) -> Reply:
        """Make the request and return what came of it. Raises only what its body raises."""
        if request.verb is Verb.LOGIN:
            return self._api.log_in()
        if request.verb is Verb.PART:
            return self._send(request, token)
        assert token is not None, "every other request goes with a token"
        match request.verb:
            case Verb.REFRESH:
                return self._api.refresh(token)
            case Verb.CREATE:
                return self._api.create_video(token, request.payload)
            case Verb.FIND:
                return self._api.find_videos(token, request.payload)
            case Verb.VIDEO:
                return self._api.get_video(token, request.video_id)
            case Verb.STATUS:
                return self._api.get_status(token, request.video_id)
            case Verb.DELETE:
                return self._api.delete_video(token, request.video_id)
            case Verb.TOKEN_CREATE:
                return self._api.create_token(token, int(str(request.payload["ttl"])))
            case Verb.TOKENS:
                return self._api.list_tokens(token, request.payload)
            case Verb.TOKEN_DELETE:
                return self._api.delete_token(token, str(request.payload["token"]))

    def _send(self, request: Request, token: Token | None) -> Reply:
        """A part, in the name of the key or by the upload token alone, which names its video in the body."""
        assert request.body is not None
        body: Sent = request.body
        if self._api.key.delegated and request.video_id:
            body = Beside(body, "videoId", request.video_id)
        if self._throttle is not None:
            body = Throttled(body, self._throttle)
        if self._api.key.delegated:
            return self._api.send_part_by_token(request.video_id, request.content_range, body)
        assert token is not None, "a part goes with a token"
        return self._api.send_part(token, request.video_id, request.content_range, body)

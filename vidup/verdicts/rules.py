"""CORE: the documented errors of api.video and what vidup does about each, one row an error; data, no decisions.

Sources: the two error maps the mission came from (their titles stand first, also where they are misprinted), the reference pages
and the OpenAPI file (their titles stand as variants). `{smaller}` and `{larger}` in an advice are part sizes that would work.
"""

from __future__ import annotations

from typing import Final

from vidup.errors import ExitCode
from vidup.verdicts.judge import Rule, Table, Then, Verdict

_ABORT, _RETRY, _RESUME = Verdict.ABORT, Verdict.RETRY, Verdict.RESUME
_STOP = Then.STOP

_ANSWERS = "no documented error"
_AUTH = "who you are"
_GENERAL = "requests in general"
_UPLOAD = "video upload"
_RANGE = "progressive upload"
_PART = "progressive upload by part"
_BYTES = "progressive upload by bytes"

_REPORT = "This is a fault of vidup: please report it with the lines above."
_LEAVE_OUT_ID = "Upload into a video of its own, without --video-id: --restart"
_SMALLER = "Start over with smaller parts: --restart --part-size {smaller}"
_CHECK_KEY = "Copy the key again from the dashboard; production and sandbox keys differ (--sandbox)."

_PAGES: Final = (
    Rule(
        slug="uploaded-file-empty", status=400, title="The uploaded file is empty.", group=_UPLOAD,
        verdict=_ABORT, then=_STOP, does="Stops. vidup refuses an empty file before any request, so the body was lost or replaced on the way.",
        mended_outside=True,
        advice="Look for a proxy that rewrites requests, then run the same command again.",
    ),
    Rule(
        slug="uploaded-file-invalid-file", status=400, title="The uploaded file is invalid.", group=_UPLOAD, mended_outside=True,
        verdict=_ABORT, then=_STOP, does="Stops and shows the detail the server gives.",
        advice="Check that the file is a video that api.video can read.",
    ),
    Rule(
        slug="uploaded-file-multiple-files", status=400, title="There are more than one uploaded file in the request.", group=_UPLOAD,
        variants=("There is more than one uploaded file in the request.",), aliases=("multiplefilesuploaded",),
        verdict=_ABORT, then=_STOP, does="Stops: vidup sends one file in a request.", advice=_REPORT,
    ),
    Rule(
        slug="uploaded-file-no-file", status=400, title="There is no uploaded file in the request.", group=_UPLOAD,
        aliases=("filemissing",),
        verdict=_RETRY, then=Then.BACK_OFF, at_most=2, mended_outside=True, does="Sends the part again, at most twice: its body was lost on the way.",
        advice="Look for a proxy that drops request bodies, then run the same command again.",
    ),
    Rule(
        slug="uploaded-file-too-large", status=400, title="The uploaded file is too large.", group=_UPLOAD,
        verdict=_ABORT, then=_STOP, does="Stops: one request may carry 200 MiB at most.", advice=_SMALLER,
    ),
    Rule(
        slug="video-source-already-copied", status=400, group=_UPLOAD,
        title="This video source has already been copied from an existing video when the video was created.",
        verdict=_ABORT, then=_STOP, does="Stops: this container already has its video.", advice=_LEAVE_OUT_ID,
    ),
    Rule(
        slug="video-source-already-downloaded", status=400, group=_UPLOAD,
        title="This video source has already been downloaded when the video was created.",
        verdict=_ABORT, then=_STOP, does="Stops: this container already has its video.", advice=_LEAVE_OUT_ID,
    ),
    Rule(
        slug="video-source-already-uploaded", status=400, title="This video source has already been uploaded.", group=_UPLOAD,
        variants=("The source of the video is already uploaded.", "The video xxxx has already been uploaded."),
        aliases=("filealreadyuploaded",), holds="video",
        verdict=_RESUME, then=Then.ASK_FOR_UPLOAD,
        does="Asks the status: our own container and complete with our size is success; incomplete goes on by parts; anything else stops.",
        advice=_LEAVE_OUT_ID,
    ),
    Rule(
        slug="video-content-range-started-with-part", status=400, group=_RANGE,
        title='This "Content-Range" upload has been started with "part", you cannot continue it with "bytes".',
        verdict=_ABORT, then=_STOP, does="Stops.", advice=_REPORT, unreachable="vidup sends no byte ranges",
    ),
    Rule(
        slug="video-content-range-started-with-bytes", status=400, group=_RANGE,
        title='This "Content-Range" upload has been started with "bytes", you cannot continue it with "part".',
        verdict=_ABORT, then=_STOP, does="Stops: another client began this video by bytes.", advice=_LEAVE_OUT_ID,
    ),
    Rule(
        slug="video-content-range-malformed", status=400, group=_RANGE,
        title='The value of the "Content-Range" header is malformed, the expected format is '
        '"bytes <from_byte>-<to_byte>/<total_bytes>" or "part <part>/<total_parts>".',
        verdict=_ABORT, then=_STOP, does="Stops.", advice=_REPORT,
    ),
    Rule(
        slug="video-content-range-already-initiated", status=400, group=_RANGE,
        title='This video source has already been initiated with a "Content-Range" upload.',
        verdict=_RESUME, then=Then.ASK_FOR_UPLOAD, does="Asks the status which parts are stored and sends the others.", advice=_LEAVE_OUT_ID,
    ),
    Rule(
        slug="video-content-range-by-part-different-total-parts", status=400, group=_PART,
        title='The "total_parts" value in the "Content-Range" header must be the same than the one you already set for this video.',
        variants=('The "total_parts" value in the "Content-Range" header must be the same as the one you already set for this video.',),
        detail='The "total_parts" you already set for this video is X.',
        verdict=_RESUME, then=Then.ASK_FOR_UPLOAD,
        does="Asks the status and takes the server's total if vidup created this video and the total can be right; else stops.", advice=_LEAVE_OUT_ID,
    ),
    Rule(
        slug="video-content-range-by-part-part-already-sent", status=400, group=_PART,
        title='The "part" value in the "Content-Range" header collides with a previous one you already sent for this video.',
        detail="The part number X has already been sent.",
        verdict=_RESUME, then=Then.ASK_FOR_PART, holds="part", mended_outside=True,
        does="Counts the part as sent when the status lists it (typically the first answer was lost), else sends it again.",
        advice="Another program may be uploading to this video: let one of them finish, then run the same command again.",
    ),
    Rule(
        slug="video-content-range-by-part-part-too-high-allowed", status=400, group=_PART,
        title='The "part" value in the "Content-Range" header is higher than the maximum number of parts allowed for a video.',
        detail="The maximum number of parts allowed for a video is X.", told_by="10000",
        verdict=_ABORT, then=_STOP, does="Stops: vidup never plans more than 10,000 parts.", advice=_REPORT,
    ),
    Rule(
        slug="video-content-range-by-part-part-too-high-total", status=400, group=_PART,
        title='The "part" value in the "Content-Range" header is higher than the maximum number of parts allowed for a video.',
        variants=('The "part" value in the "Content-Range" header is higher than the "total_parts" value you set for this video.',),
        detail="The maximum number of parts allowed for a video is X.",
        verdict=_RESUME, then=Then.ASK_FOR_UPLOAD,
        does="Asks the status and takes the server's total if vidup created this video and the total can be right; else stops.", advice=_LEAVE_OUT_ID,
    ),
    Rule(
        slug="video-content-range-by-part-part-zero", status=400, group=_PART,
        title='The "part" value in the "Content-Range" header must be greater than 0.',
        verdict=_ABORT, then=_STOP, does="Stops: vidup numbers parts from 1.", advice=_REPORT,
    ),
    Rule(
        slug="video-content-range-by-part-total-parts-too-high", status=400, group=_PART,
        title='The "total_parts" value in the "Content-Range" header is higher than the maximum number of parts allowed for a video.',
        detail="The maximum number of parts allowed is X.",
        verdict=_ABORT, then=_STOP, does="Stops: vidup never plans more than 10,000 parts.", advice=_REPORT,
    ),
    Rule(
        slug="video-content-range-by-part-total-parts-too-low", status=400, group=_PART,
        title='The "total_parts" value in the "Content-Range" header is lower than or equal to a part number you already sent for this video.',
        detail="The part number X has already been sent.",
        verdict=_RESUME, then=Then.ASK_FOR_UPLOAD,
        does="Asks the status and takes the server's total if vidup created this video and the total can be right; else stops.", advice=_LEAVE_OUT_ID,
    ),
    Rule(
        slug="video-content-range-by-part-total-parts-zero", status=400, group=_PART,
        title='The "total_parts" value in the "Content-Range" header must be greater than 0.',
        verdict=_ABORT, then=_STOP, does="Stops: vidup always sends a total.", advice=_REPORT,
    ),
    Rule(
        slug="video-content-range-by-part-uploaded-file-too-small", status=400, title="he uploaded file is too small.", group=_PART,
        variants=("The uploaded file is too small.",),
        detail="The uploaded file is too small. It must be greater than or equal to 5 MiB (5,242,880 bytes), except if it is the last part.",
        verdict=_ABORT, then=_STOP, does="Stops: a part that is not the last must have 5 MiB at least.",
        advice="Start over with larger parts: --restart --part-size {larger}",
    ),
)  # fmt: skip
"""The errors of the two documents in the mission, and their siblings on the same pages."""


def _by_bytes(name: str, title: str, *, detail: str = "", variants: tuple[str, ...] = ()) -> Rule:
    return Rule(
        slug=f"video-content-range-by-bytes-{name}", status=400, title=title, group=_BYTES, variants=variants, detail=detail,
        verdict=_ABORT, then=_STOP, does="Stops: another client began this video by bytes.", advice=_LEAVE_OUT_ID,
        unreachable="vidup sends parts, never byte ranges; met only in a video that another client began",
    )  # fmt: skip


_BY_BYTES: Final = (
    _by_bytes(
        "different-total-bytes",
        'The "total_bytes" value in the "Content-Range" header must be the same than the one you already set for this video.',
        variants=('The "total_bytes" value in the "Content-Range" header must be the same as the one you already set for this video.',),
        detail='The "total_bytes" you already set for this video is X',
    ),
    _by_bytes("from-byte-too-high", 'The "from_byte" value in the "Content-Range" header is higher than the "to_byte" value.'),
    _by_bytes(
        "range-mismatch",
        'The size of the file you sent is different than the range length you set in the "Content-Range" header.',
        detail="The size of the file you sent is X bytes but the range length you set is Y.",
    ),
    _by_bytes("range-overlap", 'The range in the "Content-Range" header overlaps with a previous one you already sent for this video.'),
    _by_bytes("range-too-large", 'The range in the "Content-Range" header is too large.'),
    _by_bytes("range-too-small", 'The range in the "Content-Range" header is too small.'),
    _by_bytes(
        "to-byte-too-high-allowed",
        'The "to_byte" value in the "Content-Range" header is higher than the maximum upper bound allowed for a video.',
        detail="The maximum upper bound allowed for a video is 52,428,799,999.",
    ),
    _by_bytes(
        "to-byte-too-high-total",
        'The "to_byte" value in the "Content-Range" header is higher than the "total_bytes" value you set for this video.',
    ),
    _by_bytes(
        "total-bytes-too-high",
        'The "total_bytes" value in the "Content-Range" header is higher than the maximum allowed limit.',
        detail="The maximum allowed limit is 52,428,800,000.",
    ),
    _by_bytes(
        "total-bytes-too-low",
        'The "total_bytes" value in the "Content-Range" header is lower than or equal to the upper bound of a range '
        "you already sent for this video.",
    ),
    _by_bytes("total-bytes-zero", 'The "total_bytes" value in the "Content-Range" header must be greater than 0.'),
)


def _key_refused(slug: str, title: str, *, status: int = 401, advice: str = _CHECK_KEY, unreachable: str = "", alias: str = "") -> Rule:
    return Rule(
        slug=slug, status=status, title=title, group=_AUTH, aliases=(alias,) if alias else (), unreachable=unreachable,
        verdict=_ABORT, then=_STOP, exit_code=ExitCode.AUTH, does="Stops and says where the key came from, never the key.", advice=advice,
    )  # fmt: skip


_NEW_TOKEN = "Get a new upload token from whoever has the key (vidup token create), then run the same command again."

_WHO: Final = (
    _key_refused("authentication-invalid-api-key", "The API key is invalid."),
    _key_refused("authentication-invalid-user-credentials", "The user credentials were incorrect.", status=400,
                 alias="authenticationinvalid_credentials"),
    Rule(
        slug="authentication-invalid-access-token", status=401, title="The access token is invalid or expired.", group=_AUTH,
        verdict=_RETRY, then=Then.RENEW_TOKEN, exit_code=ExitCode.AUTH,
        does="Renews the token once for all workers (or logs in again with the key) and sends the request again; refused twice in a row, stops, "
        "unless another request was accepted with that very token: then it waits and tries again.",
        advice=_CHECK_KEY,
    ),
    Rule(
        slug="authentication-invalid-refresh-token", status=401, title="The refresh token is invalid.", group=_AUTH,
        verdict=_RETRY, then=Then.RENEW_TOKEN, exit_code=ExitCode.AUTH, does="Logs in again with the key.", advice=_CHECK_KEY,
    ),
    _key_refused("authentication-invalid-authorization-header-value", 'The "Authorization" header value is invalid.'),
    _key_refused("authentication-missing-authorization-header", 'The "Authorization" header is missing.',
                 advice="Look for a proxy that strips the Authorization header, then run the same command again."),
    _key_refused("authentication-invalid-upload-token", "The upload token is invalid or expired.", advice=_NEW_TOKEN),
    _key_refused("authentication-missing-upload-token", "The upload token is missing.", advice=_NEW_TOKEN),
    _key_refused("authorization-suspended-account", "Suspended account", status=403,
                 advice="Ask api.video's support about the account; the upload stays resumable."),
)  # fmt: skip


def _never(slug: str, status: int, title: str, why: str, **more: tuple[str, ...]) -> Rule:
    return Rule(
        slug=slug, status=status, title=title, group=_GENERAL, unreachable=why, aliases=more.get("aliases", ()),
        variants=more.get("variants", ()), verdict=_ABORT, then=_STOP, does="Stops and shows the answer.", advice=_REPORT,
    )  # fmt: skip


_WRONG_URL = "Check --base-url: this address is not the api.video API."
_FIX_VALUE = "Correct the option named above."

_GENERAL_ROWS: Final = (
    Rule(
        slug="invalid-attribute", status=400, title="Invalid attributes.", group=_GENERAL,
        variants=("An attribute is invalid.", "This attribute must be a ISO-8601 date.", "This attribute must be an array."),
        aliases=("attributeinvalid", "an-attribute-is-invalid"),
        verdict=_ABORT, then=_STOP, does="Stops and lists every problem by name.", advice=_FIX_VALUE,
    ),
    Rule(
        slug="attribute-required", status=400, title="This attribute is required.", group=_GENERAL, aliases=("attributerequired",),
        verdict=_ABORT, then=_STOP, does="Stops and lists every problem by name.", advice=_FIX_VALUE,
    ),
    Rule(
        slug="invalid-payload", status=400, title="The payload is invalid.", group=_GENERAL, aliases=("bad-request",),
        verdict=_ABORT, then=_STOP, does="Stops and lists every problem by name.", advice=_FIX_VALUE,
    ),
    Rule(
        slug="resource-not-found", status=404, title="The requested resource could not be found.", group=_GENERAL,
        variants=("The requested resource was not found.",), aliases=("resourcenot_found",), exit_code=ExitCode.UNKNOWN,
        verdict=_ABORT, then=_STOP,
        does="Stops: the video is unknown, deleted, expired (containers live 7 days), or belongs to another project than this key.",
        advice="Check the key and the video id. Into a new video, without --video-id: --restart",
    ),
    Rule(slug="unrecognized-request-url", status=404, title="Unrecognized request URL.", group=_GENERAL,
         verdict=_ABORT, then=_STOP, does="Stops.", advice=_WRONG_URL),
    Rule(slug="method-not-allowed", status=405, title="Method is not allowed for this route.", group=_GENERAL,
         verdict=_ABORT, then=_STOP, does="Stops.", advice=_WRONG_URL),
    Rule(
        slug="too-many-requests", status=429, title="Too many requests.", group=_GENERAL, statuses=frozenset({429}),
        verdict=_RETRY, then=Then.PAUSE_ALL, exit_code=ExitCode.AGAIN,
        does="All workers wait as long as the server says (at most 600 s), then go on; not counted in --retry-for. Ends after 15 minutes "
        "in which nothing succeeds.",
        advice="Fewer, larger parts need fewer requests: see `vidup plan FILE`.",
    ),
    Rule(
        slug="server-error", status=500, title="Server error", group=_GENERAL,
        statuses=frozenset({408, 425, *range(500, 600)}), aliases=("internal-server-error",),
        verdict=_RETRY, then=Then.BACK_OFF, exit_code=ExitCode.AGAIN,
        does="Sends the same part again after a wait with backoff, until --retry-for is used up; if its whole body had gone out, only when "
        "the status does not list it. So for 408, 425 and every 5xx.",
        advice="Run the same command again later: it continues where this one stopped.",
    ),
    _never("invalid-query-parameter", 400, "A query parameter is invalid.", "vidup sends only documented query parameters",
           aliases=("request-invalid-query-parameter",)),
    _never("parameter-out-of-range", 400, "This parameter is out of the allowed range of values.", "only listings meet it"),
    _never("webhook-limit-reached", 400, "Your account has reached the webhook urls limit.", "vidup creates no webhooks"),
    _never("summary-already-exists", 409, "A summary already exists or is being created on this video.", "vidup asks for no summaries"),
    _never("uploaded-file-extension-invalid", 400, "Only [jpeg, jpg, JPG, JPEG] extensions are supported.",
           "only thumbnails, logos and watermarks meet it", aliases=("fileextension",), variants=(
               "Only [jpeg, jpg, JPG, JPEG, png, PNG] extensions are supported.",
               "Only ['jpg', 'JPG', 'jpeg', 'JPEG', 'png', 'PNG'] extensions are supported.")),
)  # fmt: skip

_LISTED: Final = frozenset({401, 404, 405, 407, 408, 413, 425, 429})

_OURS: Final = (
    Rule(slug="accepted", status=None, title="a 2xx answer with the promised body", group=_ANSWERS,
         verdict=Verdict.ACCEPT, then=Then.GO_ON, does="Counts the part as sent.", advice="Nothing to do."),
    Rule(slug="answer-broken", status=None, title="a 2xx answer whose body is not what was promised", group=_ANSWERS,
         verdict=_RESUME, then=Then.ASK_FOR_PART, exit_code=ExitCode.AGAIN,
         does="Asks the status: the part may be stored. If it is not, sends it again after a wait.",
         advice="If a page in between answered, such as a network's log-in page, get past it. Then run the same command again: it continues "
         "where this one stopped."),
    Rule(slug="no-answer", status=None, title="no answer: refused, reset, timed out, DNS, broken pipe, TLS closed early", group=_ANSWERS,
         verdict=_RETRY, then=Then.BACK_OFF, exit_code=ExitCode.AGAIN,
         does="Sends the same part again after a wait with backoff, until --retry-for is used up.",
         advice="When the network is back, run the same command again: it continues where this one stopped."),
    Rule(slug="answer-lost", status=None, title="no answer, though the whole body had gone out", group=_ANSWERS,
         verdict=_RESUME, then=Then.ASK_FOR_PART, exit_code=ExitCode.AGAIN,
         does="Asks the status before sending the part again: it may be stored.",
         advice="When the network is back, run the same command again: it continues where this one stopped."),
    Rule(slug="refused-without-words", status=None, title="a 4xx without an error object: empty, HTML, or cut off", group=_ANSWERS,
         verdict=_RESUME, then=Then.ASK_FOR_PART, mended_outside=True,
         does="Asks the status: a stored part may have been refused in words that got lost. Listed counts as sent; else stops.",
         advice="Look for a proxy or gateway that replaces answers, then run the same command again."),
    Rule(slug="certificate-not-trusted", status=None, title="the server's certificate is not trusted", group=_ANSWERS,
         verdict=_ABORT, then=_STOP, exit_code=ExitCode.TRUST, does="Stops; vidup has no option to turn the check off.",
         advice="Often a company proxy: point SSL_CERT_FILE or REQUESTS_CA_BUNDLE at your company's CA file."),
    Rule(slug="certificate-out-of-date", status=None, title="the server's certificate has expired, or is not valid yet", group=_ANSWERS,
         verdict=_ABORT, then=_STOP, exit_code=ExitCode.TRUST, does="Stops; vidup has no option to turn the check off.",
         advice="Check this machine's clock; if it is right, whoever runs that host must renew its certificate."),
    Rule(slug="certificate-for-another-name", status=None, title="the server's certificate is for another name", group=_ANSWERS,
         verdict=_ABORT, then=_STOP, exit_code=ExitCode.TRUST, does="Stops; vidup has no option to turn the check off.",
         advice="Check the host's name, in --base-url or the proxy variable; if it is right, whoever runs that host must correct its certificate."),
    Rule(slug="proxy-wants-password", status=407, title="the proxy asks for a password", group=_ANSWERS, statuses=frozenset({407}),
         verdict=_ABORT, then=_STOP, exit_code=ExitCode.TRUST, does="Stops.",
         advice="Put the right user and password, as http://USER:PASSWORD@HOST:PORT, into HTTPS_PROXY, or HTTP_PROXY for plain http."),
    Rule(slug="proxy-refuses", status=None, title="the proxy lets nobody through to this server", group=_ANSWERS,
         verdict=_ABORT, then=_STOP, exit_code=ExitCode.TRUST, does="Stops: the proxy answered CONNECT with 403, and would do so again.",
         advice="Have whoever runs the proxy allow this server, or pass the proxy by with NO_PROXY; then run the same command again."),
    Rule(slug="page-wants-password", status=401, title="a 401 that is not the API's: a page that asks for a password", group=_ANSWERS,
         mended_outside=True, verdict=_ABORT, then=_STOP,
         does="Stops: a gateway or proxy in between asks for a password of its own, so that nothing is said of the key.",
         advice="Check --base-url and what stands in between; the key is not at fault. Then run the same command again."),
    Rule(slug="proxy-unusable", status=None, title="the proxy settings cannot be used", group=_ANSWERS,
         verdict=_ABORT, then=_STOP, exit_code=ExitCode.TRUST, does="Stops: no request could be made.",
         advice="Correct or unset the proxy variable: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY; vidup speaks to http:// and https:// proxies."),
    Rule(slug="redirect", status=302, mended_outside=True, title="a redirect", group=_ANSWERS, statuses=frozenset(range(300, 400)),
         verdict=_ABORT, then=_STOP, does="Stops and shows where it points; vidup never follows one with a key in its hands.",
         advice="Check --base-url and the proxy settings."),
    Rule(slug="request-too-large", status=413, title="413 from whatever stands between vidup and api.video", group=_ANSWERS,
         statuses=frozenset({413}), verdict=_ABORT, then=_STOP, does="Stops: something on the way refuses requests of this size.",
         advice=_SMALLER),
    Rule(slug="undocumented-401", status=401, title="a 401 nobody documented", group=_ANSWERS, statuses=frozenset({401}),
         verdict=_RETRY, then=Then.RENEW_TOKEN, exit_code=ExitCode.AUTH,
         does="Renews the token once and sends the request again; refused twice in a row, stops, unless the token works elsewhere.",
         advice=_CHECK_KEY),
    Rule(slug="wrong-address", status=404, title="a 404 or 405 nobody documented", group=_ANSWERS, statuses=frozenset({404, 405}),
         verdict=_ABORT, then=_STOP, does="Stops.", advice=_WRONG_URL),
    Rule(slug="undocumented", status=400, title="any other answer nobody documented", group=_ANSWERS,
         mended_outside=True, statuses=frozenset(range(100, 1000)) - _LISTED - frozenset(range(200, 400)) - frozenset(range(500, 600)),
         verdict=_ABORT, then=_STOP, does="Stops and shows status, title and detail as received.",
         advice="If a proxy or gateway in between answers so, have it let this through, then run the same command again. Else report it."),
)  # fmt: skip
"""Answers that no page documents: what is left of them is judged by status, or by how no answer came."""

TABLE: Final = Table((*_WHO, *_GENERAL_ROWS, *_PAGES, *_BY_BYTES, *_OURS))
"""The whole table. The emulator answers from its rows, `vidup explain` prints it, the conductor asks `TABLE.judge`."""

DOCUMENTED: Final = (*_WHO, *_GENERAL_ROWS, *_PAGES, *_BY_BYTES)
"""The 54 rows that api.video documents."""

"""CORE: what vidup says of its own, as rows that `vidup explain` finds; no answer of a server is judged by them."""

from __future__ import annotations

from typing import Final

from vidup.errors import ExitCode
from vidup.verdicts.judge import Rule, Then, Verdict

_GROUP: Final = "what vidup itself says"


def _own(slug: str, code: ExitCode, phrases: tuple[str, ...], does: str, advice: str) -> Rule:
    """A row of our own; `phrases` are what its messages hold, with … for what differs."""
    verdict = Verdict.RETRY if code.resumable else Verdict.ABORT
    return Rule(
        slug=slug, status=None, title=phrases[0], variants=phrases[1:], verdict=verdict, then=Then.STOP,
        does=f"{does} Exit code {int(code)}.", advice=advice, group=_GROUP, exit_code=code,
    )  # fmt: skip


_SERVERS_WORDS: Final = "The line under it is the word of the server or of the network: look that up, as in vidup explain 'HTTP 503'."

OWN: Final = (
    _own(
        "file-not-usable", ExitCode.FILE,
        ("… does not exist", "… cannot be read", "is a folder, not a file", "is not a regular file", "is empty (0 bytes)", "is too large:",
         "vidup sends local files", "looked for in"),
        "Stops before any request: this is no file that can be sent.", "Check the path, and the folder that it was looked for in.",
    ),
    _own(
        "file-changed", ExitCode.FILE,
        ("changed while it was being sent", "changed since the interrupted upload", "ended early at byte",
         "its parts no longer fit together", "has changed since its upload"),
        "Stops before the parts could be put together: they are of two versions of the file.",
        "When nothing writes to the file any more, begin anew: vidup upload --restart FILE",
    ),
    _own(
        "state-folder-not-usable", ExitCode.FILE,
        ("The state folder", "Files cannot be locked in the state folder", "There is no folder for", "was written by",
         "is damaged: it does not tell its video", "The output cannot be written", "The demo cannot write to",
         "The emulator cannot keep videos in", "… cannot be written"),
        "Stops: without a record no upload could be resumed. Where the disk is full, the same command goes on later (75).",
        "Free or repair the folder, or name another one with --state-dir.",
    ),
    _own(
        "no-usable-key", ExitCode.AUTH,
        ("No API key was given", "The API key from", "The API key file", "The key kept in", "Others can read the key kept in",
         "The key file", "The upload token from", "The upload token file"),
        "Stops before any request.", "Run vidup login, or set VIDUP_API_KEY.",
    ),
    _own(
        "upload-not-known", ExitCode.UNKNOWN,
        ("No interrupted upload is called", "No documented error matches this text",
         "There is no interrupted upload", "There are … interrupted uploads",
         "is not known any more", "No upload token begins with"),
        "Stops: this machine has no record of such an upload in its state folder.", "See what there is: vidup list",
    ),
    _own(
        "not-this-upload", ExitCode.REJECTED,
        ("The parts on the server cannot be parts of this file", "Another program is uploading into this video", "already has its content",
         "was begun by bytes, by another client", "and nothing tells whose they are", "was begun with another file than",
         "This video is complete, but not by this upload", "The server holds … bytes, but the file has", "was not created by vidup",
         "is complete on the server, so vidup does not delete it", "The server put a part into a video of its own"),
        "Stops rather than mix the parts of two files in one video.", "Upload into a video of its own: vidup upload --restart FILE",
    ),
    _own(
        "upload-busy", ExitCode.BUSY,
        ("Another vidup is uploading this file now", "another vidup is at it now"),
        "Stops at once: two would spoil one upload.", "Let the other one finish, or stop it; then run the same command again.",
    ),
    _own(
        "gave-up", ExitCode.AGAIN,
        ("Gave up after", "The answer to part 1 was lost … times", "Part … was cut off … times on its way",
         "The server cannot be asked now", "The server took every part, but refuses to tell the status",
         "The server confirmed every part, but its status does not list them all", "the server has not put the video together yet"),
        "Stops for now, when --retry-for is used up; everything sent so far is safe.",
        "Run the same command again later: it continues where this one stopped.",
    ),
    _own(
        "interrupted", ExitCode.SIGINT,
        ("Interrupted:", "is not uploaded yet", "Stopping: parts already sent"),
        "Ends by the signal; everything sent so far is safe.", "Run the same command again, or vidup resume.",
    ),
    _own(
        "request-refused", ExitCode.REJECTED,
        ("Logging in failed", "Part … was refused", "Part … is refused, and the status does not list it", "Could not upload",
         "The server refuses parts, and its status does not say why", "The video could not be created", "The status of … could not be read",
         "Renewing the access token failed", "videos could not be listed", "The video … cannot be used", "could not be deleted",
         "which this upload was going into, is gone", "The upload token could not be created", "The upload tokens could not be listed",
         "The upload token could not be deleted", "This token cannot go on with the video",
         "The server says that it has the whole video, but its status does not show it"),
        "Stops, with the exit code of the answer that it got.", _SERVERS_WORDS,
    ),
    _own(
        "trust-not-usable", ExitCode.TRUST, ("The CA bundle",), "Stops before any request: the file of certificates cannot be read.",
        "Correct or unset the variable that is named: REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or SSL_CERT_FILE.",
    ),
    _own(
        "wrong-usage", ExitCode.USAGE,
        ("No such option", "No such command", "Invalid value", "Missing argument", "Missing parameter", "unexpected extra argument",
         "requires an argument", "The config file", "The emulator cannot start on",
         "The name of the file is empty", "exclude each other", "leave out one of them", "upload tokens begin like that"),
        "Stops before anything is sent.", "See vidup COMMAND -h; a flag beats the environment, the environment the config file.",
    ),
    _own(
        "fault-of-vidup", ExitCode.INTERNAL, ("vidup itself failed", "The demo failed"),
        "Stops, and leaves the traceback in a file that it names; it holds no key.", "Please report it with that file.",
    ),
)  # fmt: skip

NETWORK: Final = {
    "no-answer": (
        "refused the connection", "reset the connection", "could not be resolved", "did not answer in time", "took no data for",
        "closed the connection without an answer", "the TLS connection to", "cannot be the name of a server", "no way to",
        "the connection to", "Connection refused", "Connection reset", "Name or service not known", "Temporary failure in name resolution",
        "timed out", "Broken pipe",
    ),
    "certificate-not-trusted": (
        "unable to get local issuer certificate", "self-signed certificate", "self signed certificate", "certificate has expired",
        "certificate verify failed", "unable to get issuer certificate", "Hostname mismatch", "certificate is not trusted",
        "certificate is not valid",
    ),
    "too-many-requests": ("waiting … rate limit", "the rate limit let nothing through"),
}  # fmt: skip
"""How the network, the system and OpenSSL word what a row of the table stands for."""

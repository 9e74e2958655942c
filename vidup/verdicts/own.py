"""CORE: what vidup says of its own, as rows that `vidup explain` finds; no answer of a server is judged by them."""

from __future__ import annotations

from typing import Final

from vidup.errors import ExitCode
from vidup.verdicts.judge import Rule, Then, Verdict

_GROUP: Final = "what vidup itself says"
_NOTES: Final = "what vidup tells while it goes on"


def _own(slug: str, code: ExitCode, phrases: tuple[str, ...], does: str, advice: str) -> Rule:
    """A row of our own; `phrases` are what its messages hold, with … for what differs."""
    verdict = Verdict.RETRY if code.resumable else Verdict.ABORT
    return Rule(
        slug=slug, status=None, title=phrases[0], variants=phrases[1:], verdict=verdict, then=Then.STOP,
        does=f"{does} Exit code {int(code)}.", advice=advice, group=_GROUP, exit_code=code,
    )  # fmt: skip


def _note(slug: str, verdict: Verdict, phrases: tuple[str, ...], does: str, advice: str) -> Rule:
    """A row of what vidup tells while it goes on; `phrases` as in `_own`."""
    return Rule(
        slug=slug, status=None, title=phrases[0], variants=phrases[1:], verdict=verdict, then=Then.GO_ON, does=does, advice=advice,
        group=_NOTES, exit_code=ExitCode.OK,
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
        "cannot-be-a-video", ExitCode.FILE,
        ("is still being written, or cut:", "is a …, not a video", "is a damaged …: at byte … there is no box",
         "holds nothing but zeros", "holds what macOS keeps beside a file", "which only names the video",
         "which names videos and holds none", "is a web page"),
        "Stops before any request: no player could show it.", "Name a whole video file; to send it all the same: --any-file",
    ),
    _own(
        "producer-failed", ExitCode.FILE,
        ("The command … failed, so that its video is not complete", "The command … cannot be started"),
        "Keeps the last part back, so that no half video is shown as a whole one.",
        "See what the command said, then run the same command again: parts that are the same are not sent twice.",
    ),
    _own(
        "stream-differs", ExitCode.FILE,
        ("What comes now differs from what was sent before from part … on",),
        "Stops before the parts of two streams could be mixed; the record stays.",
        "Send the very same bytes again, or begin anew with --restart: a live recording never comes twice.",
    ),
    _own(
        "stream-not-usable", ExitCode.FILE,
        ("is empty: not one byte came", "ended after …, and --min-size is", "is longer than", "cannot be read from the spool",
         "the last part was kept back"),
        "Keeps the last part back, so that the video is not complete; of an empty stream no video is made.",
        "See why the producer stopped, then run the same command again.",
    ),
    _own(
        "file-changed", ExitCode.FILE,
        ("changed while it was being sent",
         "was rewritten while it was uploaded", "changed since the interrupted upload", "ended early at byte",
         "its parts no longer fit together", "it was written to", "it became shorter while it was read", "its size went from … to …",
         "its size was … bytes and is now …", "its size is the same, its content is not", "was begun with another file than",
         "its record of size and content does not match"),
        "Stops before the parts could be put together: they are of two versions of the file, or of another file.",
        "When nothing writes to the file any more, begin anew: vidup upload --restart FILE",
    ),
    _own(
        "state-folder-not-usable", ExitCode.FILE,
        ("The spool in the state folder … cannot be written",
         "The state folder", "The state folder … cannot be written", "The state folder … cannot be read",
         "Files cannot be locked in the state folder", "There is no folder for", "the home of this user is not known"),
        "Stops: without a record no upload could be resumed. Where the disk is full, the same command goes on later (75).",
        "Free or repair the folder, or name another one with --state-dir.",
    ),
    _own(
        "manifest-not-usable", ExitCode.FILE,
        ("The manifest … cannot be written",),
        "Stops, for who asks for a manifest relies on it; what is on the server stays there. A full disk is 75.",
        "Free or repair the place, or name another file with --manifest.",
    ),
    _own(
        "record-not-usable", ExitCode.FILE,
        ("The record … cannot be read", "The record of the upload … was written by another version of vidup",
         "The record … is damaged: it does not tell its video", "the record of an earlier upload of this file is damaged"),
        "Stops rather than begin anew what may be half sent; only a record that is damaged is passed over, with a note.",
        "Repair it, or drop it: vidup forget UPLOAD_ID",
    ),
    _own(
        "output-not-writable", ExitCode.FILE,
        ("The output cannot be written", "… cannot be written", "The key file … cannot be written", "The demo cannot write to",
         "The emulator cannot keep videos in"),
        "Stops: the disk or the file that it was to write to does not take it.", "Free some space there, or write elsewhere.",
    ),
    _own(
        "no-usable-key", ExitCode.AUTH,
        ("No API key was given", "The API key from", "The API key file", "The API key file … cannot be read", "The key kept in",
         "The key kept in … cannot be read", "Others can read the key kept in", "is not a key: a key is one word", "its mode is …",
         "The key came from", "The upload token from", "The upload token file", "The upload token file … cannot be read",
         "The … file … cannot be read",
         "is not a token: a token is one word", "The upload token came from"),
        "Stops before any request.", "Run vidup login, or set VIDUP_API_KEY.",
    ),
    _own(
        "upload-not-known", ExitCode.UNKNOWN,
        ("No interrupted upload is called", "No documented error matches this text",
         "There is no interrupted upload", "There are … interrupted uploads",
         "is not known any more", "it was completed or forgotten a moment ago", "No upload token begins with",
         "it has expired, was deleted, or is of another project or server"),
        "Stops: this machine has no record of such an upload in its state folder.", "See what there is: vidup list",
    ),
    _own(
        "not-this-upload", ExitCode.REJECTED,
        ("The parts on the server cannot be parts of this file", "Another program is uploading into this video", "already has its content",
         "was begun by bytes, by another client", "and nothing tells whose they are",
         "This video is complete, but not by this upload", "The server holds … bytes, but the file has", "was not created by vidup",
         "is complete on the server, so vidup does not delete it",
         "it has no record of the file", "the server counts … parts and holds …", "the video on the server is not this file",
         "the server never took all of its parts from vidup", "The server put a part into a video of its own",
         "it does not go by the videoId that is sent with every part"),
        "Stops rather than mix the parts of two files in one video.", "Upload into a video of its own: vidup upload --restart FILE",
    ),
    _own(
        "encoding-failed", ExitCode.ENCODING, ("The video … could not be encoded", "every quality failed"),
        "The video is whole on the server, and every quality of it failed, so that it will never play.",
        "See whether the file plays on this machine, and upload one that does.",
    ),
    _own(
        "not-playable-yet", ExitCode.NOT_PLAYABLE, ("The video … does not play yet after", "Uploaded …, but: The video … does not"),
        "The video is whole on the server; --wait-timeout was too short for its encoding.", "Wait on: vidup status --wait VIDEO_ID",
    ),
    _own(
        "upload-busy", ExitCode.BUSY,
        ("Another vidup is uploading this file now", "another vidup is at it now", "it holds the lock", "process … on …, for …"),
        "Stops at once: two would spoil one upload.", "Let the other one finish, or stop it; then run the same command again.",
    ),
    _own(
        "gave-up", ExitCode.AGAIN,
        ("Gave up after", "The server lost part … of …, which it had confirmed", "the stream has gone on since",
         "The answer to part 1 was lost … times", "Part … was cut off … times on its way",
         "The server cannot be asked now", "The server took every part, but refuses to tell the status",
         "The server confirmed every part, but its status does not list them all", "the server has not put the video together yet",
         "its status is …", "Nothing ever answered at"),
        "Stops for now, when --retry-for is used up; everything sent so far is safe.",
        "Run the same command again later: it continues where this one stopped.",
    ),
    _own(
        "interrupted", ExitCode.SIGINT,
        ("Interrupted:", "is not uploaded yet", "are not uploaded yet", "no longer waiting until … plays",
         "Stopping (again to quit at once)", "Stopping, up to … for … answer", "stopping, … for … answer", "are safe on the server"),
        "Ends by the signal; everything sent so far is safe.", "Run the same command again, or vidup resume.",
    ),
    _own(
        "request-refused", ExitCode.REJECTED,
        ("Logging in failed", "Part … was refused", "Part … is refused, and the status does not list it", "Could not upload",
         "it could not be uploaded",
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
        ("is the upload of a stream, which only its producer can make again", "takes one file, by its name",
         "needs the command whose output is",
         "is for a stream: the size of a file is known", "is not for a file that still grows", "is not for a stream:",
         "A stream goes alone",
         "A stream has no name to make a title of", "and the video: name one of them by a path", "Standard input is a terminal",
         "Standard input is closed",
         "No such option", "No such command", "Invalid value", "Missing argument", "Missing parameter", "unexpected extra argument",
         "requires an argument", "The config file", "The emulator cannot start on",
         "The name of the file is empty", "exclude each other", "leave out one of them", "upload tokens begin like that",
         "is not a rate: write", "is too slow for parts of 5 MiB", "--ttl is longer than a token can live",
         "needs an API key: an upload token",
         "an upload token is never part of a command",
         "is not a manifest of vidup", "The list … is UTF-16", "The list … holds a NUL",
         "is not a JSON object", "names no file", "has a key that vidup does not know", "has a file_b64 that is not base64",
         "that is no text", "that is no list of texts", "that is neither true nor false", "has metadata that are neither",
         "has a wrong video_id", "has a video_id", "is named twice", "names one video, and there are", "would both read standard input",
         "says something only with", "is about a new video", "is not between 5 MiB and 200 MiB",
         "is not a whole number from", "is not a number of seconds from", "is not a size: write", "is not a duration: write",
         "that is more bytes than a file can have", "that is longer than ten years", "--base-url must", "--base-url is not a URL",
         "would show the API key to everybody on the way", "is reachable for other machines", "name the uploads to forget",
         "--all continues every upload", "--if-exists goes with --portable", "--wait-timeout goes with --wait",
         "is kept for --portable", "applies when a video is created", "has a wrong value for", "is not valid TOML",
         "has … twice, under two names", "it is either true or false", "it is a text or a number"),
        "Stops before anything is sent.", "See vidup COMMAND -h; a flag beats the environment, the environment the config file.",
    ),
    _own(
        "fault-of-vidup", ExitCode.INTERNAL,
        ("vidup itself failed", "The demo failed", "the traceback is in", "the traceback could not be written"),
        "Stops, and leaves the traceback in a file that it names; it holds no key.", "Please report it with that file.",
    ),
    _note(
        "line-is-down", Verdict.RETRY,
        ("no connection …, next try in …", "server in trouble …, next try in …", "no connection", "server in trouble",
         "trying again for up to …", "trying again until it answers", "nothing has answered yet at",
         "the connection is back after …", "the server is back after …"),
        "Goes on trying, all parts alike, for as long as --retry-for says; a confirmed part begins that time anew. Nothing is lost.",
        "Nothing, if it comes back. Else see the network, the proxy and --base-url: vidup check",
    ),
    _note(
        "waiting-for-the-server", Verdict.RETRY, ("connecting to …:", "waiting for …:", "awaiting answer", "stalled …",
         "nothing is being sent now"),
        "Waits, and after --timeout asks again: the server is slow to answer, or takes no data.",
        "Nothing; or see who else uses the line, and whether the server is in trouble.",
    ),
    _note(
        "goes-on-from-before", Verdict.RESUME,
        ("resuming: … of … parts", "are already on the server", "continuing the upload of …, whose file is now here",
         "has another modification time than when its upload began", "--part-size is not applied: parts of …",
         "the video exists already: changed options are not applied", "the server counts this upload in … parts",
         "--adopt: taking the parts in … for parts of this file", "is already on the server, whole: nothing was sent",
         "it was uploaded meanwhile, by another vidup",
         "was begun elsewhere; going on with it"),
        "Continues the upload that was begun, with the split and the options that it began with.",
        "Nothing; to begin anew instead: vidup upload --restart FILE",
    ),
    _note(
        "begins-anew", Verdict.ACCEPT,
        ("starting over; the unfinished video … is abandoned", "has changed since its upload …; uploading it anew",
         "was uploaded … ago as …", "this is a second video", "two videos may have been made",
         "the answer to creating the video was lost", "stays behind empty", "stay behind empty"),
        "Uploads into a new video. What was begun before stays behind, and goes after 7 days if it is unfinished.",
        "Stop it with Ctrl-C if that is not meant, and delete in the dashboard what is not wanted.",
    ),
    _note(
        "by-token-alone", Verdict.ACCEPT,
        ("the answer to … was lost, and when it was sent again the server said that it has it", "so this is not verified",
         "the answer to part 1 was lost", "an incomplete video may be on the server", "part 1 sent again begins a new one",
         "the answer to the only part was lost", "the video may be on the server, whole; sent again, it is a second one",
         "--portable is not applied: with an upload token"),
        "Goes on. With an upload token there is no status to ask, so that only the answers tell what the server has.",
        "Whoever has the key can see it: vidup status VIDEO_ID. A video that stays incomplete is deleted by api.video after 7 days.",
    ),
    _note(
        "waiting-until-it-plays", Verdict.ACCEPT,
        ("the whole file is on the server; waiting until it plays", "ingest: …", "encoding: …", "encoding … videos: …", "being encoded"),
        "Waits, as --wait asks for, until a quality plays, every one failed, or --wait-timeout is over. The file is safe, whatever comes.",
        "Nothing; Ctrl-C ends the wait, and vidup status --wait VIDEO_ID goes on with it.",
    ),
    _note(
        "looked-for-in-the-account", Verdict.RESUME,
        ("is in the account already, as …", "… videos are of this file; only the … oldest are looked at",
         "the account's list goes on: only its newest … videos were compared with this file",
         "the account's videos could not be listed, so that none is gone on with",
         "bears the record of this file, but what it holds cannot be of it; it is left alone"),
        "With --portable goes on with an unfinished video of this very file, where the account has one; else makes a new one.",
        "Nothing; where the wrong one was found or none, name it: --video-id ID",
    ),
    _note(
        "nothing-to-upload", Verdict.ACCEPT, ("there is nothing to upload",),
        "Ends with 0, as an empty shard does: no file is left of what was named, or all of it is in the manifest.",
        "Nothing; if there should be files, see the folders, --include, --exclude, --shard and --manifest.",
    ),
    _note(
        "result-not-shown", Verdict.ACCEPT,
        ("Standard output took nothing", "the video object could not be read, so its links are not shown",
         "later steps will not see the result", "after the result was out", "the display failed",
         "the record of this finished upload could not be removed", "the state folder cannot be written (…); going on"),
        "The upload itself goes on, or is whole; only what tells of it could not be written or read.",
        "See what the server has: vidup status VIDEO_ID. The same upload again prints its id and sends nothing.",
    ),
    _note(
        "file-looked-at", Verdict.ACCEPT,
        ("is open for writing in another process", "does not begin as any video that vidup knows"),
        "Uploads it: whoever writes it may be done, and the server may know more kinds of videos than vidup.",
        "To send a file while it grows: --follow. What cannot be a video is refused, unless --any-file is given.",
    ),
    _note(
        "large-video", Verdict.ACCEPT, ("api.video's reference names 30 GiB as the limit of a video",),
        "Uploads it: the reference and the error pages name two limits, and the server may refuse it in the end.",
        "Cut or compress the video if that must not happen.",
    ),
)  # fmt: skip

NETWORK: Final = {
    "no-answer": (
        "refused the connection", "reset the connection", "could not be resolved", "did not answer in time", "took no data for",
        "closed the connection without an answer", "the TLS connection to", "cannot be the name of a server", "no way to",
        "the connection to", "Connection refused", "Connection reset", "Name or service not known", "Temporary failure in name resolution",
        "timed out", "Broken pipe", "broke off in the middle of its answer",
    ),
    "certificate-not-trusted": (
        "unable to get local issuer certificate", "self-signed certificate", "self signed certificate", "certificate verify failed",
        "unable to get issuer certificate", "certificate is not trusted", "certificate is not valid", "the certificate of … is not trusted",
    ),
    "certificate-out-of-date": ("certificate has expired", "certificate is not yet valid", "cannot be accepted: certificate has expired"),
    "certificate-for-another-name": ("Hostname mismatch", "IP address mismatch", "certificate is not valid for"),
    "proxy-wants-password": (
        "answered CONNECT with 407", "answered CONNECT with 401", "Proxy Authentication Required", "Proxy Authorization Required",
    ),
    "proxy-refuses": ("answered CONNECT with 403",),
    "answer-broken": ("but not the API's answer",),
    "too-many-requests": ("waiting … rate limit", "the rate limit let nothing through"),
}  # fmt: skip
"""How the network, the system and OpenSSL word what a row of the table stands for."""

"""CORE: the end of an upload: the server's word that it has the whole. When every part is known good it can end only well, or later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vidup.api.ledger import LAG, Ledger
from vidup.errors import ExitCode, VidupError
from vidup.events import Finishing, Note, Tell
from vidup.upload.acting import Do
from vidup.upload.asking import Ask, Rest, Script
from vidup.upload.container import LEAVE_OUT, Container, not_this_split
from vidup.upload.exchange import Verb
from vidup.upload.opening import ask_ledger
from vidup.upload.outcome import NotThisFile, Refused
from vidup.upload.partbook import Part

UNDESCRIBED: Final = Note("the video object could not be read, so its links are not shown", warning=True)


def confirm(container: Container, tell: Tell, now: Callable[[], float]) -> Script[bool]:
    """Poll the status until the video is whole (True), or until parts turn out to be lost and must be sent again (False).

    Raises VidupError: AGAIN where the status says too little for too
    long, REJECTED where it holds another video than ours.
    """
    tell(Finishing())
    rest, began = 0.5, now()
    while True:
        asked_at = now()
        book, refusal = container.book, None
        try:
            ledger = container.ledger = yield from ask_ledger(container.video_id)
        except Refused as error:
            if error.code not in (ExitCode.UNKNOWN, ExitCode.REJECTED) or not book.all_good:
                raise
            ledger, refusal = Ledger(), error  # a reader that lags, or somebody in between: every part is known good
        container.refuse_foreign(ledger)
        whole = range(1, book.plan.total_parts + 1)
        if ledger.complete:
            _refuse_another(container, ledger)
            container.confirm(book.listed(whole))
            return True
        if ledger.parts and not book.plan.fits(ledger.parts, ledger.total):
            raise not_this_split(ledger)
        container.confirm(book.listed(ledger.parts))
        left = began + LAG - asked_at
        if left <= 0:
            if refusal is None and ledger.open and _sent_again(container, now()):
                return False
            raise _too_little(container, ledger, refusal)
        yield Rest(min(rest, left))
        rest = min(rest * 2, 5.0)


def describe(container: Container, tell: Tell) -> Script[None]:
    """Fetch the video object if no answer brought one; without it only the summary is shorter."""
    if container.video or not container.asks:
        return
    answer = yield Ask(Verb.VIDEO, container.video_id, plainly=True)
    if answer.do is Do.GO_ON:
        container.video = answer.reply.body or {}
    else:
        tell(UNDESCRIBED)


def _sent_again(container: Container, now: float) -> bool:
    """Whether there are parts that the server took and does not list: each is sent once more."""
    book = container.book
    lost = [number for number in book.numbers(Part.ACCEPTED, Part.HELD) if not book.trouble(number).given_up]
    container.lost(lost)
    for number in lost:
        book.trouble(number).given_up = True
        book.again(number, now)
    return bool(lost) or not book.all_good


def _refuse_another(container: Container, ledger: Ledger) -> None:
    """Raise VidupError(REJECTED) if what is complete is not this upload."""
    if not ledger.may_hold(container.plan.size):
        raise NotThisFile(
            ExitCode.REJECTED, f"The server holds {ledger.filesize} bytes, but the file has {container.plan.size}",
            cause="the video on the server is not this file", advice="Upload it again: --restart",
        )  # fmt: skip
    if ledger.parts and ledger.total not in (None, container.plan.total_parts):
        raise not_this_split(ledger)
    ours = not container.plan.missing(container.book.touched) and ledger.total in (None, container.plan.total_parts)
    if not container.vouched and not ours:
        raise NotThisFile(
            ExitCode.REJECTED, "This video is complete, but not by this upload",
            cause="the server never took all of its parts from vidup", advice=LEAVE_OUT,
        )  # fmt: skip


def _too_little(container: Container, ledger: Ledger, refusal: Refused | None) -> VidupError:
    if refusal is not None:
        return VidupError(
            ExitCode.AGAIN, "The server took every part, but refuses to tell the status", cause=refusal.cause,
            advice="Run the same command again later: nothing is sent twice.",
        )  # fmt: skip
    if ledger.open:
        return VidupError(
            ExitCode.AGAIN, "The server confirmed every part, but its status does not list them all",
            advice="Run the same command again later.",
        )  # fmt: skip
    return VidupError(
        ExitCode.AGAIN, "Every part is sent, but the server has not put the video together yet",
        cause=f'its status is "{ledger.state}"', advice="Run the same command again in a minute: nothing is sent twice.",
    )  # fmt: skip

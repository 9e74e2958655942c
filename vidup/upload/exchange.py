"""CORE: what goes out and what comes back, as values: a request of an upload or of the line itself, and the answer to it."""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple, Protocol

from vidup.api.credentials import Token
from vidup.plan.openplan import AnyPlan, Grown
from vidup.plan.parts import Part
from vidup.verdicts.judge import Reply


class Kind(Enum):
    """What a request counts as: the API limits each kind by itself (https://docs.api.video/reference/README)."""

    UPLOAD = "upload"
    WRITE = "write"
    READ = "read"


class Verb(Enum):
    """What a request asks for. The value is what a person is told that failed, with the video id where `{}` stands."""

    LOGIN = "Logging in failed"
    REFRESH = "Renewing the access token failed"
    CREATE = "The video could not be created"
    FIND = "The account's videos could not be listed"
    VIDEO = "The video {} cannot be used"
    STATUS = "The status of {} could not be read"
    PART = "Part {} was refused"
    DELETE = "The video {} could not be deleted"
    TOKEN_CREATE = "The upload token could not be created"
    TOKENS = "The upload tokens could not be listed"
    TOKEN_DELETE = "The upload token could not be deleted"


_KINDS = {Verb.PART: Kind.UPLOAD, Verb.FIND: Kind.READ, Verb.VIDEO: Kind.READ, Verb.STATUS: Kind.READ, Verb.TOKENS: Kind.READ}


class Cut(Protocol):
    """Whether bodies on their way are to be cut."""

    def is_set(self) -> bool: ...


def kind_of(verb: Verb) -> Kind:
    """Which of the API's limits a request of this sort counts against."""
    return _KINDS.get(verb, Kind.WRITE)


class Body(Protocol):
    """The sized stream of one attempt at a part. `handed`: payload bytes that the kernel took. `all_out`: it took the last of them.

    `moved_at` changes whenever bytes move, be they taken by the kernel or acknowledged by the peer. `cut`: nobody wants the rest of it.
    """

    @property
    def cut(self) -> Cut: ...

    handed: int
    all_out: bool
    moved_at: float
    content_type: str

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[memoryview]: ...

    def moved(self, taken: int) -> None: ...


class Source(Protocol):
    """What is uploaded, open: `path` is where it really is, `name` what the user called it; `size` in bytes, the rest as in `stat`.

    What has no size yet has one of 0; it grows, and `news` tells by how much.
    """

    @property
    def path(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def mtime_ns(self) -> int: ...

    @property
    def device(self) -> int: ...

    @property
    def inode(self) -> int: ...

    def fingerprint(self, stop: Callable[[], bool]) -> str: ...

    def check_unchanged(self) -> None: ...

    def body(self, part: Part, cut: Cut) -> Body: ...

    def plan(self, part_size: int | None, jobs: int, uploads_per_minute: int, most: int | None = None) -> AnyPlan:
        """The split to begin with; `part_size` in bytes or None to have one chosen, of `most` bytes at most, if that is given."""

    def has_begun(self) -> bool:
        """Whether there is a part that may be sent. Raises VidupError where there will be none."""

    def read_in(self, part_size: int) -> None:
        """Parts of this size are wanted from now on."""

    def news(self, is_done: Callable[[int], bool]) -> Grown | None:
        """What has come since the last call, of a source that grows. Raises VidupError where nothing good will come any more."""

    def stopping(self) -> None:
        """Nothing more of it is wanted. Waits for nothing."""

    def close(self) -> None: ...


class Request(NamedTuple):
    """One request. `video_id` and `part` (from 1) where the verb has them; `payload` is the JSON of a create, the query of a find.

    A part without a `video_id` makes the video that it is of. To delete a token, that stands in `payload`, which is never shown.

    `upload` numbers the upload it is made for, in the order given; -1 is the line itself. `serial` tells one request from another.
    """

    verb: Verb
    upload: int = -1
    video_id: str = ""
    part: int = 0
    content_range: str = ""
    body: Body | None = None
    payload: Mapping[str, object] = MappingProxyType({})
    serial: int = 0

    @property
    def kind(self) -> Kind:
        """Which of the API's limits it counts against."""
        return kind_of(self.verb)

    @property
    def may_have_acted(self) -> bool:
        """Whether its whole body went out, so that the server may have done what it asks for."""
        return self.body is not None and self.body.all_out


class Answer(NamedTuple):
    """What came of a request: a reply, or what its body raised; who carried it, and in how many seconds."""

    request: Request
    reply: Reply | None
    error: BaseException | None = None
    worker: int = 0
    seconds: float = 0.0


class Pool(Protocol):
    """Those who carry requests, up to `jobs` parts at a time and one other thing besides; each comes back as one answer, in any order."""

    jobs: int

    @property
    def busy(self) -> int: ...

    @property
    def beside(self) -> bool:
        """Whether one of those that are busy is the one besides, so that it keeps nobody from carrying a part."""

    def prepare(self, count: int) -> None:
        """About so many parts are to be carried soon: what can be opened ahead may be."""

    def submit(self, request: Request, token: Token | None, sparing: frozenset[int]) -> None:
        """Have a request carried by a worker that is not to be spared, with this token; `token.refresh` goes with a REFRESH."""

    def working(self) -> Mapping[int, float]:
        """Seconds since each busy worker began."""

    def drop(self, request: Request) -> None:
        """Hang up on a request whose answer nobody needs any more; it still comes back, as whatever it came to."""

    def ready(self) -> Answer | None:
        """An answer that has come already, or None."""

    def next(self, timeout: float) -> Answer | None:
        """The next answer, or None after `timeout` seconds, or earlier where a stop was asked for since the last call."""

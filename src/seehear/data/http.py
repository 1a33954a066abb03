"""A web server asked: retries, failures that pass and that do not."""

from __future__ import annotations

import email.utils
import errno
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException, HTTPResponse
from typing import IO, TypeVar
from urllib.parse import urlsplit

from seehear.errors import SeehearError
from seehear.version import __version__


class DownloadError(SeehearError):
    """A data set, or a file of it, cannot be brought."""


class NotOnServerError(DownloadError):
    """The server does not have a file."""


class BadArchiveError(DownloadError):
    """An archive is damaged, is not what was published, or wants to write elsewhere."""


Result = TypeVar("Result")


Say = Callable[[str], None]


class TransientError(Exception):
    """Something that may be better in a moment: a broken connection, a busy server.

    Attributes:
        wait_s: how long the server asks to be left alone, if it does.
    """

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(frozen=True)
class RetryPolicy:
    """How long to keep trying.

    Attributes:
        tries: in a row, without a single byte gained.
        wait_s: before the second try; twice as long before each further one.
        longest_wait_s: also where a server asks for more.
        timeout_s: a server that is silent for so long is taken for away.
    """

    tries: int = 5
    wait_s: float = 1.0
    longest_wait_s: float = 120.0
    timeout_s: float = 30.0


def retry(
    action: Callable[[], Result], what: str, patience: RetryPolicy, say: Say, gained: Callable[[], int] = lambda: 0
) -> Result:
    """Does something again and again until it comes to an end.

    Args:
        action: raises `TransientError` when it is worth trying again.
        what: the thing it is about, for sentences.
        patience: how often, how long.
        say: is told of every failure that is followed by another try.
        gained: bytes that are there; more of them than at the last failure give all the tries back.

    Raises:
        DownloadError: out of tries.
    """
    failures, there = 0, gained()
    while True:
        try:
            return action()
        except TransientError as passing:
            failures = 1 if gained() > there else failures + 1
            there = gained()
            if failures >= patience.tries:
                raise DownloadError(
                    f"{what} could not be brought in {patience.tries} tries: {passing}; check the network and give the "
                    "same command again, it goes on from here"
                ) from passing
            wait_s = passing.wait_s if passing.wait_s is not None else patience.wait_s * 2 ** (failures - 1)
            wait_s = min(wait_s, patience.longest_wait_s)
            say(f"{what}: {passing}; trying again in {wait_s:.0f} s")
            time.sleep(wait_s)


PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


NO_SUCH_RANGE = 416


UNPLUGGED = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.ENETRESET, errno.EHOSTUNREACH, errno.EHOSTDOWN})


SMALL = 64 << 20  # bytes that are read into memory at most


class UnsatisfiableRangeError(Exception):
    """The server has no bytes from there on.

    Attributes:
        total: how many it has in all, if it says so.
    """

    def __init__(self, total: int | None) -> None:
        super().__init__("the server has no bytes from there on")
        self.total = total


class _SameSafety(urllib.request.HTTPRedirectHandler):
    """Follows no redirect from https to anything that is read on the way."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> urllib.request.Request | None:
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise DownloadError(f"{req.full_url} leads to {newurl}, which is not encrypted; it is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


@cache
def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_SameSafety)


@contextmanager
def request(url: str, timeout_s: float, headers: Mapping[str, str] | None = None) -> Iterator[HTTPResponse]:
    """The answer to a GET request, body unread; whatever breaks while it is read is told apart as well.

    Raises:
        PassingError: worth another try.
        UnsatisfiableRangeError: a range was asked for that is not there.
        GoneError: the server does not have it.
        DownloadError: anything else that will be the same next time.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise DownloadError(f"{url} is not an address on the web; it is not opened")
    given = {"User-Agent": f"seehear/{__version__}", "Accept-Encoding": "identity", **(headers or {})}
    try:
        with _opener().open(urllib.request.Request(url, headers=given), timeout=timeout_s) as answer:
            yield answer
    except urllib.error.HTTPError as error:
        with error:
            raise _meaning_of(error, url) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise DownloadError(f"the certificate of {urlsplit(url).netloc} is not valid ({error.reason})") from error
        raise TransientError(f"{urlsplit(url).netloc} cannot be reached ({error.reason})") from error
    except (TimeoutError, ConnectionError, ssl.SSLError, HTTPException) as error:
        raise TransientError(f"the connection broke off ({type(error).__name__})") from error
    except OSError as error:
        if error.errno not in UNPLUGGED:  # the disk's, perhaps
            raise
        raise TransientError(f"the network is gone ({error.strerror})") from error


def _meaning_of(error: urllib.error.HTTPError, url: str) -> Exception:
    if error.code == NO_SUCH_RANGE:
        total = (error.headers.get("Content-Range") or "").rpartition("/")[2]
        return UnsatisfiableRangeError(int(total) if total.isdecimal() else None)
    if error.code in PASSING:
        return TransientError(f"the server answers {error.code}", _retry_after(error.headers.get("Retry-After")))
    if error.code in (404, 410):
        return NotOnServerError(
            f"{url} is not there ({error.code}); a newer version of seehear may know where it has gone"
        )
    return DownloadError(f"{url} is not given out ({error.code} {error.reason}); try later, or fetch it by hand")


def _retry_after(header: str | None) -> float | None:
    """Seconds that a server asks to wait, given as such or as a date."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None


def read_url(url: str, patience: RetryPolicy, say: Say) -> bytes:
    """The whole of a small file.

    Raises:
        DownloadError: it cannot be had, or is not small.
    """

    def once() -> bytes:
        with request(url, patience.timeout_s) as answer:
            announced = answer.length
            content = answer.read(SMALL + 1)
        if len(content) > SMALL:
            raise DownloadError(f"{url} is larger than {SMALL >> 20} MB, which it should not be; nothing was kept")
        if announced is not None and len(content) != announced:
            raise TransientError(f"{len(content)} of {announced} bytes came")
        return content

    return retry(once, url, patience, say)

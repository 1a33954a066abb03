"""HTTP requests with retries; temporary and permanent failures."""

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
    """A data set, or a file of it, cannot be downloaded."""


class NotOnServerError(DownloadError):
    """The server does not have a file."""


class BadArchiveError(DownloadError):
    """An archive is damaged, is not the published one, or has unsafe paths."""


Result = TypeVar("Result")


Say = Callable[[str], None]


class TransientError(Exception):
    """A temporary failure, such as a broken connection or a busy server.

    Attributes:
        wait_s: waiting time that the server requests, if it does
    """

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how long to try.

    Attributes:
        tries: maximum number of tries without progress
        wait_s: wait before the second try in seconds; doubled before each further one
        longest_wait_s: maximum wait, even if a server requests more
        timeout_s: seconds without data after which a connection counts as broken
    """

    tries: int = 5
    wait_s: float = 1.0
    longest_wait_s: float = 120.0
    timeout_s: float = 30.0


def retry(
    action: Callable[[], Result], what: str, patience: RetryPolicy, say: Say, gained: Callable[[], int] = lambda: 0
) -> Result:
    """Run an action until it succeeds or the tries are used up.

    Args:
        action: raises `TransientError` for failures to retry
        what: name of the file or address in messages
        patience: how often and how long
        say: called with a message for each failure that is retried
        gained: returns the bytes received so far; if there are more than at the last failure, counting starts again

    Raises:
        DownloadError: no more tries
    """
    failures, there = 0, gained()
    while True:
        try:
            return action()
        except TransientError as failure:
            failures = 1 if gained() > there else failures + 1
            there = gained()
            if failures >= patience.tries:
                raise DownloadError(
                    f"{what} could not be downloaded in {patience.tries} tries: {failure}; check the network and run "
                    "the same command again, which resumes here"
                ) from failure
            wait_s = failure.wait_s if failure.wait_s is not None else patience.wait_s * 2 ** (failures - 1)
            wait_s = min(wait_s, patience.longest_wait_s)
            say(f"{what}: {failure}; trying again in {wait_s:.0f} s")
            time.sleep(wait_s)


_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})


NO_SUCH_RANGE = 416


_UNREACHABLE = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.ENETRESET, errno.EHOSTUNREACH, errno.EHOSTDOWN})


_SMALL = 64 << 20  # maximum bytes that are read into memory


class UnsatisfiableRangeError(Exception):
    """The server has no bytes after the requested offset.

    Attributes:
        total: size of the file, if the server gives it
    """

    def __init__(self, total: int | None) -> None:
        super().__init__("the server has no bytes after this offset")
        self.total = total


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    """Refuses redirects from https to unencrypted addresses."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> urllib.request.Request | None:
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise DownloadError(f"{req.full_url} redirects to {newurl}, which is not encrypted; it was not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


@cache
def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_SecureRedirects)


@contextmanager
def request(url: str, timeout_s: float, headers: Mapping[str, str] | None = None) -> Iterator[HTTPResponse]:
    """Send a GET request and give the response, its body unread; errors while reading it are converted as well.

    Raises:
        TransientError: temporary failure
        UnsatisfiableRangeError: the file does not have the requested range
        NotOnServerError: the server does not have the file
        DownloadError: any other permanent failure
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise DownloadError(f"{url} is not an http(s) address; it was not opened")
    given = {"User-Agent": f"seehear/{__version__}", "Accept-Encoding": "identity", **(headers or {})}
    try:
        with _opener().open(urllib.request.Request(url, headers=given), timeout=timeout_s) as response:
            yield response
    except urllib.error.HTTPError as error:
        with error:
            raise _converted(error, url) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise DownloadError(f"the certificate of {urlsplit(url).netloc} is not valid ({error.reason})") from error
        raise TransientError(f"{urlsplit(url).netloc} cannot be reached ({error.reason})") from error
    except (TimeoutError, ConnectionError, ssl.SSLError, HTTPException) as error:
        raise TransientError(f"the connection was lost ({type(error).__name__})") from error
    except OSError as error:
        if error.errno not in _UNREACHABLE:  # perhaps of the disk
            raise
        raise TransientError(f"the network is unreachable ({error.strerror})") from error


def _converted(error: urllib.error.HTTPError, url: str) -> Exception:
    if error.code == NO_SUCH_RANGE:
        total = (error.headers.get("Content-Range") or "").rpartition("/")[2]
        return UnsatisfiableRangeError(int(total) if total.isdecimal() else None)
    if error.code in _TEMPORARY:
        return TransientError(f"the server responds with {error.code}", _retry_after(error.headers.get("Retry-After")))
    if error.code in (404, 410):
        return NotOnServerError(
            f"{url} does not exist ({error.code}); a newer version of seehear may know its new address"
        )
    return DownloadError(f"{url} is refused ({error.code} {error.reason}); try later, or download it by hand")


def _retry_after(header: str | None) -> float | None:
    """Return the requested waiting time in seconds; the header has seconds or a date."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None


def read_url(url: str, patience: RetryPolicy, say: Say) -> bytes:
    """Download a small file into memory.

    Raises:
        DownloadError: the download failed, or the file is too large
    """

    def once() -> bytes:
        with request(url, patience.timeout_s) as response:
            announced = response.length
            content = response.read(_SMALL + 1)
        if len(content) > _SMALL:
            raise DownloadError(f"{url} is unexpectedly larger than {_SMALL >> 20} MB; nothing was kept")
        if announced is not None and len(content) != announced:
            raise TransientError(f"only {len(content)} of {announced} bytes were received")
        return content

    return retry(once, url, patience, say)

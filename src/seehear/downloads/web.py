"""Asking a web server: one request, its failures told apart into those that pass and those that do not."""

from __future__ import annotations

import email.utils
import errno
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.client import HTTPException, HTTPResponse
from typing import IO
from urllib.parse import urlsplit

from seehear import __version__
from seehear.downloads.errors import DownloadError, GoneError
from seehear.downloads.patience import PassingError, Patience, Say, persistently

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
def asked(url: str, timeout_s: float, headers: Mapping[str, str] | None = None) -> Iterator[HTTPResponse]:
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
        raise PassingError(f"{urlsplit(url).netloc} cannot be reached ({error.reason})") from error
    except (TimeoutError, ConnectionError, ssl.SSLError, HTTPException) as error:
        raise PassingError(f"the connection broke off ({type(error).__name__})") from error
    except OSError as error:
        if error.errno not in UNPLUGGED:  # the disk's, perhaps
            raise
        raise PassingError(f"the network is gone ({error.strerror})") from error


def _meaning_of(error: urllib.error.HTTPError, url: str) -> Exception:
    if error.code == NO_SUCH_RANGE:
        total = (error.headers.get("Content-Range") or "").rpartition("/")[2]
        return UnsatisfiableRangeError(int(total) if total.isdecimal() else None)
    if error.code in PASSING:
        return PassingError(f"the server answers {error.code}", _retry_after(error.headers.get("Retry-After")))
    if error.code in (404, 410):
        return GoneError(f"{url} is not there ({error.code}); a newer version of seehear may know where it has gone")
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


def read_small(url: str, patience: Patience, say: Say) -> bytes:
    """The whole of a small file.

    Raises:
        DownloadError: it cannot be had, or is not small.
    """

    def once() -> bytes:
        with asked(url, patience.timeout_s) as answer:
            announced = answer.length
            content = answer.read(SMALL + 1)
        if len(content) > SMALL:
            raise DownloadError(f"{url} is larger than {SMALL >> 20} MB, which it should not be; nothing was kept")
        if announced is not None and len(content) != announced:
            raise PassingError(f"{len(content)} of {announced} bytes came")
        return content

    return persistently(once, url, patience, say)

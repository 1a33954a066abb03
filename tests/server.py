"""A web server on this machine that errs in every way that web servers err."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

BREAK = 0.4  # share of the body after which a connection breaks off


@dataclass
class Page:
    """What is at an address, and how it is given.

    Attributes:
        content: the body.
        faults: how the next answers err, one after the other; then they do not:
            "break" off in the middle, a number as status, "short" or "long" Content-Length, "wrong" byte,
            "ignore" the range, "shifted" piece, "chunked", "cut chunked", "silent" about the length.
        moved: address to redirect to.
        etag: its version; "" gives none.
        retry_after: header of answers that are a status.
    """

    content: bytes = b""
    faults: deque[str | int] = field(default_factory=deque)
    moved: str = ""
    etag: str = '"one"'
    retry_after: str = ""


class Server:
    """Pages by path, and the requests that came."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.url = ""

    def put(self, path: str, content: bytes = b"", *faults: str | int, **more: str) -> str:
        """Puts a page; gives its address."""
        self.pages[path] = Page(content, deque(faults), **more)
        return f"{self.url}{path}"

    def ranges(self, path: str) -> list[str]:
        """The ranges that were asked for."""
        return [headers.get("Range", "") for where, headers in self.asked if where == path]


def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server on this machine is reached directly."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@contextmanager
def serving() -> Iterator[Server]:
    """A server for as long as it is needed."""
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            told.asked.append((self.path, dict(self.headers)))
            self.close_connection = True
            page = told.pages.get(self.path)
            fault = page.faults.popleft() if page and page.faults else ""
            if page is None or isinstance(fault, int):
                self._status(fault if isinstance(fault, int) and page else 404, page)
            elif page.moved:
                self.send_response(302)
                self.send_header("Location", page.moved)
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._page(page, str(fault))

        def _status(self, code: int, page: Page | None) -> None:
            self.send_response(code)
            if page and page.retry_after:
                self.send_header("Retry-After", page.retry_after)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _page(self, page: Page, fault: str) -> None:
            start = self._start(page, fault)
            if start >= len(page.content) > 0:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(page.content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = page.content[start:]
            if fault == "wrong":
                body = body[:-1] + bytes([body[-1] ^ 1])
            self.send_response(206 if start else 200)
            if start:
                said = start + (fault == "shifted")
                self.send_header("Content-Range", f"bytes {said}-{len(page.content) - 1}/{len(page.content)}")
            if page.etag:
                self.send_header("ETag", page.etag)
            self._send(body, fault)

        def _start(self, page: Page, fault: str) -> int:
            """Where to begin, by Range and If-Range."""
            asked = self.headers.get("Range", "")
            condition = self.headers.get("If-Range", page.etag)
            if fault == "ignore" or not asked or condition != page.etag:
                return 0
            return int(asked.removeprefix("bytes=").removesuffix("-"))

        def _send(self, body: bytes, fault: str) -> None:
            if fault in ("chunked", "cut chunked"):
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                half = len(body) // 2
                self.wfile.write(f"{half:x}\r\n".encode() + body[:half] + b"\r\n")
                if fault == "chunked":
                    self.wfile.write(f"{len(body) - half:x}\r\n".encode() + body[half:] + b"\r\n0\r\n\r\n")
                return
            length = {"short": len(body) // 2, "long": len(body) + 100}.get(fault, len(body))
            if fault != "silent":
                self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body[: int(BREAK * len(body))] if fault == "break" else body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def md5(content: bytes) -> str:
    """The MD5 of some bytes, hexadecimal."""
    return hashlib.md5(content).hexdigest()


def sha256(content: bytes) -> str:
    """The SHA-256 of some bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()

"""One file over connections that break, from servers that lie: the right bytes, or none and a sentence."""

import errno
import io
import random
import urllib.request
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seehear.data.http import (
    DownloadError,
    NotOnServerError,
    RetryPolicy,
    TransientError,
    _SecureRedirects,
    read_url,
    request,
    retry,
)
from seehear.data.transfer import Checksum, RemoteFile, _Part, digest, transfer
from server import Server, md5, serving

CONTENT = random.Random(1).randbytes(300_000)
SUM = Checksum("md5", md5(CONTENT))


class Transfer:
    """A transfer and what it told."""

    def __init__(self, folder: Path, patience: RetryPolicy) -> None:
        self.target = folder / "s1.zip"
        self.part = folder / "s1.zip.part"
        self._patience = patience
        self.said: list[str] = []
        self.gained = 0

    def __call__(self, url: str, size: int | None = None, checksum: Checksum | None = None) -> bytes:
        transfer(RemoteFile("s1.zip", url, size, checksum), self.target, self._patience, self.said.append, self._count)
        return self.target.read_bytes()

    def _count(self, came: int) -> None:
        self.gained += came


@pytest.fixture
def bring(tmp_path: Path, hasty: RetryPolicy) -> Transfer:
    return Transfer(tmp_path, hasty)


def left(transfer: Transfer) -> list[str]:
    return sorted(path.name for path in transfer.target.parent.iterdir())


def test_a_server_without_fault(server: Server, bring: Transfer) -> None:
    assert bring(server.put("/s1", CONTENT), len(CONTENT), SUM) == CONTENT
    assert left(bring) == ["s1.zip"]
    assert (bring.gained, bring.said) == (len(CONTENT), [])


def test_it_goes_on_where_it_broke_off(server: Server, bring: Transfer) -> None:
    assert bring(server.put("/s1", CONTENT, "break", "break", "break"), len(CONTENT), SUM) == CONTENT
    starts = [int(asked.removeprefix("bytes=").removesuffix("-") or 0) for asked in server.ranges("/s1")]
    assert starts == sorted(set(starts))
    assert len(starts) == 4
    assert server.asked[1][1]["If-Range"] == '"one"'
    assert bring.gained == len(CONTENT)
    assert all("trying again" in sentence for sentence in bring.said)


def test_it_goes_on_in_another_process(server: Server, tmp_path: Path) -> None:
    url = server.put("/s1", CONTENT, "break")
    with pytest.raises(DownloadError, match="in 1 tries"):
        Transfer(tmp_path, RetryPolicy(tries=1))(url, len(CONTENT), SUM)
    came = (tmp_path / "s1.zip.part").stat().st_size
    assert came == int(0.4 * len(CONTENT))
    later = Transfer(tmp_path, RetryPolicy(tries=1))
    assert later(url, len(CONTENT), SUM) == CONTENT
    assert server.ranges("/s1")[-1] == f"bytes={came}-"
    assert later.gained == len(CONTENT) - came


def test_breaks_that_gain_something_use_up_no_tries(server: Server, tmp_path: Path) -> None:
    patience = RetryPolicy(tries=2, wait_s=0.001)
    assert Transfer(tmp_path, patience)(server.put("/s1", CONTENT, *["break"] * 9), len(CONTENT), SUM) == CONTENT


def test_another_version_is_begun_anew(server: Server, tmp_path: Path, hasty: RetryPolicy) -> None:
    old = bytes(len(CONTENT))
    with pytest.raises(DownloadError):
        Transfer(tmp_path, RetryPolicy(tries=1))(server.put("/s1", old, "break"))
    bring = Transfer(tmp_path, hasty)
    assert bring(server.put("/s1", CONTENT, etag='"two"')) == CONTENT
    assert server.asked[-1][1]["If-Range"] == '"one"'


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_versions_that_cannot_be_told_apart_are_not_pieced_together(tag: str, server: Server, bring: Transfer) -> None:
    assert bring(server.put("/s1", CONTENT, "break", etag=tag)) == CONTENT
    assert server.ranges("/s1") == ["", ""]


def test_a_published_checksum_is_guard_enough(server: Server, bring: Transfer) -> None:
    assert bring(server.put("/s1", CONTENT, "break", etag=""), len(CONTENT), SUM) == CONTENT
    assert server.ranges("/s1")[1].startswith("bytes=")


@pytest.mark.parametrize("fault", ["ignore", "shifted"])
def test_a_server_that_sends_another_piece_than_asked_for(fault: str, server: Server, bring: Transfer) -> None:
    assert bring(server.put("/s1", CONTENT, "break", fault), len(CONTENT), SUM) == CONTENT
    assert bring.gained == len(CONTENT)


@pytest.mark.parametrize("fault", ["short", "long"])
def test_lies_about_the_length(fault: str, server: Server, bring: Transfer) -> None:
    assert bring(server.put("/s1", CONTENT, fault), len(CONTENT), SUM) == CONTENT


def test_a_length_that_is_never_true(server: Server, bring: Transfer) -> None:
    """Nothing tells how long it is but the server, which promises 100 bytes more than it has."""
    with pytest.raises(DownloadError, match=r"s1\.zip .* in 5 tries"):
        bring(server.put("/s1", CONTENT, *["long"] * 20, etag=""))
    assert not bring.target.exists()


def test_a_wrong_byte_is_brought_again(server: Server, bring: Transfer) -> None:
    assert bring(server.put("/s1", CONTENT, "wrong"), len(CONTENT), SUM) == CONTENT
    assert "MD5" in bring.said[0]


def test_a_byte_that_is_always_wrong(server: Server, bring: Transfer) -> None:
    with pytest.raises(DownloadError, match="MD5"):
        bring(server.put("/s1", CONTENT, *["wrong"] * 5), len(CONTENT), SUM)
    assert left(bring) == []
    assert len(server.asked) == 2


def test_a_wrong_byte_in_what_is_left_of_an_earlier_call(server: Server, bring: Transfer) -> None:
    bring.part.write_bytes(b"\0" + CONTENT[1:100_000])
    assert bring(server.put("/s1", CONTENT), len(CONTENT), SUM) == CONTENT


def test_more_than_was_published(server: Server, bring: Transfer) -> None:
    with pytest.raises(DownloadError, match="1000 bytes"):
        bring(server.put("/s1", CONTENT), 1000)
    assert left(bring) == []


def test_what_is_left_is_longer_than_the_file(server: Server, bring: Transfer) -> None:
    bring.part.write_bytes(CONTENT + b"more")
    assert bring(server.put("/s1", CONTENT), len(CONTENT), SUM) == CONTENT


def test_all_was_there_but_the_name(server: Server, bring: Transfer) -> None:
    bring.part.write_bytes(CONTENT)
    assert bring(server.put("/s1", CONTENT), len(CONTENT), SUM) == CONTENT
    assert server.asked == []


def test_all_was_there_and_the_server_says_so(server: Server, bring: Transfer) -> None:
    bring.part.write_bytes(CONTENT)
    bring.part.with_name("s1.zip.part.tag").write_text('"one"')
    assert bring(server.put("/s1", CONTENT)) == CONTENT


def test_what_is_left_is_longer_than_what_the_server_has(server: Server, bring: Transfer) -> None:
    bring.part.write_bytes(CONTENT * 2)
    bring.part.with_name("s1.zip.part.tag").write_text('"one"')
    assert bring(server.put("/s1", CONTENT)) == CONTENT


@pytest.mark.parametrize("fault", ["chunked", "silent"])
def test_a_server_that_does_not_say_how_much_it_is(fault: str, server: Server, bring: Transfer) -> None:
    assert bring(server.put("/s1", CONTENT, fault)) == CONTENT


def test_chunks_that_break_off(server: Server, bring: Transfer) -> None:
    assert bring(server.put("/s1", CONTENT, "cut chunked")) == CONTENT
    assert server.ranges("/s1")[1] == f"bytes={len(CONTENT) // 2}-"


def test_redirects_are_followed_with_the_range(server: Server, bring: Transfer) -> None:
    there = server.put("/there", CONTENT, "break")
    assert bring(server.put("/s1", moved=there), len(CONTENT), SUM) == CONTENT
    assert server.ranges("/there") == ["", f"bytes={int(0.4 * len(CONTENT))}-"]


@pytest.mark.parametrize("code", [404, 410])
def test_not_there_is_final(code: int, server: Server, bring: Transfer) -> None:
    with pytest.raises(NotOnServerError, match=rf"/s1 .*\({code}\)"):
        bring(server.put("/s1", CONTENT, code))
    assert len(server.asked) == 1


def test_forbidden_is_final(server: Server, bring: Transfer) -> None:
    with pytest.raises(DownloadError, match=r"\(403"):
        bring(server.put("/s1", CONTENT, 403))
    assert len(server.asked) == 1


@pytest.mark.parametrize("code", [429, 500, 503])
def test_busy_servers_get_time(code: int, server: Server, bring: Transfer) -> None:
    assert bring(server.put("/s1", CONTENT, code, code), len(CONTENT), SUM) == CONTENT
    assert str(code) in bring.said[0]


def test_servers_that_stay_busy(server: Server, bring: Transfer) -> None:
    with pytest.raises(DownloadError, match=r"in 5 tries.* 500"):
        bring(server.put("/s1", CONTENT, *[500] * 9))
    assert len(server.asked) == 5


def test_a_server_is_left_alone_for_as_long_as_it_asks(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("seehear.data.http.time.sleep", waits.append)
    Transfer(tmp_path, RetryPolicy())(server.put("/s1", CONTENT, 429, 503, retry_after="7"))
    assert waits == [7, 7]
    waits.clear()
    Transfer(tmp_path, RetryPolicy())(server.put("/s1", CONTENT, 429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"))
    assert waits == [0]
    waits.clear()
    Transfer(tmp_path, RetryPolicy())(server.put("/s1", CONTENT, 429, retry_after="99999"))
    assert waits == [RetryPolicy.longest_wait_s]


def test_nobody_there(tmp_path: Path, hasty: RetryPolicy) -> None:
    with serving() as server:
        url = server.url
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:\d+"):
        Transfer(tmp_path, hasty)(f"{url}/s1")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/x", "s1.zip"])
def test_only_the_web_is_opened(url: str, bring: Transfer) -> None:
    with pytest.raises(DownloadError, match="http"):
        bring(url)


def test_no_redirect_to_files(server: Server, bring: Transfer) -> None:
    with pytest.raises(DownloadError):
        bring(server.put("/s1", moved="file:///etc/passwd"))
    assert not bring.target.exists()


FAULTS = st.lists(
    st.sampled_from(["break", "short", "long", "ignore", "shifted", "chunked", "cut chunked", "wrong", 500, 429]),
    max_size=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(faults=FAULTS, sized=st.booleans())
def test_any_faults_end_in_the_right_bytes_or_none(
    faults: list[str | int], sized: bool, server: Server, tmp_path_factory: pytest.TempPathFactory, hasty: RetryPolicy
) -> None:
    """With a checksum, whatever comes in whatever order."""
    content = CONTENT[:20_000]
    url = server.put("/s1", content, *faults)
    bring = Transfer(tmp_path_factory.mktemp("any"), hasty)
    try:
        came = bring(url, len(content) if sized else None, Checksum("md5", md5(content)))
    except DownloadError:
        assert not bring.target.exists()
        return
    assert came == content
    assert bring.gained == len(content)


def test_small_files_come_whole_or_again(server: Server, hasty: RetryPolicy) -> None:
    said: list[str] = []
    assert read_url(server.put("/a", b"x" * 1000, "break", 503), hasty, said.append) == b"x" * 1000
    assert len(said) == 2


def test_patience_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("seehear.data.http.time.sleep", waits.append)

    def fail() -> None:
        raise TransientError("no luck")

    with pytest.raises(DownloadError, match="no luck"):
        retry(fail, "it", RetryPolicy(tries=5), lambda _: None)
    assert waits == [1, 2, 4, 8]


@pytest.mark.parametrize("text", ["md5", "crc99:00", "md5:"])
def test_unknown_checksums(text: str) -> None:
    with pytest.raises(DownloadError, match="no known algorithm"):
        Checksum.parse(text)


def test_digest(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(CONTENT)
    assert digest(tmp_path / "x", "md5") == md5(CONTENT)
    assert Checksum.parse(f"md5:{md5(CONTENT).upper()}").fits(tmp_path / "x")


def test_an_unplugged_cable_passes_and_a_full_disk_does_not() -> None:
    with serving() as server:
        url = server.put("/s1", CONTENT)
        with pytest.raises(TransientError, match="network"), request(url, 5):
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        with pytest.raises(OSError, match="No space left"), request(url, 5):
            raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_keeps_what_has_come(server: Server, bring: Transfer, monkeypatch: pytest.MonkeyPatch) -> None:
    url = server.put("/s1", CONTENT, "break")
    real = _Part.begin

    def full(part: _Part, tag: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    bring.part.write_bytes(CONTENT[:1000])
    monkeypatch.setattr(_Part, "begin", full)
    with pytest.raises(OSError, match="No space left"):
        bring(server.put("/s1", CONTENT, "ignore"), len(CONTENT), SUM)
    assert bring.part.stat().st_size == 1000
    monkeypatch.setattr(_Part, "begin", real)
    assert bring(url, len(CONTENT), SUM) == CONTENT


def test_no_redirect_from_encrypted_to_plain() -> None:
    given = urllib.request.Request("https://zenodo.org/x", headers={"Range": "bytes=7-"})
    follow = _SecureRedirects().redirect_request
    with pytest.raises(DownloadError, match="not encrypted"):
        follow(given, io.BytesIO(), 302, "Found", Message(), "http://zenodo.org/x")
    further = follow(given, io.BytesIO(), 302, "Found", Message(), "https://files.zenodo.org/x")
    assert further is not None
    assert further.headers == given.headers

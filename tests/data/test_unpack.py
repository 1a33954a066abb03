"""Archives of any maker: what belongs in the folder gets there, and nothing gets elsewhere."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.data import transfer
from seehear.data.http import BadArchiveError, DownloadError
from seehear.data.transfer import extract_archive, is_archive

FILES = {"s1/bbaf2n.mpg": b"film", "s1/lrwp9s.mpg": b"another", "readme": b""}


def zipped(path: Path, files: dict[str, bytes], mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            file.writestr(member, content)
    return path


def tarred(path: Path, files: dict[str, bytes], kind: bytes = tarfile.REGTYPE, link: str = "") -> Path:
    with tarfile.open(path, "w:gz") as file:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link
            member.size = len(content) if kind == tarfile.REGTYPE else 0
            file.addfile(member, io.BytesIO(content))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(("make", "name"), [(zipped, "a.zip"), (tarred, "a.tar.gz")])
def test_files_get_to_their_places(make, name: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_text("stays")
    assert extract_archive(make(tmp_path / name, FILES), out) == 3
    assert contents(out) == {**FILES, "mine": b"stays"}
    assert extract_archive(tmp_path / name, out) == 3  # again, after a kill perhaps
    assert not list(out.glob(".*"))


@pytest.mark.parametrize("name", ["../evil", "s1/../../evil", "/evil", "..\\evil", "C:\\evil", "C:evil"])
def test_a_zip_that_wants_to_write_elsewhere(name: str, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    with pytest.raises(DownloadError, match="unsafe path"):
        extract_archive(zipped(tmp_path / "a.zip", {"good": b"1", name: b"2"}), out)
    assert contents(tmp_path / "deep") == {}
    assert not Path("/evil").exists()


@pytest.mark.parametrize("name", ["../evil", "s1/../../evil"])
def test_a_tar_that_wants_to_write_elsewhere(name: str, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    with pytest.raises(DownloadError, match="unsafe path"):
        extract_archive(tarred(tmp_path / "a.tar.gz", {"good": b"1", name: b"2"}), out)
    assert contents(tmp_path / "deep") == {}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_tar_with_links_or_devices(kind: bytes, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(DownloadError, match="link or a device"):
        extract_archive(tarred(tmp_path / "a.tar.gz", {"passwords": b""}, kind, "/etc/passwd"), out)
    assert list(out.iterdir()) == []


def test_a_zip_with_a_link(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(DownloadError, match="link or a device"):
        extract_archive(zipped(tmp_path / "a.zip", {"passwords": b"/etc/passwd"}, stat.S_IFLNK | 0o777), out)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(("make", "name"), [(zipped, "a.zip"), (tarred, "a.tar.gz")])
@settings(max_examples=30, deadline=None)
@given(where=st.floats(0, 0.999), cut=st.booleans())
def test_a_damaged_archive_gives_its_files_or_a_sentence(  # type: ignore[no-untyped-def]
    make, name: str, tmp_path_factory: pytest.TempPathFactory, where: float, cut: bool
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    archive = make(folder / name, FILES)
    data = bytearray(archive.read_bytes())
    place = int(where * len(data))
    if cut:
        del data[place:]
    else:
        data[place] ^= 0x55
    archive.write_bytes(data)
    (folder / "out").mkdir()
    try:
        extract_archive(archive, folder / "out")
    except DownloadError:
        assert contents(folder / "out") == {}
        return
    assert set(contents(folder / "out").values()) <= set(FILES.values())  # a byte of a date, or of a name


def test_what_is_not_accepted_is_never_seen(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    seen = []

    def refuse(hidden: Path) -> bool:
        seen.append((contents(hidden), [path.name for path in out.iterdir()]))
        return False

    with pytest.raises(BadArchiveError, match="SHA-256"):
        extract_archive(zipped(tmp_path / "a.zip", FILES), out, refuse)
    assert seen == [(FILES, [".unpacking"])]
    assert list(out.iterdir()) == []


def test_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    out.mkdir()
    usage = type("Usage", (), {"free": 5})
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DownloadError, match=r"a\.zip") as refusal:
        extract_archive(zipped(tmp_path / "a.zip", FILES), out)
    assert refusal.value.code == "disk-full"
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(("name", "yes"), [("s1.zip", True), ("x.TAR.GZ", True), ("a.tgz", True), ("a.pdf", False)])
def test_what_an_archive_is(name: str, yes: bool) -> None:
    assert is_archive(name) == yes

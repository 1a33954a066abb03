"""Whole data sets from a server that errs: chosen, resumed, checked, unpacked, recorded."""

import dataclasses
import io
import json
import tarfile
from pathlib import Path

import pytest

from seehear.cli import main
from seehear.data import get
from seehear.data.datasets import DATASETS, DOWNLOADABLE, Dataset, find_sources
from seehear.data.get import (
    DownloadResult,
    TermsNotAcceptedError,
    download_dataset,
    download_parts,
    find_dataset,
    find_download,
)
from seehear.data.hosts import FixedFiles, parse_record
from seehear.data.http import DownloadError, RetryPolicy
from seehear.data.transfer import Checksum, FolderChecksum
from server import Server, sha256
from stand_ins import REPOSITORY, at, put_lfs, put_record, with_host, zip_of


def tar_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def files_in(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


FIRST = {1: "bbaf1n", 2: "pbaf2n", 10: "sbaf3n"}  # speaker -> a sentence of theirs


@pytest.fixture
def grid(server: Server) -> Server:
    archives = {f"s{n}.zip": zip_of({f"s{n}/{FIRST[n]}.mpg": b"film %d" % n, f"s{n}/lrwp9s.mpg": b"x"}) for n in FIRST}
    aligns = {f"alignments/s{n}/{FIRST[n]}.align": b"25000 50000 bin\n" for n in FIRST}
    more = {"alignments.zip": zip_of(aligns), "audio_25k.zip": zip_of({"audio_25k/s1/bbaf1n.wav": b"RIFF"})}
    put_record(server, 3625687, archives | more | {"jasagrid.pdf": b"%PDF"}, "break")
    return server


def test_grid(grid: Server, tmp_path: Path, hasty: RetryPolicy) -> None:
    out = tmp_path / "grid"
    told = download_parts("grid", at("grid", grid), out, accept=True, patience=hasty)
    assert files_in(out) == sorted(
        [
            "download.json",
            *(f"alignments/s{n}/{FIRST[n]}.align" for n in FIRST),
            *(f"s{n}/{stem}.mpg" for n in FIRST for stem in (FIRST[n], "lrwp9s")),
        ]
    )
    assert told.files == 9
    assert str(told).endswith(f"Next: seehear prepare {out} -o corpus/ --dataset grid")
    ledger = json.loads((out / "download.json").read_text())
    assert ledger["licence"] == "Creative Commons Attribution 4.0 (CC BY 4.0)"
    assert set(ledger["files"]) == {"alignments.zip", "s1.zip", "s2.zip", "s10.zip"}
    assert len(ledger["files"]["s1.zip"]["md5"]) == 32
    sources = find_sources([out], "grid")
    assert {source.labels["speaker"] for source in sources} == {"s1", "s2", "s10"}
    assert sum(bool(source.spans) for source in sources) == 3


def test_parts_and_more_of_them_later(grid: Server, tmp_path: Path, hasty: RetryPolicy) -> None:
    out = tmp_path / "grid"
    data_set = at("grid", grid)
    download_parts("grid", data_set, out, parts=["S1"], accept=True, patience=hasty)
    assert [name for name in files_in(out) if name.endswith(".mpg")] == ["s1/bbaf1n.mpg", "s1/lrwp9s.mpg"]
    asked = len(grid.asked)
    again = download_parts("grid", data_set, out, parts=["s1"], patience=hasty)  # the terms were accepted
    assert (again.files, len(grid.asked) - asked) == (0, 1)
    more = download_parts("grid", data_set, out, parts=["s2", "audio_25k"], keep=True, patience=hasty)
    assert more.files == 3
    assert {"s2.zip", "audio_25k.zip", "audio_25k/s1/bbaf1n.wav", "s2/pbaf2n.mpg"} <= set(files_in(out))
    assert "s1.zip" not in files_in(out)


def test_parts_that_there_are_not(grid: Server, tmp_path: Path, hasty: RetryPolicy) -> None:
    with pytest.raises(DownloadError, match=r"'s21'.* s1, s2, s10") as unknown:
        download_parts("grid", at("grid", grid), tmp_path / "x", parts=["s21"], accept=True, patience=hasty)
    with pytest.raises(DownloadError, match="--parts") as no_parts:
        download_parts("fsdd", DATASETS["fsdd"], tmp_path / "y", parts=["george"], accept=True, patience=hasty)
    assert unknown.value.code == no_parts.value.code == "unknown-part"


def test_a_wrong_archive_leaves_the_others(server: Server, tmp_path: Path, hasty: RetryPolicy) -> None:
    put_record(server, 3625687, {"s1.zip": zip_of({"s1/a.mpg": b"1"}), "alignments.zip": zip_of({"a.align": b""})})
    server.pages["/api/records/3625687/files/alignments.zip/content"].faults.extend(["wrong", "wrong"])
    out = tmp_path / "grid"
    with pytest.raises(DownloadError, match="alignments"):
        download_parts("grid", at("grid", server), out, accept=True, patience=hasty)
    assert files_in(out) == ["download.json", "s1/a.mpg"]
    asked = len(server.asked)
    assert download_parts("grid", at("grid", server), out, patience=hasty).files == 1
    assert files_in(out) == ["a.align", "download.json", "s1/a.mpg"]
    assert len(server.asked) == asked + 2  # the record and what was missing


def test_killed_between_transfer_and_unpacking(grid: Server, tmp_path: Path, hasty: RetryPolicy) -> None:
    out = tmp_path / "grid"
    data_set = at("grid", grid)
    download_parts("grid", data_set, out, parts=["s1"], accept=True, keep=True, patience=hasty)
    ledger = json.loads((out / "download.json").read_text())
    del ledger["files"]["s1.zip"]
    (out / "download.json").write_text(json.dumps(ledger))
    (out / "s1" / "bbaf1n.mpg").unlink()
    (out / ".unpacking" / "s1.zip" / "s1").mkdir(parents=True)
    (out / ".unpacking" / "s1.zip" / "s1" / "half").write_text("half")
    asked = len(grid.asked)
    assert download_parts("grid", data_set, out, parts=["s1"], patience=hasty).files == 2
    assert len(grid.asked) == asked + 1  # the record, and no archive
    assert (out / "s1" / "bbaf1n.mpg").read_bytes() == b"film 1"
    assert not (out / ".unpacking").exists()


def test_ravdess_by_actor(server: Server, tmp_path: Path, hasty: RetryPolicy) -> None:
    archives = {
        f"Video_Speech_Actor_{n:02d}.zip": zip_of({f"Actor_{n:02d}/01-01-06-01-02-01-{n:02d}.mp4": b"film"})
        for n in (1, 2)
    }
    song = {"Video_Song_Actor_01.zip": zip_of({"Actor_01/01-02-06-01-02-01-01.mp4": b"song"})}
    sound = {"Audio_Speech_Actors_01-24.zip": zip_of({"Actor_01/03-01-06-01-02-01-01.wav": b"sound"})}
    put_record(server, 1188976, archives | song | sound)
    out = tmp_path / "ravdess"
    download_parts("ravdess", at("ravdess", server), out, parts=["2"], accept=True, patience=hasty)
    assert files_in(out) == ["Actor_02/01-01-06-01-02-01-02.mp4", "download.json"]
    download_parts("ravdess", at("ravdess", server), out, patience=hasty)
    assert len(find_sources([out], "ravdess")) == 2
    download_parts("ravdess", at("ravdess", server), out, parts=["audio_speech*"], patience=hasty)
    assert "Actor_01/03-01-06-01-02-01-01.wav" in files_in(out)


STEMS = ["1001_DFA_ANG_XX", "1001_IEO_NEU_XX", "1040_ITH_SAD_XX", "1006_TIE_NEU_XX"]


@pytest.fixture
def cremad(server: Server) -> Server:
    table = "\n".join(['"Stimulus_Number","Filename"', *(f'{n},"{stem}"' for n, stem in enumerate(STEMS, 1))])
    server.put(f"/raw/{REPOSITORY}/SentenceFilenames.csv", table.encode(), "break")
    demographics = b'"ActorID","Age","Sex","Race","Ethnicity"\n1001,51,"Male","Caucasian","Not Hispanic"\n'
    server.put(f"/raw/{REPOSITORY}/VideoDemographics.csv", demographics)
    put_lfs(server, f"VideoFlash/{STEMS[0]}.flv", b"film one", "break", 503)
    put_lfs(server, f"VideoFlash/{STEMS[1]}.flv", b"film two", "wrong")
    put_lfs(server, "VideoFlash/1040_ITH_SAD_X.flv", b"film three")
    put_lfs(server, f"AudioWAV/{STEMS[0]}.wav", b"sound")
    return server


def test_cremad(cremad: Server, tmp_path: Path, hasty: RetryPolicy) -> None:
    out = tmp_path / "cremad"
    data_set = at("cremad", cremad)
    told = download_parts("cremad", data_set, out, accept=True, patience=hasty)
    assert files_in(out) == [
        "VideoDemographics.csv",
        *(f"VideoFlash/{stem}.flv" for stem in sorted(STEMS[:3])),
        "download.json",
    ]
    assert told.missing == ("VideoFlash/1006_TIE_NEU_XX.flv",)
    assert "VideoFlash/1006_TIE_NEU_XX.flv" in str(told)
    sources = find_sources([out], "cremad")
    assert [source.labels["speaker"] for source in sources] == ["1001", "1001", "1040"]
    assert sources[0].labels["sex"] == "male"
    asked = len(cremad.asked)
    assert download_parts("cremad", data_set, out, parts=["1001"], patience=hasty).files == 0
    assert len(cremad.asked) == asked + 1  # the list
    assert download_parts("cremad", data_set, out, parts=["AudioWAV/1001_DFA*"], patience=hasty).files == 1


def test_a_pointer_that_is_none_is_not_taken_for_a_film(cremad: Server, tmp_path: Path, hasty: RetryPolicy) -> None:
    cremad.put(f"/raw/{REPOSITORY}/VideoFlash/{STEMS[0]}.flv", b"<html>over quota</html>")
    with pytest.raises(DownloadError, match="is not a Git LFS pointer"):
        download_parts("cremad", at("cremad", cremad), tmp_path / "x", accept=True, patience=hasty)
    assert not (tmp_path / "x" / "VideoFlash" / f"{STEMS[0]}.flv").exists()


def test_a_list_that_names_places_elsewhere(cremad: Server, tmp_path: Path, hasty: RetryPolicy) -> None:
    cremad.put(f"/raw/{REPOSITORY}/SentenceFilenames.csv", b'"n","f"\n1,"../../evil"\n')
    with pytest.raises(DownloadError, match=r"SentenceFilenames\.csv"):
        download_parts("cremad", at("cremad", cremad), tmp_path / "x", accept=True, patience=hasty)


def test_none_of_them_is_there_any_more(cremad: Server, tmp_path: Path, hasty: RetryPolicy) -> None:
    with pytest.raises(DownloadError, match="4 files of CREMA-D") as refusal:
        download_parts(
            *("cremad", at("cremad", cremad), tmp_path / "x"),
            parts=["AudioMP3"],
            accept=True,
            patience=hasty,
        )
    assert refusal.value.code == "gone"


def fixed(name: str, server: Server, content: bytes, **more: object) -> Dataset:
    host = find_download(DATASETS[name]).host
    assert isinstance(host, FixedFiles)
    return with_host(name, files=[dataclasses.replace(host.files[0], url=server.put("/x", content, "break"), **more)])


def test_speech_commands(server: Server, tmp_path: Path, hasty: RetryPolicy) -> None:
    files = {"./seven/00176480_nohash_0.wav": b"RIFF", "./testing_list.txt": b"seven/00176480_nohash_0.wav\n"}
    content = tar_of(files | {"./validation_list.txt": b""})
    data_set = fixed("speechcommands", server, content, size=len(content), checksum=Checksum("sha256", sha256(content)))
    told = download_parts("speechcommands", data_set, tmp_path / "sc", accept=True, patience=hasty)
    assert str(told).endswith(f"seehear evaluate words sync-small {tmp_path / 'sc'} --dataset speechcommands")
    (source,) = find_sources([tmp_path / "sc"], "speechcommands")
    assert source.labels["part"] == "test"


FSDD = {
    "free-spoken-digit-dataset-1.0.10/recordings/7_jackson_32.wav": b"RIFF seven",
    "free-spoken-digit-dataset-1.0.10/recordings/0_lucas_1.wav": b"RIFF zero",
    "free-spoken-digit-dataset-1.0.10/README.md": b"changes",
}
LISTED = "".join(f"{sha256(content)}  {Path(name).name}\n" for name, content in sorted(FSDD.items()) if "wav" in name)
LISTING = FolderChecksum(".wav", sha256(LISTED.encode()))


def test_fsdd_is_known_by_what_is_in_it(server: Server, tmp_path: Path, hasty: RetryPolicy) -> None:
    """However GitHub packs it."""
    out = tmp_path / "fsdd"
    data_set = fixed("fsdd", server, zip_of(dict(reversed(FSDD.items()))), listing=LISTING)
    assert download_parts("fsdd", data_set, out, accept=True, patience=hasty).files == 3
    assert [source.labels["word"] for source in find_sources([out], "fsdd")] == ["zero", "seven"]


@pytest.mark.parametrize("wrong", [{"a.wav": b"one more"}, {next(iter(FSDD)): b"RIFF eleven"}])
def test_other_recordings_are_not_fsdd(
    wrong: dict[str, bytes], server: Server, tmp_path: Path, hasty: RetryPolicy
) -> None:
    out = tmp_path / "fsdd"
    with pytest.raises(DownloadError, match=r"free-spoken-digit-dataset-1\.0\.10\.zip.*SHA-256"):
        download_parts(
            *("fsdd", fixed("fsdd", server, zip_of(FSDD | wrong), listing=LISTING), out),
            accept=True,
            patience=hasty,
        )
    assert files_in(out) == ["download.json"]


def test_the_listing_of_fsdd_is_that_of_the_real_one(shared: Path) -> None:
    host = find_download(DATASETS["fsdd"]).host
    assert isinstance(host, FixedFiles)
    listing = host.files[0].listing
    assert listing is not None
    assert listing.fits(shared / "data" / "fsdd")


def test_that_there_is_no_checksum_is_said(
    server: Server, tmp_path: Path, hasty: RetryPolicy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "seehear")
    content = zip_of(FSDD)
    download_parts("fsdd", fixed("fsdd", server, content, listing=None), tmp_path / "fsdd", accept=True, patience=hasty)
    said = caplog.text
    assert "download.json" in said
    assert sha256(content) in said
    known = json.loads((tmp_path / "fsdd" / "download.json").read_text())["files"]
    assert known["free-spoken-digit-dataset-1.0.10.zip"]["sha256"] == sha256(content)


def test_an_archive_that_is_none_does_not_stay(server: Server, tmp_path: Path, hasty: RetryPolicy) -> None:
    with pytest.raises(DownloadError, match=r"\.zip is damaged"):
        download_parts("fsdd", fixed("fsdd", server, b"<html>"), tmp_path / "x", accept=True, patience=hasty)
    assert files_in(tmp_path / "x") == ["download.json"]
    assert not json.loads((tmp_path / "x" / "download.json").read_text())["files"]


def test_no_room(grid: Server, tmp_path: Path, hasty: RetryPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 100}))
    with pytest.raises(DownloadError, match=r"x.*0\.0 GB.*--parts") as refusal:
        download_parts("grid", at("grid", grid), tmp_path / "x", accept=True, patience=hasty)
    assert refusal.value.code == "disk-full"
    assert not list((tmp_path / "x").glob("*.zip*"))


def test_nothing_is_brought_before_the_terms_are_accepted(grid: Server, tmp_path: Path, hasty: RetryPolicy) -> None:
    with pytest.raises(TermsNotAcceptedError) as refusal:
        download_parts("grid", at("grid", grid), tmp_path / "x", patience=hasty)
    assert (refusal.value.code, refusal.value.name) == ("terms", "grid")
    assert "CC BY 4.0" in refusal.value.terms
    assert grid.asked == []
    options = {"patience": hasty}
    first = download_parts("grid", at("grid", grid), tmp_path / "x", parts=["s1"], accept=True, **options)
    again = download_parts("grid", at("grid", grid), tmp_path / "x", parts=["s2"], **options)  # accepted already
    assert (first.files, again.files) == (5, 2)


def test_the_command_line_has_a_flag_for_the_terms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TermsNotAcceptedError) as refusal:
        download_dataset("ravdess", tmp_path / "x")
    assert "NonCommercial" in refusal.value.terms
    assert main(["get", "ravdess", "-o", str(tmp_path / "x")]) == 2
    assert "--accept-terms" in capsys.readouterr().err


def test_folders_that_are_not_for_it(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "download.json").write_text('{"data_set": "fsdd", "files": {}}')
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "download.json").write_text('{"data_set": ')
    (tmp_path / "file").touch()
    for name, sentence in (
        ("mine", r"mine .*thesis\.tex"),
        ("other", "other .*fsdd.* grid"),
        ("broken", r"download\.json"),
        ("file", "file is a file"),
    ):
        with pytest.raises(DownloadError, match=sentence):
            download_dataset("grid", tmp_path / name, accept_terms=True)


def test_two_at_once(grid: Server, tmp_path: Path, hasty: RetryPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "grid"
    data_set = at("grid", grid)
    refused = []

    def meanwhile(*_: object) -> None:
        with pytest.raises(DownloadError, match=str(out)) as refusal:
            download_parts("grid", data_set, out, accept=True, patience=hasty)
        refused.append(refusal.value.code)

    monkeypatch.setattr(get, "_check_room", meanwhile)
    download_parts("grid", data_set, out, parts=["s1"], accept=True, patience=hasty)
    assert refused == ["in-use"]


@pytest.mark.parametrize("name", sorted(DATASETS.keys() - set(DOWNLOADABLE.names()) - {"folder"}))
def test_others_are_given_out_by_their_authors(name: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as refusal:
        download_dataset(name, tmp_path / "x")
    assert refusal.value.code == "not-downloadable"
    assert DATASETS[name].ask_at in str(refusal.value)


@pytest.mark.parametrize("name", ["nosuch", "folder"])
def test_no_such_data_set(name: str) -> None:
    with pytest.raises(DownloadError, match=", ".join(DOWNLOADABLE.names())) as refusal:
        find_dataset(name)
    assert refusal.value.code == "unknown-dataset"


@pytest.mark.parametrize("name", DATASETS.names())
def test_every_data_set_can_be_downloaded_or_asked_for(name: str) -> None:
    dataset = DATASETS[name]
    assert dataset.name == name
    assert (bool(dataset.download), bool(dataset.ask_at)).count(True) == (name != "folder")
    assert bool(dataset.cite) == (name != "folder")
    if dataset.download:
        assert dataset.download.terms.url.startswith("https://")


def test_help_lists_what_can_be_downloaded(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["get", "--help"])
    shown = capsys.readouterr().out
    assert f"{{{','.join(DOWNLOADABLE.names())}}}" in shown
    assert "emodb" not in shown


@pytest.mark.parametrize(
    "text",
    [
        b"not JSON",
        b"[]",
        b'{"files": [{"key": "a"}]}',
        b'{"files": [{"key": "../a", "size": 1, "checksum": "md5:0", "links": {"self": "x"}}]}',
        b'{"files": [{"key": "a", "size": "many", "checksum": "md5:0", "links": {"self": "x"}}]}',
    ],
)
def test_records_that_are_none(text: bytes) -> None:
    with pytest.raises(DownloadError):
        parse_record(text, "https://example.org")


def test_the_result_names_the_next_command() -> None:
    told = DownloadResult("grid", Path("d"), 2, 3_000_000)
    assert "3.0 MB" in str(told)
    assert str(told).endswith("seehear prepare d -o corpus/ --dataset grid")

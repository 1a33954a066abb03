"""Options that make a recipe's trainings take a second, and its data sets out of six films."""

from __future__ import annotations

from pathlib import Path

from server import Server
from stand_ins import REPOSITORY, at, put_lfs, put_record, zip_of

TRAINING = [
    *("optim.steps=2", "optim.warmup=1", "data.batch=2", "data.frames=25", "data.min_frames=20", "data.probe_clips=0"),
    *("engine.precision=32-true", "engine.save_every=50", "engine.log_every=1", "engine.accelerator=cpu", "seeds=1"),
]
SYNC = ["sync.model.encoder=small"]
ANIMATE = [
    *("animate.model.widths=[4, 4]", "animate.model.size=16", "animate.model.identity=4", "animate.model.frames=2"),
    "animate.model.sound={hidden: 8, depth: 1}",
]
MATCH = [
    *("match.model.seconds=0.4", "match.model.dim=6", "match.model.face=small"),
    *("match.model.sound.bands=8", "match.model.sound.channels=[4, 4, 4, 6]"),
    *("match.model.still.size=16", "match.model.still.channels=[4, 6]", "match.model.still.strides=[2, 2]"),
]
HEARD = ["apc.model.sound={hidden: 8, depth: 1}", "cpc.model.channels=8", "cpc.model.hidden=8"]

GRID = ("bbaf1n", "lrwp9s")
LRW_INFO = "Duration: 0.36 seconds\n"


def lay_out(root: Path, files: dict[str, bytes]) -> Path:
    """Writes files below a folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def grid(films: list[bytes]) -> dict[str, bytes]:
    """Three speakers, two sentences each."""
    return {f"s{n % 3 + 1}/{GRID[n // 3]}.mpg": film for n, film in enumerate(films)}


def cremad(films: list[bytes]) -> dict[str, bytes]:
    """Three actors, angry and sad."""
    return {f"VideoFlash/{1001 + n % 3}_DFA_{('ANG', 'SAD')[n // 3]}_XX.flv": film for n, film in enumerate(films)}


def ravdess(films: list[bytes]) -> dict[str, bytes]:
    """Three actors, angry and sad."""
    return {
        f"Actor_{n % 3 + 1:02d}/01-01-{5 - n // 3:02d}-01-01-01-{n % 3 + 1:02d}.mp4": f for n, f in enumerate(films)
    }


def voxceleb2(films: list[bytes], part: str) -> dict[str, bytes]:
    """Three celebrities, two videos each."""
    return {f"{part}/mp4/id0001{n % 3}/video{n // 3}abcde/00001.mp4": film for n, film in enumerate(films)}


def lrs2(films: list[bytes], subset: str) -> dict[str, bytes]:
    """Six broadcasts of one sentence."""
    told = {f"{subset}/55354156990687940{n}/00001.mp4": film for n, film in enumerate(films)}
    return told | {name.replace(".mp4", ".txt"): b"Text:  GOOD EVENING\nConf:  3\n" for name in told}


def lrw(films: list[bytes]) -> dict[str, bytes]:
    """Two words, one film of each in each part."""
    names = [
        f"{word}/{part}/{word}_0000{n}"
        for n, part in enumerate(("train", "val", "test"))
        for word in ("ABOUT", "YOUNG")
    ]
    told = {f"lipread_mp4/{name}.mp4": film for name, film in zip(names, films, strict=True)}
    return told | {name.replace(".mp4", ".txt"): LRW_INFO.encode() for name in told}


def served(server: Server, films: list[bytes]) -> dict[str, object]:
    """GRID, CREMA-D and RAVDESS on a server of a test, by name as `seehear get` knows them."""
    speakers = [{name: film for name, film in grid(films).items() if name.startswith(f"s{n}/")} for n in (1, 2, 3)]
    aligns = {f"alignments/s{n}/{GRID[0]}.align": b"0 25000 bin\n25000 50000 blue\n" for n in (1, 2, 3)}
    archives = {f"s{n}.zip": zip_of(files) for n, files in enumerate(speakers, 1)}
    put_record(server, 3625687, archives | {"alignments.zip": zip_of(aligns)})
    actors = [{name: film for name, film in ravdess(films).items() if f"_{n:02d}/" in name} for n in (1, 2, 3)]
    put_record(server, 1188976, {f"Video_Speech_Actor_{n:02d}.zip": zip_of(files) for n, files in enumerate(actors, 1)})
    stems = [Path(name).stem for name in cremad(films)]
    table = "\n".join(['"Stimulus_Number","Filename"', *(f'{n},"{stem}"' for n, stem in enumerate(stems, 1))])
    server.put(f"/raw/{REPOSITORY}/SentenceFilenames.csv", table.encode())
    people = "".join(f'{1001 + n},{30 + n},"Male","Caucasian","Not Hispanic"\n' for n in range(3))
    server.put(
        f"/raw/{REPOSITORY}/VideoDemographics.csv", f'"ActorID","Age","Sex","Race","Ethnicity"\n{people}'.encode()
    )
    for name, film in cremad(films).items():
        put_lfs(server, name, film)
    return {name: at(name, server) for name in ("grid", "cremad", "ravdess")}

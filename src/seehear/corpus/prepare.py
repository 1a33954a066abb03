"""Videos to a corpus: every source read by a crew of processes, its clips packed into shards in a fixed order.

A run may be killed at any point. The same command goes on, and the bytes are those of a run that was not disturbed,
however many processes worked at either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from seehear import __version__
from seehear.corpus.assembly import Assembler
from seehear.corpus.delays import without_delays
from seehear.corpus.formats import find_sources
from seehear.corpus.formats.media_files import is_sound
from seehear.corpus.formats.medium import Medium
from seehear.corpus.manifest import REPORT_FILE, write_corpus_file, write_manifest
from seehear.corpus.outcome import Outcome
from seehear.corpus.outfolder import is_done, refusals_as_sentences
from seehear.corpus.plan import Plan
from seehear.corpus.reading import OpenReader, ReadClips, ReadSound
from seehear.corpus.report import PrepareReport, write_report
from seehear.corpus.staging import Staging, remove_staging
from seehear.corpus.watch import Watch
from seehear.corpus.work import SOUND_ONLY, Task, prepare_source
from seehear.crew import work_through, worker_count
from seehear.errors import CorpusError
from seehear.media.clips import ClipOptions
from seehear.media.sound_clips import SoundOptions
from seehear.media.sound_part import Wanted


def prepare(
    sources: Sequence[Path],
    out: Path,
    *,
    format: str = "folder",
    labels: Path | None = None,
    workers: int | None = None,
    size: int = 128,
    faces: Literal["yunet", "whole-frame", "none"] = "yunet",
    detector: Path | None = None,
    detect_every: int = 5,
    min_seconds: float = 0.4,
    max_seconds: float = 10.0,
    shard_clips: int = 256,
    audio_stream: str | None = None,
    delays: Path | None = None,
    progress: bool = True,
) -> PrepareReport:
    """Make a corpus of face clips with their sound out of videos; or of sound alone, out of any recordings.

    A run that was stopped goes on where it was when it is given again. Files that cannot be read are named in
    report.csv with the reason, and the rest is done.

    Args:
        sources: videos, or sound files for ``--faces none``, and folders of them.
        out: folder of the corpus; new, empty, or one whose preparation was stopped.
        format: layout of the data set: folder (videos, perhaps with a labels.csv), cremad, emodb, fsdd, grid,
            iemocap, librispeech, lrs2, lrw, ravdess, speechcommands, tcdtimit or voxceleb; docs/datasets has a page
            on each.
        labels: CSV with a column "file" and any others; by default labels.csv in each folder.
        workers: processes; by default one a core.
        size: width and height of the face crops in pixels.
        faces: yunet finds and follows faces; whole-frame takes each picture as one face, for clips already cropped;
            none makes clips of sound alone, of sound files and of videos.
        detector: weights of the face detector; by default the user's cache or a download.
        detect_every: pictures from one search for faces to the next.
        min_seconds: shorter tracks (with no faces: recordings) are dropped.
        max_seconds: longer ones are cut into clips of this length.
        shard_clips: clips in one tar file.
        audio_stream: which stream of sound, from 1, and perhaps which channel: 2 or 2:left; by default what a player
            would choose, or the first that is not silent.
        delays: CSV with the columns "file" and "delay_ms", as `seehear sync --csv` writes it: by how much the sound of
            each video is late, which is undone. Videos whose delay it does not tell are left out.
        progress: tell how far it is, on the error stream.

    Returns:
        What came of it.

    Raises:
        SeehearError: fewer than one worker.
        CorpusError: nothing to prepare, sound without pictures only, no clip in any source, the folder holds something
            else, or the disk is full.
        ModelError: there is no face detector.
    """
    workers = worker_count(workers)
    if shard_clips < 1:
        raise CorpusError(f"shard_clips must be 1 or more, not {shard_clips}: it is the number of clips in a file")
    sound = Wanted.parse(audio_stream)
    prefer: Medium = "sound" if faces == "none" else "picture"
    found = find_sources([Path(source) for source in sources], format, labels, prefer)
    found = without_delays(found, delays) if delays else found
    if faces != "none" and all(is_sound(source.path) for source in found if not source.problem):
        raise CorpusError(f"there is no picture to prepare, {found[0].path} for one: {SOUND_ONLY}")
    read_clips: ReadClips | ReadSound
    if faces == "none":
        read_clips = ReadSound(SoundOptions(min_seconds=min_seconds, max_seconds=max_seconds, sound=sound))
    else:
        read_clips = ReadClips(
            ClipOptions(
                faces=faces,
                detector=detector,
                size=size,
                detect_every=detect_every,
                min_seconds=min_seconds,
                max_seconds=max_seconds,
                sound=sound,
            )
        )
    plan = Plan.of(found, {"format": format, **read_clips.told(), "shard_clips": shard_clips})
    return carry_out(plan, Path(out), read_clips, workers, progress)


def carry_out(plan: Plan, out: Path, open_reader: OpenReader, workers: int, progress: bool = True) -> PrepareReport:
    """Do a plan, or what an earlier run has left of it; see `prepare`.

    Args:
        plan: what is to be done.
        out: folder of the corpus.
        open_reader: gives the clips of a file.
        workers: processes.
        progress: tell how far it is.

    Raises:
        CorpusError: as `prepare`.
    """
    with refusals_as_sentences(out):
        if is_done(out, plan.fingerprint()):
            remove_staging(out)
            return PrepareReport.read(out)
        with Staging(out, plan.fingerprint(), Outcome) as staging:
            known = _known(plan, staging)
            assembler = Assembler(out, staging, plan.options["shard_clips"])
            assembler.take_all(known)
            with Watch(plan, known, progress) as watch:
                for number, outcome in _outcomes(plan, known, staging, open_reader, workers, watch):
                    staging.record(number, outcome)
                    watch.finish(number, outcome)
                    known[number] = outcome
                    assembler.take_all(known)
            assembler.finish()
            outcomes = [known[number] for number in range(len(plan.sources))]
            report = PrepareReport.of(out, outcomes, watch.elapsed_s, watch.seconds)
            write_report(out, plan.sources, outcomes)
            if assembler.rows:
                _seal(plan, out, assembler)
            staging.remove()
        if not assembler.rows:
            raise CorpusError(_why_nothing(plan, outcomes, out))
        return report


def _known(plan: Plan, staging: Staging[Outcome]) -> dict[int, Outcome]:
    """What became of the sources that need no work: done by an earlier run, or not wanted."""
    known = {}
    for number, source in enumerate(plan.sources):
        if source.problem:
            known[number] = Outcome("skipped", source.problem)
        elif outcome := staging.outcome(number):
            known[number] = outcome
    return known


def _outcomes(
    plan: Plan,
    known: dict[int, Outcome],
    staging: Staging[Outcome],
    open_reader: OpenReader,
    workers: int,
    watch: Watch,
) -> Iterator[tuple[int, Outcome]]:
    """What becomes of the other sources, as the crew gets them done."""
    tasks = [Task(n, plan.sources[n], plan.keys[n]) for n in range(len(plan.sources)) if n not in known]
    work = partial(prepare_source, staging=staging.folder, open_reader=open_reader)
    for message in work_through(tasks, work, workers):
        number = message.task.number
        if message.kind == "told":
            watch.step(number, message.value)
        elif message.kind == "died":
            yield number, Outcome("failed", f"the process that read it {message.value}")
        else:
            yield number, message.value


def _why_nothing(plan: Plan, outcomes: list[Outcome], out: Path) -> str:
    """The sentence for a preparation without one clip."""
    source, outcome = next((s, o) for s, o in zip(plan.sources, outcomes, strict=True) if o.reason)
    return (
        f"none of the {len(outcomes)} sources gave a clip, {source.path} for one: {outcome.reason.rstrip('.')}; "
        f"see {out / REPORT_FILE}"
    )


def _seal(plan: Plan, out: Path, assembler: Assembler) -> None:
    """Write the files that make shards a corpus, corpus.json last."""
    digest = write_manifest(out, assembler.rows)
    told = {
        "seehear": __version__,
        "clips": len(assembler.rows),
        "shards": assembler.shards,
        "manifest_sha256": digest,
        "made": plan.fingerprint(),
    }
    write_corpus_file(out, told)

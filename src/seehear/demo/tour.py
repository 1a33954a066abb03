"""The whole demo, and its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seehear.avatars.make import synthesize_avatars
from seehear.clip import Clip
from seehear.data.corpus import Corpus
from seehear.data.prepare import prepare
from seehear.demo.animate import (
    HELD_OUT,
    AnimatedVideo,
    HeldOutAnimation,
    SpeechProbes,
    animate_held_out,
    animate_sections,
    animate_video,
    probe_speech,
    train_animate,
)
from seehear.demo.match import (
    FaceVoiceScores,
    GameResults,
    match_sections,
    measure_faces_and_voices,
    play_games,
    train_match,
)
from seehear.demo.stages import Stages, jpeg
from seehear.demo.sync import (
    DialogueDemo,
    RepairDemo,
    SyncScores,
    TrainedModel,
    conversation_section,
    measure_model,
    repair,
    run_dialogue,
    sync_sections,
    train_sync,
)
from seehear.media.crops import mouth_region
from seehear.models.store import load_sync_model
from seehear.parallel import worker_count
from seehear.progress import Progress
from seehear.report.html import Filmstrip, Section, Table, Text, write_report
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

NEXT_STEPS = """\
# is your video in sync? (a model trained on real speech comes with seehear)
seehear sync film.mp4
seehear sync film.mp4 --fix -o film-in-sync.mp4
seehear sync *.mp4 --json

# train on your own recordings
seehear prepare videos/ -o corpus/
seehear pretrain corpus/ -o run/
seehear evaluate sync run/ corpus/
seehear sync film.mp4 --model run/

# train animate, and probe its audio encoder
seehear pretrain corpus/ -o animate/ --preset animate-small
seehear animate face.png speech.wav -o speaking.mp4 --model animate/
seehear evaluate emotion animate/ corpus/
seehear embed animate/ speech.wav -o features.npz

# who speaks when, is it the same voice, which face matches
seehear diarize panel.mp4 --video who-speaks.mp4
seehear verify monday.wav tuesday.wav
seehear match voice.wav anna.jpg ben.jpg carla.jpg
seehear pretrain corpus/ -o match/ --preset match-small
seehear evaluate speaker match/ corpus/
seehear evaluate facevoice match/ corpus/"""


@dataclass(frozen=True)
class DemoFacts:
    """Contents of the page.

    Attributes:
        videos, speakers: number of videos and of synthetic people
        people: number of people held out from lip-sync
        faces: clips of some of them
        sync, sync_scores, repair: lip-sync
        dialogue: active speaker detection in a dialogue
        animate, speech_probes, held_out_animation, animated_video: animation
        match, face_voice_scores, games: faces and voices
        seconds: duration of each stage, by name
    """

    videos: int
    speakers: int
    people: int
    faces: Sequence[Clip]
    sync: TrainedModel
    sync_scores: SyncScores
    repair: RepairDemo
    dialogue: DialogueDemo
    animate: TrainedModel
    speech_probes: SpeechProbes
    held_out_animation: HeldOutAnimation
    animated_video: AnimatedVideo
    match: TrainedModel
    face_voice_scores: FaceVoiceScores
    games: GameResults
    seconds: Mapping[str, float]


def write_demo_page(path: Path, facts: DemoFacts) -> None:
    """Write the demo's page as one HTML file."""
    accuracy = facts.sync_scores.accuracy
    best = accuracy.by_length[-1]
    lead = (
        f"A model trained only on {facts.speakers - facts.people} synthetic people finds the matching audio for lips "
        f"in {best.accuracy:.1%} of cases ({best.frames} frames, chance {accuracy.chance:.1%}) on {facts.people} "
        "unseen people. A second one animates still faces, and a third one matches faces and voices."
    )
    sections = [
        _people(facts),
        *sync_sections(facts.sync, facts.sync_scores, facts.repair),
        conversation_section(facts.dialogue),
        *animate_sections(facts.animate, facts.speech_probes, facts.held_out_animation, facts.animated_video),
        *match_sections(facts.match, facts.face_voice_scores, facts.games),
        _next(facts),
    ]
    write_report(path, "seehear: the demo", lead, sections)


def _people(facts: DemoFacts) -> Section:
    faces = [jpeg(clip.video[clip.frames // 2]) for clip in facts.faces]
    mouths = [jpeg(frame) for frame in mouth_region(facts.faces[0].video[10:50:4])]
    text = (
        f"{facts.videos} videos of {facts.speakers} people were rendered and synthesised on this machine, with labels "
        "of text, voice, face and emotion. They were prepared like any video: faces detected, tracked, aligned and "
        "cropped."
    )
    strips = [
        Filmstrip(faces, "Held-out people, as the models get them (128 x 128 pixels, 25 frames per second)."),
        Filmstrip(mouths, "One of them speaking: the region used by the lip encoder, every fourth frame."),
    ]
    return Section("Synthetic people", [Text(text), *strips])


def _next(facts: DemoFacts) -> Section:
    rows = [(name, f"{seconds:.0f} s") for name, seconds in facts.seconds.items()]
    table = Table(("stage", "time"), rows, "Of this run; parts that an earlier run had finished took no time.")
    return Section("Timing, and next steps", [table, Text(NEXT_STEPS, code=True)])


@dataclass(frozen=True, repr=False)
class DemoResult(Result):
    """The demo's report.

    Attributes:
        page: HTML report, to be opened in a browser
    """

    page: Path

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"page": str(self.page)}

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        return Text(f"Open {self.page} in a browser.")


NEUTRAL = 1 / 7
"""Fraction of clips without emotion: as many as of each of the six emotions."""


ANIMATE_STEPS_RATIO = 1.25
"""Training steps of animation, relative to lip-sync."""


MATCH_STEPS_RATIO = 0.3
"""Training steps of matching, relative to lip-sync."""


SHOWN = 8  # number of faces on the page


def demo(
    *,
    out: Path = Path("demo"),
    clips: int = 768,
    speakers: int = 384,
    steps: int = 480,
    seed: int = 1,
    workers: int | None = None,
    progress: Progress | None = None,
) -> DemoResult:
    """Show all of seehear in about nine minutes on two cores, with a report.

    Makes synthetic talking people and prepares a corpus of them. A first small model learns lip-sync from scratch. It
    is measured on unseen people, detects and fixes the delay of a clip, and finds the active speaker in a dialogue. A
    second one learns to animate a still face; it animates an unseen person, and its audio encoder is probed for
    emotions and words. A third one learns to match faces and voices, and is measured on unseen people. If the same
    command is given again, finished parts are not repeated.

    Args:
        out: folder for all files; open report.html in a browser
        clips: number of videos of synthetic people, three seconds each
        speakers: number of different people in them
        steps: training steps of lip-sync; animation takes 1.25 times, matching 0.3 times as many
        seed: determines everything
        workers: number of processes; by default one per core
        progress: called with the share of a stage that is done, 0 to 1, and a text
    """
    workers = worker_count(workers)
    stage = Stages(count=12)
    out.mkdir(parents=True, exist_ok=True)
    people, corpus, lips, animation, matching = (out / name for name in ("people", "corpus", "run", "animate", "match"))
    with stage("making videos of synthetic people"):
        synthesize_avatars(
            people, clips=clips, speakers=speakers, seed=seed, neutral=NEUTRAL, workers=workers, progress=progress
        )
    with stage("preparing a corpus of their faces and voices"):
        prepare([people], corpus, workers=workers, progress=progress)
    with stage("training lip-sync"):
        sync = train_sync(corpus, lips, steps=steps, seed=seed, progress=progress)
    with stage("measuring it on unseen people"):
        held_out = Corpus(corpus).split("dev", by="speaker")
        sync_scores = measure_model(lips, corpus, held_out, seed=seed, progress=progress)
    with stage("finding and fixing a delay"):
        video = people / _longest_text(held_out)
        repaired = repair(video, out, load_sync_model(lips))
    with stage("finding the active speaker in a dialogue"):
        dialogue = run_dialogue(out, load_sync_model(lips), seed=seed)
    with stage("training animation"):
        animate = train_animate(
            corpus, animation, steps=max(1, round(ANIMATE_STEPS_RATIO * steps)), seed=seed, progress=progress
        )
    with stage("probing its audio encoder for emotions and words"):
        probes = probe_speech(animation, corpus, progress)
    with stage("animating an unseen person"):
        held_out_animation = animate_held_out(animation, Corpus(corpus).split("dev", HELD_OUT, "speaker"), progress)
        animated = animate_video(video, out, animation, load_sync_model(lips))
    with stage("training on faces and voices"):
        match = train_match(
            corpus, matching, steps=max(1, round(MATCH_STEPS_RATIO * steps)), seed=seed, progress=progress
        )
    with stage("measuring them on unseen people"):
        match_scores = measure_faces_and_voices(matching, corpus, progress)
        games = play_games(matching, corpus, people, seed=seed)
    with stage("writing the report"):
        facts = DemoFacts(
            people=len(set(held_out.labels("speaker"))),
            videos=clips,
            speakers=speakers,
            faces=[held_out[clip] for clip in np.linspace(0, len(held_out) - 1, SHOWN).astype(int).tolist()],
            sync=sync,
            sync_scores=sync_scores,
            repair=repaired,
            dialogue=dialogue,
            animate=animate,
            speech_probes=probes,
            held_out_animation=held_out_animation,
            animated_video=animated,
            match=match,
            face_voice_scores=match_scores,
            games=games,
            seconds=stage.seconds,
        )
        page = out / "report.html"
        write_demo_page(page, facts)
    return DemoResult(page)


def _longest_text(held_out: Corpus) -> str:
    """Name of the video with the longest text, which has the most speech."""
    lengths = [len(text or "") for text in held_out.labels("text")]
    return Path(held_out[int(np.argmax(lengths))].meta["source"]).name

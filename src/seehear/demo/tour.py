"""The demo from start to end, and its page."""

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
    AnimatedFilm,
    HeldOutAnimation,
    SpeechProbes,
    animate_film,
    animate_sections,
    draw_held_out,
    learn_to_animate,
    probe_speech,
)
from seehear.demo.match import (
    FaceVoiceScores,
    GamesPlayed,
    learn_to_match,
    match_sections,
    measure_faces_and_voices,
    play_games,
)
from seehear.demo.stages import Stages, jpeg
from seehear.demo.sync import (
    DialogueDemo,
    RepairDemo,
    SyncScores,
    TrainedModel,
    conversation_section,
    learn_sync,
    measure_model,
    repair,
    run_dialogue,
    sync_sections,
)
from seehear.media.crops import mouth_region
from seehear.models.store import load_sync_model
from seehear.parallel import worker_count
from seehear.progress import Progress
from seehear.report.html import Filmstrip, Section, Table, Text, write_report
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

HOW_TO_GO_ON = """\
# is a film of yours in sync? (a model trained on real speech comes with seehear)
seehear sync film.mp4
seehear sync film.mp4 --fix -o film-in-sync.mp4
seehear sync *.mp4 --json

# learn from recordings of your own
seehear prepare videos/ -o corpus/
seehear pretrain corpus/ -o run/
seehear evaluate sync run/ corpus/
seehear sync film.mp4 --model run/

# learn to animate, and read out what that ear knows
seehear pretrain corpus/ -o animate/ --preset animate-small
seehear animate face.png speech.wav -o speaking.mp4 --model animate/
seehear evaluate emotion animate/ corpus/
seehear embed animate/ speech.wav -o features.npz

# who speaks when, is it the same voice, whose face goes with it
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
        films, speakers: number of videos and of synthetic people.
        people: number of people held out from lip-sync.
        faces: clips of some of them.
        sync, sync_scores, repair: lip-sync.
        conversed: active speaker detection in a dialogue.
        animate, speech_probes, drawn, animated_film: animation.
        match, face_voice_scores, played: faces and voices.
        seconds: duration of each stage, by name.
    """

    films: int
    speakers: int
    people: int
    faces: Sequence[Clip]
    sync: TrainedModel
    sync_scores: SyncScores
    repair: RepairDemo
    conversed: DialogueDemo
    animate: TrainedModel
    speech_probes: SpeechProbes
    drawn: HeldOutAnimation
    animated_film: AnimatedFilm
    match: TrainedModel
    face_voice_scores: FaceVoiceScores
    played: GamesPlayed
    seconds: Mapping[str, float]


def write_demo_page(path: Path, facts: DemoFacts) -> None:
    """Write the demo's page as one HTML file."""
    accuracy = facts.sync_scores.accuracy
    best = accuracy.by_length[-1]
    lead = (
        f"A model that has seen nothing but {facts.speakers - facts.people} synthetic people finds the moment of sound "
        f"that belongs to a moment of lips in {best.accuracy:.1%} of cases ({best.frames} frames, chance "
        f"{accuracy.chance:.1%}) on {facts.people} people it has never seen. Another one makes their still faces "
        "speak, and a third one asks which face belongs to which voice."
    )
    sections = [
        _people(facts),
        *sync_sections(facts.sync, facts.sync_scores, facts.repair),
        conversation_section(facts.conversed),
        *animate_sections(facts.animate, facts.speech_probes, facts.drawn, facts.animated_film),
        *match_sections(facts.match, facts.face_voice_scores, facts.played),
        _next(facts),
    ]
    write_report(path, "seehear: the demo", lead, sections)


def _people(facts: DemoFacts) -> Section:
    pictures = [jpeg(clip.video[clip.frames // 2]) for clip in facts.faces]
    mouths = [jpeg(frame) for frame in mouth_region(facts.faces[0].video[10:50:4])]
    text = (
        f"{facts.films} films of {facts.speakers} people were drawn and spoken by this machine, with text, voice, face "
        "and emotion labelled. They were prepared like any video: faces found, followed, straightened and cut out."
    )
    strips = [
        Filmstrip(pictures, "Held-out people, as the models see faces (128 x 128 pixels, 25 a second)."),
        Filmstrip(mouths, "One of them speaking: the region that the lip encoder looks at, every fourth frame."),
    ]
    return Section("Synthetic people", [Text(text), *strips])


def _next(facts: DemoFacts) -> Section:
    rows = [(name, f"{seconds:.0f} s") for name, seconds in facts.seconds.items()]
    table = Table(("stage", "took"), rows, "Of this run; what an earlier run had done took no time.")
    return Section("Where the time went, and how to go on", [table, Text(HOW_TO_GO_ON, code=True)])


@dataclass(frozen=True, repr=False)
class DemoResult(Result):
    """The demo's report.

    Attributes:
        page: to be opened in a browser.
    """

    page: Path

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"page": str(self.page)}

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        return Text(f"Open {self.page} in a browser.")


NEUTRAL = 1 / 7
"""Fraction of clips without emotion: as many as of each of the six emotions."""


ANIMATE_SHARE = 1.25
"""Training steps of animation, relative to lip-sync."""


MATCH_SHARE = 0.3
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
        out: folder for all files; open report.html in a browser.
        clips: number of videos of synthetic people, three seconds each.
        speakers: number of different people in them.
        steps: training steps of lip-sync; animation takes 1.25 times, matching 0.3 times as many.
        seed: determines everything.
        workers: number of processes; by default one per core.
        progress: called with the share of a stage that is done, 0 to 1, and a text.
    """
    workers = worker_count(workers)
    stage = Stages(count=12)
    out.mkdir(parents=True, exist_ok=True)
    films, corpus, lips, ear, faces = (out / name for name in ("people", "corpus", "run", "animate", "match"))
    with stage("synthetic people talk to a camera"):
        synthesize_avatars(
            films, clips=clips, speakers=speakers, seed=seed, neutral=NEUTRAL, workers=workers, progress=progress
        )
    with stage("their faces and voices become a corpus"):
        prepare([films], corpus, workers=workers, progress=progress)
    with stage("a small model learns which sound belongs to which lips"):
        sync = learn_sync(corpus, lips, steps=steps, seed=seed, progress=progress)
    with stage("how well, on people it has never seen"):
        held_out = Corpus(corpus).split("dev", by="speaker")
        worth = measure_model(lips, corpus, held_out, seed=seed, progress=progress)
    with stage("a clip whose sound comes late is found and fixed"):
        film = films / _talkative(held_out)
        repaired = repair(film, out, load_sync_model(lips))
    with stage("two people take turns, and it is told who speaks when"):
        conversed = run_dialogue(out, load_sync_model(lips), seed=seed)
    with stage("another model learns to make a still face speak"):
        more = max(1, round(ANIMATE_SHARE * steps))
        animate = learn_to_animate(corpus, ear, steps=more, seed=seed, progress=progress)
    with stage("what the ear that it grew knows of emotions and words"):
        heard = probe_speech(ear, corpus, progress)
    with stage("somebody it has never seen is made to speak"):
        drawn = draw_held_out(ear, Corpus(corpus).split("dev", HELD_OUT, "speaker"), progress)
        spoken = animate_film(film, out, ear, load_sync_model(lips))
    with stage("a third model learns which face belongs to which voice"):
        fewer = max(1, round(MATCH_SHARE * steps))
        match = learn_to_match(corpus, faces, steps=fewer, seed=seed, progress=progress)
    with stage("what it knows of people it has never met"):
        known = measure_faces_and_voices(faces, corpus, progress)
        played = play_games(faces, corpus, films, seed=seed)
    with stage("the report"):
        facts = DemoFacts(
            people=len(set(held_out.labels("speaker"))),
            films=clips,
            speakers=speakers,
            faces=[held_out[clip] for clip in np.linspace(0, len(held_out) - 1, SHOWN).astype(int).tolist()],
            sync=sync,
            sync_scores=worth,
            repair=repaired,
            conversed=conversed,
            animate=animate,
            speech_probes=heard,
            drawn=drawn,
            animated_film=spoken,
            match=match,
            face_voice_scores=known,
            played=played,
            seconds=stage.seconds,
        )
        page = out / "report.html"
        write_demo_page(page, facts)
    return DemoResult(page)


def _talkative(held_out: Corpus) -> str:
    """Name of the video with the longest text, which gives the most to see and to measure."""
    lengths = [len(text or "") for text in held_out.labels("text")]
    return Path(held_out[int(np.argmax(lengths))].meta["source"]).name

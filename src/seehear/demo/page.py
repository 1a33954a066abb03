"""The page of the demo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seehear.clip import Clip
from seehear.demo.animate import (
    AnimatedFilm,
    HeldOutAnimation,
    SpeechProbes,
    animate_sections,
)
from seehear.demo.match import (
    FaceVoiceScores,
    GamesPlayed,
    match_sections,
)
from seehear.demo.stages import jpeg
from seehear.demo.sync import (
    DialogueDemo,
    RepairDemo,
    SyncScores,
    TrainedModel,
    conversation_section,
    sync_sections,
)
from seehear.media.crops import mouth_region
from seehear.report.html import Filmstrip, Section, Table, Text, write_report

if TYPE_CHECKING:
    pass

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

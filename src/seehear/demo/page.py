"""The page that the demo ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seehear.clip import Clip
from seehear.demo.animate import Drawn, Ear, Spoken
from seehear.demo.animate_page import animate_sections
from seehear.demo.conversation import Conversed
from seehear.demo.conversation_page import conversation_section
from seehear.demo.match import Acquaintance, Played
from seehear.demo.match_page import match_sections
from seehear.demo.pictures import jpeg
from seehear.demo.sync import Learned, Repair, Worth
from seehear.demo.sync_page import sync_sections
from seehear.media.crops import mouth_region
from seehear.report import Filmstrip, Section, Table, Text, write_report

HOW_TO_GO_ON = """\
# is a film of yours in sync? (a model trained on real speech comes with seehear)
seehear sync film.mp4
seehear sync film.mp4 --fix film-in-sync.mp4
seehear sync *.mp4 --json

# learn from recordings of your own
seehear prepare videos/ corpus/
seehear pretrain corpus/ run/
seehear evaluate sync run/ corpus/
seehear sync film.mp4 --model run/

# learn to animate, and read out what that ear knows
seehear pretrain corpus/ animate/ --preset animate-small
seehear animate face.png speech.wav --out speaking.mp4 --model animate/
seehear evaluate emotion animate/ corpus/
seehear embed animate/ speech.wav --out features.npz

# who speaks when, is it the same voice, whose face goes with it
seehear speaking panel.mp4 --video who-speaks.mp4
seehear verify monday.wav tuesday.wav
seehear match voice.wav anna.jpg ben.jpg carla.jpg
seehear pretrain corpus/ match/ --preset match-small
seehear evaluate speaker match/ corpus/
seehear evaluate facevoice match/ corpus/"""


@dataclass(frozen=True)
class DemoFacts:
    """All that the page tells.

    Attributes:
        films, speakers: how many videos of how many synthetic people were made.
        people: how many of them were held out from lip-sync.
        faces: some of their clips, to be looked at.
        sync, worth, repair: of lip-sync.
        conversed: who speaks in a film of two, by lip-sync.
        animate, ear, drawn, spoken: of animation.
        match, known, played: of faces and voices.
        seconds: that each stage took, by name.
    """

    films: int
    speakers: int
    people: int
    faces: Sequence[Clip]
    sync: Learned
    worth: Worth
    repair: Repair
    conversed: Conversed
    animate: Learned
    ear: Ear
    drawn: Drawn
    spoken: Spoken
    match: Learned
    known: Acquaintance
    played: Played
    seconds: Mapping[str, float]


def write_page(path: Path, facts: DemoFacts) -> None:
    """Tell the demo's story as one HTML file."""
    accuracy = facts.worth.accuracy
    best = accuracy.by_length[-1]
    lead = (
        f"A model that has seen nothing but {facts.speakers - facts.people} synthetic people finds the moment of sound "
        f"that belongs to a moment of lips in {best.accuracy:.1%} of cases ({best.frames} frames, chance "
        f"{accuracy.chance:.1%}) on {facts.people} people it has never seen. Another one makes their still faces "
        "speak, and a third one asks which face belongs to which voice."
    )
    sections = [
        _people(facts),
        *sync_sections(facts.sync, facts.worth, facts.repair),
        conversation_section(facts.conversed),
        *animate_sections(facts.animate, facts.ear, facts.drawn, facts.spoken),
        *match_sections(facts.match, facts.known, facts.played),
        _next(facts),
    ]
    write_report(path, "seehear: the demo", lead, sections)


def _people(facts: DemoFacts) -> Section:
    pictures = [jpeg(clip.video[clip.frames // 2]) for clip in facts.faces]
    mouths = [jpeg(frame) for frame in mouth_region(facts.faces[0].video[10:50:4])]
    said = (
        f"{facts.films} films of {facts.speakers} people were drawn and spoken by this machine, with text, voice, face "
        "and emotion labelled. They were prepared like any video: faces found, followed, straightened and cut out."
    )
    strips = [
        Filmstrip(pictures, "Held-out people, as the models see faces (128 x 128 pixels, 25 a second)."),
        Filmstrip(mouths, "One of them speaking: the region that the lip encoder looks at, every fourth frame."),
    ]
    return Section("Synthetic people", [Text(said), *strips])


def _next(facts: DemoFacts) -> Section:
    rows = [(name, f"{seconds:.0f} s") for name, seconds in facts.seconds.items()]
    table = Table(("stage", "took"), rows, "Of this run; what an earlier run had done took no time.")
    return Section("Where the time went, and how to go on", [table, Text(HOW_TO_GO_ON, code=True)])

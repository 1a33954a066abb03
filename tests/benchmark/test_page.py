import json
import re
from html import escape, unescape

import numpy as np
import pytest

from page_balance import Balance
from seehear.benchmark import page_findings
from seehear.benchmark.cells import CellOutcome, cells_of_plan
from seehear.benchmark.execution import BenchmarkFolder
from seehear.benchmark.page import MISSING_TITLE, write_page
from seehear.benchmark.reading import plan_from_yaml
from seehear.benchmark.summary import summarise
from seehear.benchmark.table import interval_text, mean_text, unfinished_note

PLAN = """
title: Which is better? <a> & b
about: Two pretexts, asked what they know of emotions and of people.
differs: Everything is small.
seeds: 4
corpora:
  people: {avatars: {clips: 8, speakers: 4}}
  real: {format: ravdess, wants: the speech files of RAVDESS}
pretexts:
  animate: {preset: animate-small, corpora: [people]}
  apc: {preset: apc-small, corpora: [people]}
  untrained: {preset: animate-small, corpora: [people], untrained: true}
tasks:
  emotion:
    task: emotion
    title: Emotion
    data: [people, real]
    labels: [0.1, 1.0]
    scores: [accuracy, F1]
    rows: [animate, apc, untrained, mfcc, logmel]
  noise:
    task: emotion
    title: Emotion in noise
    data: [people]
    noise: babble
    snr_db: [-5, 0, 5, 10, 20]
    rows: [animate, apc, mfcc]
  speaker:
    task: speaker
    title: Who it is
    data: [people]
    scores: [EER, "minDCF 0.05"]
    rows: [animate, apc, untrained, mfcc]
claims:
  - says: Drawing teaches more of emotions than predicting sound
    source: Some 2020, Table 1
    task: emotion
    better: animate
    than: [apc, mfcc]
  - {says: MFCC are the best of all, source: Nobody, task: emotion, better: mfcc, than: [animate]}
  - {says: Random weights know who speaks, source: Nobody, task: speaker, better: untrained, than: [mfcc]}
paper:
  - title: Table 1
    source: "Some et al. 2020, arXiv:2001.00001"
    task: emotion
    columns: [accuracy in %]
    rows: {animate: [55.01], apc: [51.2], fully supervised: [null]}
    differs: Real recordings of 91 actors, and a network ten times as large.
"""
EMOTIONS = ("angry", "calm", "happy", "sad")
STRENGTH = {"animate": 0.2, "apc": 0.1, "untrained": 0.02, "mfcc": 0.05, "logmel": 0.03}


FAILED = {("apc", 1), ("mfcc", 0)}


class Imagined:
    """A benchmark that nobody has done, its figures drawn by chance, with the files that a page looks for."""

    def __init__(self, folder, failed=(), undone=()):
        self.folder, self.plan = BenchmarkFolder(folder), plan_from_yaml(PLAN, "imagined", "imagined")
        self.work = cells_of_plan(self.plan, {})
        self.by_key = self.work.by_key()
        self.outcomes = {}
        for place, key in self.work.positions.items():
            if place.row in undone:
                continue
            reason = "it ran out of patience < 3" if (place.row, place.seed) in failed else None
            self.outcomes[key] = CellOutcome(key, 1.0, failed=reason) if reason else self._measured(place, key)
        for cell in self.work.cells:
            if cell.kind == "corpus":
                self.outcomes[cell.key] = CellOutcome(cell.key, 2.0)
            elif cell.kind == "pretrain":
                self.outcomes[cell.key] = CellOutcome(cell.key, 60.0)
                self._learned(cell)

    @property
    def summary(self):
        return summarise(self.plan, self.work, self.outcomes)

    def write(self):
        write_page(self.folder.root, self.plan, self.summary, self.work, self.outcomes)
        return (self.folder.root / "report.html").read_text(encoding="utf-8")

    def _measured(self, place, key):
        rng = np.random.default_rng([place.seed, *key.encode()])
        gain = STRENGTH[place.row] * place.labels**0.2
        common = np.random.default_rng(place.seed).normal(0, 0.02, 200)
        command = (
            f"seehear evaluate {place.task} runs/{place.row} corpora/people --labels {place.labels} < {place.seed}"
        )
        told = {"reproduce": ("seehear prepare films corpora/people", command), "recordings": 80, "tested": 40}
        if place.task == "speaker":
            eer = 0.4 - gain + 0.01 * rng.normal()
            alarms = np.linspace(0.01, 0.9, 100)
            det = tuple((a, float((1 - a) * eer**2 / (a * (1 - eer) ** 2 + (1 - a) * eer**2))) for a in alarms.tolist())
            draws = tuple((eer + common).tolist())
            scores = {"EER": eer, "minDCF 0.05": min(1.0, 2 * eer)}
            return CellOutcome(key, 3.0, scores=scores, higher_is_better=False, chance={"EER": 0.5}, draws=draws,
                           det=det, units="speakers", unit_count=40, **told)  # fmt: skip
        accuracy = float(0.4 + gain + 0.01 * rng.normal())
        counts = rng.multinomial(10, [accuracy, *[(1 - accuracy) / 3] * 3], size=4)
        confusion = tuple(tuple(np.roll(row, shift).tolist()) for shift, row in enumerate(counts))
        by_snr = {f"{snr}": accuracy - 0.15 / (1 + np.exp(snr / 5)) for snr in (-5, 0, 5, 10, 20)}
        return CellOutcome(key, 3.0, scores={"accuracy": accuracy, "F1": accuracy - 0.02}, chance={"accuracy": 0.25},
                       draws=tuple((accuracy + common).tolist()), by_snr=by_snr if place.task == "noise" else {},
                       confusion=confusion, classes=EMOTIONS, units="speakers", unit_count=40, **told)  # fmt: skip

    def _learned(self, cell):
        run = self.folder.path_of(cell)
        run.mkdir(parents=True)
        rng = np.random.default_rng(cell.seed)
        rows = ["step,loss,lr,gradient,frames_per_s,dev_l1"]
        for step in range(0, 401, 20):
            dev = f"{0.03 * np.exp(-step / 300) + 0.001 * rng.normal():.5f}" if step % 100 == 0 else ""
            rows.append(
                f"{step},{'' if step == 0 else f'{np.exp(-step / 200) + 0.02 * rng.normal():.4f}'},1,1,100,{dev}"
            )
        (run / "metrics.csv").write_text("\n".join(rows) + "\n")

    def imagine_embeddings(self):
        """As if an earlier page had computed them."""
        (self.folder.root / "page").mkdir()
        rng = np.random.default_rng(0)
        for place, key in self.work.positions.items():
            if place.labels == 1:
                labels = [EMOTIONS[n % 4] for n in range(60)]
                points = rng.normal(size=(60, 2)) + 4 * STRENGTH[place.row] * 10 * np.array(
                    [[n % 2, n % 4 // 2] for n in range(60)]
                )
                told = {"points": points.tolist(), "labels": labels}
                (self.folder.root / "page" / f"embedding-{key}.json").write_text(json.dumps(told))


@pytest.fixture(scope="module")
def imagined(tmp_path_factory):
    made = Imagined(tmp_path_factory.mktemp("benchmark"), failed=FAILED, undone={"logmel"})
    made.imagine_embeddings()
    corpus = made.folder.path_of(next(cell for cell in made.work.cells if cell.kind == "corpus"))
    films = corpus.with_name(f"{corpus.name}-films")
    films.mkdir(parents=True)
    for name, size in (("a.mp4", 100), ("b.mp4", 100), ("c.mp4", 2_000_000)):
        (films / name).write_bytes(b"x" * size)
    return made


@pytest.fixture(scope="module")
def page(imagined):
    return imagined.write()


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Nothing is done yet."""
    made = Imagined(tmp_path_factory.mktemp("bare"), undone=set(STRENGTH))
    made.outcomes.clear()
    return made.write()


def section(page, title):
    """Markup from a heading to the next."""
    found = re.search(rf"<h2>{re.escape(escape(title))}</h2>(.*?)</section>", page, re.DOTALL)
    assert found, title
    return found[1]


def text(markup):
    return unescape(re.sub(r"<[^>]+>", " ", markup))


@pytest.mark.parametrize("which", ["page", "bare"])
def test_page_is_well_formed_and_asks_nobody(which, request):
    checked = Balance()
    checked.feed(request.getfixturevalue(which))
    assert checked.wrong == []
    assert checked.open == []
    assert all(link.startswith(("data:", "#")) for link in checked.links)


@pytest.mark.parametrize("which", ["page", "bare"])
def test_every_section_is_in_the_contents_once(which, request):
    checked = Balance()
    checked.feed(request.getfixturevalue(which))
    assert len(set(checked.ids)) == len(checked.ids)
    assert [link for link in checked.links if link.startswith("#")] == [f"#{name}" for name in checked.ids]


def test_page_is_small(page):
    assert len(page) < 8_000_000


def test_claims_stand_first_with_verdict_and_difference(imagined, page):
    claims = section(page, page_findings.TITLE)
    assert page.index(f"{page_findings.TITLE}</h2>") < page.index("Emotion: people</h2>")
    cards = claims.split('<div class="card')[1:]
    for claim, card in zip(imagined.summary.claims, cards, strict=True):
        told = text(card)
        assert claim.says in told
        assert f"<span class=badge>{claim.verdict}</span>" in card
        assert claim.source in told
        assert claim.differences
        for one in claim.differences:
            assert f"{100 * one.mean:+.1f}" in told
            assert f"[{100 * one.low:+.1f}, {100 * one.high:+.1f}]" in told


def test_numbers_stand_with_their_intervals_and_bold_is_only_what_is_supported(imagined, page):
    bold = []
    for table in imagined.summary.tables:
        markup = section(page, f"{table.title}: {table.data}")
        for (row, place), entry in table.entries.items():
            number = escape(mean_text(table.columns[place], entry))
            assert number in markup
            assert interval_text(table.columns[place], entry) in markup
            if entry.best:
                bold.append((table.key, row))
                assert f"<b>{number}</b>" in markup
        assert markup.count("<b>") == sum(entry.best for entry in table.entries.values())
    assert ("emotion", "animate") in bold


def test_papers_figures_stand_only_in_a_box_of_their_own(page):
    emotion = section(page, "Emotion: people")
    box = re.search(r"<aside class=printed>(.*?)</aside>", emotion, re.DOTALL)[1]
    assert "not measured here" in box
    assert "55.01" in box
    assert "arXiv:2001.00001" in text(box)
    assert "Real recordings of 91 actors" in text(box)
    assert page.count("55.01") == 1


def test_what_gives_a_number_again_stands_under_it(imagined, page):
    for table in imagined.summary.tables:
        told = text(section(page, f"{table.title}: {table.data}"))
        first = {entry.reproduce for entry in table.entries.values() if entry.reproduce}
        assert first
        assert all(command in told for commands in first for command in commands)
        keys = [key for place, key in imagined.work.positions.items() if place.task == table.key]
        everything = [imagined.outcomes[key].reproduce for key in keys if key in imagined.outcomes]
        assert all(command in told for commands in everything for command in commands)


def test_failed_seeds_give_no_commands(page):
    assert "evaluate emotion runs/apc corpora/people --labels 1.0 < 1" not in text(section(page, "Emotion: people"))
    assert "evaluate emotion runs/apc corpora/people --labels 1.0 < 2" in text(section(page, "Emotion: people"))


def test_commands_that_give_several_numbers_stand_once(imagined, page):
    noise = next(table for table in imagined.summary.tables if table.key == "noise")
    command = noise.entries["animate", 0].reproduce[-1]
    assert text(section(page, "Emotion in noise: people")).count(command) == 1


def test_failed_cells_stand_with_their_reason_and_the_rest_is_there(imagined, page):
    told = text(section(page, MISSING_TITLE))
    assert imagined.summary.failed
    for cell, reason in imagined.summary.failed.items():
        assert cell in told
        assert reason in told
    assert "1 failed" in section(page, "Emotion: people")
    assert f"{len(imagined.summary.failed)} cells failed" in page[: page.index("<h2>")]


def test_what_was_not_done_is_named(imagined, page):
    told = text(section(page, MISSING_TITLE))
    assert "emotion/logmel, seed 3" in told
    assert unfinished_note(imagined.summary) in told
    assert imagined.summary.left == 8


def test_data_that_was_not_given_is_told(page):
    assert "the speech files of RAVDESS" in section(page, MISSING_TITLE)


def test_what_was_given_is_text_not_markup(page):
    assert "<h1>Which is better? &lt;a&gt; &amp; b</h1>" in page


def test_films_are_inside_and_large_ones_are_not(page):
    films = section(page, "The synthetic people")
    assert films.count("<video") == 2
    assert "people: a.mp4" in films
    assert "c.mp4" not in page


def test_pictures_of_each_kind_stand_where_they_belong(page):
    emotion, noise, speaker = (
        section(page, f"{name}: people") for name in ("Emotion", "Emotion in noise", "Who it is")
    )
    assert "accuracy by labels" in emotion
    assert "true (down)" in emotion
    assert "60 test recordings by emotion" in emotion
    assert "accuracy in noise" in noise
    assert "true (down)" not in noise  # the same recordings without noise are in the table of emotion
    assert "Detection errors" in speaker
    assert "60 test recordings by speaker" in speaker
    assert "Detection errors" not in emotion
    assert section(page, "Training curves").count("<figure>") == 2  # one for animate, one for apc


def test_a_picture_that_cannot_be_made_is_told_and_the_rest_stands(tmp_path):
    made = Imagined(tmp_path, undone={"untrained", "mfcc", "logmel", "apc"})  # whose runs hold no weights
    page = made.write()
    assert page.count("missing here (") == 2  # emotion and speaker
    assert "Detection errors" in page


def test_a_figure_that_cannot_be_drawn_costs_no_number(tmp_path, monkeypatch):
    def fail(*_):
        raise ValueError("no such $symbol")

    monkeypatch.setattr("seehear.benchmark.page.means", fail)
    made = Imagined(tmp_path, undone=set(STRENGTH) - {"mfcc"})
    run = made.folder.path_of(next(cell for cell in made.work.cells if cell.kind == "pretrain"))
    run.mkdir(parents=True, exist_ok=True)
    (run / "metrics.csv").write_text("step,loss\n1,2.0\n2,1.5\n3,1e-")  # killed while it wrote
    page = made.write()
    assert "missing here (ValueError: no such $symbol)" in page
    assert "missing here (ValueError: could not convert string to float" in section(page, "Training curves")
    assert "reproduce" in section(page, "Emotion: people")


def test_nothing_done_yet_is_a_page_too(bare):
    assert "not measured" in section(bare, page_findings.TITLE)
    assert "<svg" not in section(bare, "Emotion: people")

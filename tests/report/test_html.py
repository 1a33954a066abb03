import re
from html.parser import HTMLParser

import pytest

from seehear.report import Audio, Figure, Filmstrip, Gallery, Section, Table, Text, Video, write_report
from seehear.report.plots import INK, drawing, save_png, to_svg

PNG = b"\x89PNG\r\n\x1a\n"


class Balance(HTMLParser):
    """Notes every tag that is opened and not closed, or closed and not opened."""

    VOID = frozenset({"meta", "img"})

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.links = [], [], []

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href", "srcset", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.fixture
def svg():
    with drawing(2) as (figure, (above, below)):
        above.plot([0, 1], [1, 0], label="a")
        above.legend()
        below.plot([1, 2, 3], [3, 1, 2])
    return to_svg(figure)


@pytest.fixture
def page(tmp_path, svg):
    sections = [
        Section("Numbers", [Text("5 < 6 & so on"), Table(["K", "accuracy"], [["5", "92 %"], ["15", "99 %"]], "dev")]),
        Section(
            "Pictures", [Figure(svg, "two lines"), Filmstrip([PNG, b"\xff\xd8\xff"], "two"), Video(b"mp4", "a clip")]
        ),
        Section("Choices", [Audio(b"fLaC", "a voice"), Gallery([(PNG, "0.5 < 0.6"), (PNG, "no")], "two", wide=True)]),
        Section("Next", [Text("seehear sync <file>", code=True)]),
    ]
    write_report(tmp_path / "report.html", "A <title>", "lead", sections)
    return (tmp_path / "report.html").read_text()


def test_page_is_well_formed_and_asks_nobody(page):
    checked = Balance()
    checked.feed(page)
    assert checked.wrong == []
    assert checked.open == []
    assert checked.links
    assert all(link.startswith(("data:", "#")) for link in checked.links)
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_text_is_text_not_markup(page):
    assert "5 &lt; 6 &amp; so on" in page
    assert "<title>A &lt;title&gt;</title>" in page
    assert "seehear sync &lt;file&gt;" in page


def test_numbers_are_set_to_the_right(page):
    assert "<td class=number>92 %</td>" in page


def test_pictures_keep_their_type(page):
    assert "data:image/png;base64" in page
    assert "data:image/jpeg;base64" in page
    assert "data:video/mp4;base64" in page
    assert "data:audio/flac;base64" in page


def test_every_picture_of_a_gallery_has_its_words(page):
    assert "<small>0.5 &lt; 0.6</small>" in page
    assert "<small>no</small>" in page
    assert '<div class="strip wide">' in page


def test_figures_take_the_colour_of_the_page(svg):
    assert INK not in svg
    assert "currentColor" in svg
    assert svg.startswith("<svg")
    assert svg.rstrip().endswith("</svg>")


def test_same_figure_same_bytes():
    def draw():
        with drawing() as (figure, (axes,)):
            axes.plot([0, 1], [1, 0])
        return to_svg(figure)

    assert draw() == draw()


def test_png_is_whole_or_absent(tmp_path):
    with drawing() as (figure, (axes,)):
        axes.plot([0, 1])
    save_png(figure, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(PNG)
    assert [path.name for path in tmp_path.iterdir()] == ["plot.png"]
    with pytest.raises(FileNotFoundError):
        save_png(figure, tmp_path / "absent" / "plot.png")

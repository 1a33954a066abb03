import re

import numpy as np
import pytest

from page_balance import Balance
from seehear.report.html import (
    Audio,
    BlockGrid,
    BulletList,
    Commands,
    Details,
    Filmstrip,
    Finding,
    Gallery,
    Heading,
    QuotedBox,
    Section,
    SideBySide,
    SvgFigure,
    Table,
    TableCell,
    Text,
    Video,
    write_report,
)
from seehear.report.plots import (
    COLOURS,
    INK,
    IntervalPlot,
    IntervalRow,
    legend_below,
    line_style,
    new_figure,
    save_png,
    to_deviates,
    to_svg,
)

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def svg():
    with new_figure(2) as (figure, (above, below)):
        above.plot([0, 1], [1, 0], label="a")
        above.legend()
        below.plot([1, 2, 3], [3, 1, 2])
    return to_svg(figure)


@pytest.fixture
def page(tmp_path, svg):
    sections = [
        Section("Numbers", [Text("5 < 6 & so on"), Table(["K", "accuracy"], [["5", "92 %"], ["15", "99 %"]], "dev")]),
        Section(
            "Pictures", [SvgFigure(svg, "two lines"), Filmstrip([PNG, b"\xff\xd8\xff"], "two"), Video(b"mp4", "a clip")]
        ),
        Section("Choices", [Audio(b"fLaC", "a voice"), Gallery([(PNG, "0.5 < 0.6"), (PNG, "no")], "two", wide=True)]),
        Section(
            "Boxes",
            [
                Heading("A < heading"),
                BulletList(["one < two"]),
                SideBySide([Text("left"), QuotedBox("Not ours", [Text("55 < 56")])]),
                BlockGrid([Finding("reproduced", "good", "a > b", "Somebody", [Text("by 3")])], min_width_rem=14),
                Table(
                    ["", "EER"],
                    [["a", TableCell("3.1", "< 4", strong=True)], ["b", "–"]],
                    details_by_row={1: Details("how", [Commands(["a < b", "c"])])},
                ),
                IntervalPlot(
                    [IntervalRow("x < y", 1.0, 0.5, 1.5, -0.5, 2.0), IntervalRow("z", 0.0)], "right is better"
                ),
            ],
        ),
        Section("Next", [Text("seehear sync <file>", code=True)]),
    ]
    write_report(tmp_path / "report.html", "A <title>", "lead", sections, contents=True, wide=True)
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
        with new_figure() as (figure, (axes,)):
            axes.plot([0, 1], [1, 0])
        return to_svg(figure)

    assert draw() == draw()


def test_png_is_whole_or_absent(tmp_path):
    with new_figure() as (figure, (axes,)):
        axes.plot([0, 1])
    save_png(figure, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(PNG)
    assert [path.name for path in tmp_path.iterdir()] == ["plot.png"]
    with pytest.raises(FileNotFoundError):
        save_png(figure, tmp_path / "absent" / "plot.png")


def test_contents_lead_to_every_section(page):
    links = re.findall(r'<li><a href="#([^"]*)">', page)
    assert links == re.findall(r'<section id="([^"]*)">', page)
    assert "pictures" in links


def test_a_dash_among_numbers_does_not_make_them_words(page):
    assert "<td class=number><b>3.1</b><small>&lt; 4</small></td>" in page
    assert "<td class=number>–</td>" in page


def test_what_is_under_a_row_is_as_wide_as_the_table(page):
    assert "<tr class=over><td>b</td>" in page
    assert "<td class=under colspan=2><details><summary>how</summary><pre class=commands>" in page


def test_each_command_is_a_line_of_its_own(page):
    assert "<pre class=commands><code>a &lt; b</code><code>c</code></pre>" in page


def test_what_others_printed_is_set_apart(page):
    assert "<aside class=printed><h3>Not ours</h3><p>55 &lt; 56</p></aside>" in page


def test_bars_are_on_one_scale_about_zero():
    markup = IntervalPlot([IntervalRow("a", 2.0, 1.0, 3.0), IntervalRow("b", -2.0, -3.0, -1.0)], "").to_html()
    zero = float(re.search(r"class=zero x1=\"([^\"]+)", markup)[1])
    middles = [float(x) - zero for x in re.findall(r'cx="([^"]+)"', markup)]
    assert middles[0] == pytest.approx(-middles[1])
    assert middles[0] > 0
    ends = [float(x) - zero for x in re.findall(r'class=thick x1="([^"]+)"', markup)]
    assert ends[0] == pytest.approx(middles[0] / 2, abs=0.1)


def test_bars_of_no_difference_stand_at_zero():
    markup = IntervalPlot([IntervalRow("a", 0.0)], "").to_html()
    assert re.search(r'cx="([^"]+)"', markup)[1] == re.search(r"class=zero x1=\"([^\"]+)", markup)[1] + ".0"


def test_a_legend_below_makes_room_for_itself():
    with new_figure() as (figure, (axes,)):
        before = figure.get_figheight()
        legend_below(figure, axes)
        assert figure.get_figheight() == before  # there are no names
        for name in "abcd":
            axes.plot([0, 1], label=name)
        legend_below(figure, axes)
        assert figure.get_figheight() > before
        assert [text.get_text() for text in figure.legends[0].get_texts()] == list("abcd")


def test_twenty_names_look_different():
    assert len({tuple(line_style(place).values()) for place in range(20)}) == 20
    assert line_style(0)["color"] == COLOURS[0]


def test_errors_are_placed_by_their_normal_deviates():
    assert to_deviates(0.5) == pytest.approx(0)
    assert to_deviates([0.1, 0.9]) == pytest.approx([-1.2815515, 1.2815515])
    assert np.isfinite(to_deviates([0.0, 1.0])).all()

"""Charts are well-formed, stay within their box, tell equal numbers alike and say nothing that was not escaped."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.answers import charts
from footfall.answers.charts import About, Bar, Edge, HeatRow, Markup, Periods, Series, Step
from footfall.answers.charts.labels import cut, measure
from footfall.answers.charts.numbers import choose_marks, read_number

SVG = "{http://www.w3.org/2000/svg}"
ABOUT = About("chart", "A <chart> & its title", unit="interactions")
HOSTILE = ("<script>alert(1)</script>", "'\"&<>]]>", "x" * 500, "שלום", "a\u202eb", "\x00\x1b[31m", "\ud800", "", " ")
NUMBERS = (None, float("nan"), float("inf"), 0, 1, 10**30, Decimal("2.5"), -7, "text", True)


def _periods(count: int, **more: object) -> Periods:
    return Periods([date(2024, 1, 1) + timedelta(at) for at in range(count)], "day", **more)  # type: ignore[arg-type]


def _draw_all(names: tuple[str, ...], numbers: tuple[object, ...]) -> dict[str, Markup]:
    """Give a chart of every kind, with these names and numbers."""
    periods = _periods(len(numbers), is_complete=[False, *[True] * (len(numbers) - 2), False][: len(numbers)])
    series = [Series(name, numbers) for name in names]
    rows = [HeatRow(name, number, numbers, note=name) for name, number in zip(names, numbers, strict=False)]
    edges = [Edge(step, a, b, n) for step in range(1, 8) for a in names for b, n in zip(names, numbers, strict=False)]
    columns = [str(at) for at in range(len(numbers))]
    return {
        "line": charts.draw_lines(ABOUT, periods, series),
        "band": charts.draw_lines(
            ABOUT, periods, series[:1], band=charts.Band(numbers, numbers, names[0]), marked=[0, 3]
        ),
        "bars": charts.draw_bars(
            ABOUT, [Bar(name, number, note=name) for name, number in zip(names, numbers, strict=False)]
        ),
        "funnel": charts.draw_funnel(
            ABOUT, [Step(name, abs(read_number(n) or 0), n) for name, n in zip(names, numbers, strict=False)]
        ),
        "heat map": charts.draw_heat_map(ABOUT, names, columns, [numbers for _ in names]),
        "heat table": charts.draw_heat_table(ABOUT, ["cohort", "users", *columns], rows, rows[0] if rows else None),
        "stacked": charts.draw_stacked_bars(ABOUT, periods, series, series[:2]),
        "flow": charts.draw_flow(ABOUT, edges),
    }


def _root(markup: Markup) -> ElementTree.Element:
    return ElementTree.fromstring(markup)


def _numbers(text: str) -> list[float]:
    return [float(each) for each in re.findall(r"-?\d+(?:\.\d+)?", text)]


def _corners(shape: ElementTree.Element) -> Iterator[tuple[float, float]]:
    """Give the points at which a shape begins and ends, without the width of its line."""
    if shape.tag == f"{SVG}path":
        # Only M, L, C, V and Z are written; a V has y alone.
        x = 0.0
        for command, text in re.findall(r"([MLCVZ])([^MLCVZ]*)", shape.attrib["d"]):
            values = _numbers(text)
            if command == "V":
                yield x, values[0]
            for at in range(0, len(values) if command != "V" else 0, 2):
                x = values[at]
                yield x, values[at + 1]
        return
    get = lambda name: float(shape.attrib[name])  # noqa: E731
    if shape.tag == f"{SVG}rect":
        yield get("x"), get("y")
        yield get("x") + get("width"), get("y") + get("height")
    elif shape.tag == f"{SVG}circle":
        yield get("cx"), get("cy")
    elif shape.tag == f"{SVG}line":
        yield get("x1"), get("y1")
        yield get("x2"), get("y2")
    elif shape.tag == f"{SVG}text":
        yield get("x"), get("y")


def _assert_in_the_box(markup: Markup) -> None:
    root = _root(markup)
    _, _, width, height = _numbers(root.attrib["viewBox"])
    for shape in root.iter():
        for x, y in _corners(shape):
            assert -0.2 <= x <= width + 0.2 and -0.2 <= y <= height + 0.2, ElementTree.tostring(shape)


@pytest.mark.parametrize("names", [(), HOSTILE[:1], HOSTILE], ids=["none", "one", "hostile"])
@pytest.mark.parametrize("numbers", [(), (5,), (0, 0, 0), NUMBERS, (None, None)], ids=["none", "1", "0", "odd", "null"])
def test_any_names_and_numbers_give_well_formed_charts_that_stay_in_their_box(
    names: tuple[str, ...], numbers: tuple[object, ...]
) -> None:
    for kind, markup in _draw_all(names or ("only",), numbers).items():
        root = _root(markup)
        if kind != "heat table":
            _assert_in_the_box(markup)
            assert root.attrib["role"] == "img", kind
            title, sentence = root[0], root[1]
            assert (title.tag, title.text) == (f"{SVG}title", ABOUT.title), kind
            assert sentence.tag == f"{SVG}desc" and sentence.text, kind
            assert root.attrib["aria-labelledby"] == title.attrib["id"]


ODD_NUMBERS = st.one_of(st.none(), st.integers(-(10**12), 10**12), st.floats())


@settings(max_examples=25)
@given(st.lists(ODD_NUMBERS, max_size=8), st.text(max_size=20))
def test_what_is_drawn_stays_in_its_box_whatever_the_numbers(numbers: list[object], name: str) -> None:
    for kind, markup in _draw_all((name, "b", "c"), tuple(numbers)).items():
        if kind != "heat table":
            _assert_in_the_box(markup)
        else:
            _root(markup)


def test_hostile_text_is_text() -> None:
    for kind, markup in _draw_all(HOSTILE, tuple(range(1, 10))).items():
        assert "<script" not in markup, kind
        assert "\u202e" not in markup and "\x00" not in markup, kind
        assert {each.tag.rpartition("}")[2] for each in _root(markup).iter()} <= {
            *("svg", "title", "desc", "g", "rect", "circle", "line", "path", "text", "tspan"),
            *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "small", "span"),
        }


def test_a_long_label_is_cut_and_whole_where_it_is_pointed_at() -> None:
    root = _root(charts.draw_bars(ABOUT, [Bar("x" * 500, 3)]))
    texts = ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]
    assert any(text.endswith("…") for text in texts) and max(map(len, texts)) < 60
    assert any("x" * 500 in (each.text or "") for each in root.iter(f"{SVG}title"))


@pytest.mark.parametrize(
    ("unit", "counts", "says"),
    [
        ("interactions", (300, 20), "2 bars of interactions: view 300; view 20"),
        ("interactions", (300,), "1 bar of interactions: view 300"),
        ("", (1, 2, 3, 4), "4 bars: view 1; view 2; view 3; and 1 more"),
    ],
)
def test_the_sentence_of_bars_does_not_take_their_number_for_what_is_counted(
    unit: str, counts: tuple[int, ...], says: str
) -> None:
    root = _root(charts.draw_bars(About("chart", "Actions", unit=unit), [Bar("view", count) for count in counts]))
    assert root[1].text == says


@given(st.text(max_size=80), st.floats(5, 400))
def test_a_cut_label_fits(text: str, room: float) -> None:
    given_back = cut(text, room)
    assert measure(given_back) <= max(room, measure("…"))


def _bars(markup: Markup, kind: str, length: str) -> list[float]:
    shapes = [each for each in _root(markup).iter(f"{SVG}rect") if each.attrib["class"].split()[0] == kind]
    return [float(each.attrib[length]) for each in shapes]


def test_equal_numbers_have_equal_lengths_and_double_ones_double() -> None:
    one, two, three = _bars(charts.draw_bars(ABOUT, [Bar("a", 100), Bar("b", 100), Bar("c", 50)]), "bar", "width")
    assert one == two and three == pytest.approx(one / 2, abs=0.1)
    up, down = [Series("new", [10, 10, 5])], [Series("dormant", [10, None, None])]
    heights = _bars(charts.draw_stacked_bars(ABOUT, _periods(3), up, down), "bar", "height")
    assert heights[0] == heights[1] == heights[2] == pytest.approx(heights[3] * 2, abs=0.1)


def test_bars_of_a_funnel_have_one_height_and_the_dropped_part_begins_where_the_bar_ends() -> None:
    markup = charts.draw_funnel(ABOUT, [Step("view", 1000), Step("cart", 400), Step("purchase", 100)])
    assert len(set(_bars(markup, "bar", "height"))) == 1
    first, second, third = _bars(markup, "bar", "width")
    assert (second / first, third / first) == (pytest.approx(0.4, abs=0.01), pytest.approx(0.1, abs=0.01))
    assert _bars(markup, "dropped", "x") == [second, third]
    assert _bars(markup, "dropped", "width") == [
        pytest.approx(first - second, abs=0.2),
        pytest.approx(second - third, abs=0.2),
    ]


def test_boxes_of_a_flow_are_as_high_as_their_sessions_are_many() -> None:
    edges = [Edge(1, "view", "cart", 60), Edge(1, "view", None, 40), Edge(2, "cart", None, 60)]
    view, cart, ends, later_end = _bars(charts.draw_flow(ABOUT, edges), "bar", "height")
    assert (cart / view, ends / view) == (pytest.approx(0.6, abs=0.01), pytest.approx(0.4, abs=0.01))
    assert later_end == cart


def test_a_flow_shows_all_sessions_of_a_step_the_rare_ones_as_other() -> None:
    edges = [Edge(1, f"action {at}", f"action {at + 1}", 10) for at in range(20)]
    root = _root(charts.draw_flow(ABOUT, edges))
    titles = [each.text or "" for each in root.iter(f"{SVG}title")]
    assert "other: 150 interactions, 75\u00a0%" in titles
    assert len([each for each in titles if "75\u00a0%" in each]) == 2


def test_an_action_called_other_is_no_rest() -> None:
    root = _root(charts.draw_flow(ABOUT, [Edge(1, "other", "ends here", 10)]))
    assert [each.attrib["class"] for each in root.iter(f"{SVG}rect")] == ["bar s1", "bar s1"]


def test_what_is_incomplete_is_dashed_and_hollow_and_the_rest_is_not() -> None:
    periods = _periods(4, is_complete=[True, True, True, False])
    root = _root(charts.draw_lines(ABOUT, periods, [Series("a", [1, 2, 3, 1])]))
    lines = [each for each in root.iter(f"{SVG}path") if each.attrib["class"].startswith("line")]
    assert [each.attrib["class"] for each in lines] == ["line s1", "line s1 incomplete"]
    assert len(re.findall("[ML]", lines[0].attrib["d"])) == 3
    points = [each.attrib["class"] for each in root.iter(f"{SVG}circle") if "point" in each.attrib["class"]]
    assert points == ["point s1 incomplete"]
    assert [each.text for each in root.iter(f"{SVG}title")][-1].endswith("1 interactions (incomplete)")  # type: ignore[union-attr]


def test_a_missing_number_is_a_gap_and_no_zero() -> None:
    root = _root(charts.draw_lines(ABOUT, _periods(5), [Series("a", [1, 2, None, 2, 3])]))
    assert len([each for each in root.iter(f"{SVG}path") if each.attrib["class"].startswith("line")]) == 2


def test_of_many_series_the_largest_are_drawn_and_the_others_are_added_up() -> None:
    series = [Series(f"action {at}", [at, at]) for at in range(1, 9)]
    root = _root(charts.draw_lines(ABOUT, _periods(2), series))
    names = ["".join(each.itertext()) for each in root.iter(f"{SVG}text") if "name" in each.attrib["class"]]
    assert sorted(names) == ["action 5", "action 6", "action 7", "action 8", "other (4)"]
    assert "other (4) 10" in [each.text for each in root.iter(f"{SVG}title")][-1]  # type: ignore[operator]


def test_names_at_the_ends_of_lines_do_not_lie_upon_each_other() -> None:
    root = _root(charts.draw_lines(ABOUT, _periods(3), [Series(f"s{at}", [5, 5, 0]) for at in range(5)]))
    places = sorted(float(each.attrib["y"]) for each in root.iter(f"{SVG}text") if "name" in each.attrib["class"])
    assert all(b - a >= 14.9 for a, b in pairwise(places))


def test_a_thousand_periods_weigh_less_than_a_hundred_kilobytes() -> None:
    markup = charts.draw_lines(ABOUT, _periods(1000), [Series("a", list(range(1000)))])
    assert len(markup) < 100_000
    assert len(list(_root(markup).iter(f"{SVG}g"))) == 200


@given(st.floats(0, 1e15), st.floats(-1e15, 0))
def test_an_axis_begins_at_0_or_below_and_holds_every_number(largest: float, lowest: float) -> None:
    marks = choose_marks(largest, lowest)
    assert 0 in marks and len(marks) <= 8
    # A hair's breadth beyond the last mark is less than a pixel.
    reach = marks[-1] - marks[0]
    assert marks[-1] >= largest - reach / 1000 and marks[0] <= lowest + reach / 1000
    assert marks == sorted(marks)


@pytest.mark.parametrize("href", ["https://example.com", "//example.com", "javascript:alert(1)", "data:,x", ""])
def test_a_chart_links_to_its_own_page_alone(href: str) -> None:
    with pytest.raises(ValueError, match="leads elsewhere"):
        charts.draw_bars(ABOUT, [Bar("a", 1, href=href)])


def test_a_chart_has_no_colour_of_its_own_and_every_class_has_its_rules() -> None:
    rules = set(
        re.findall(r"\.([a-z][a-z0-9-]*)", re.sub(r"/\*.*?\*/", "", charts.compose_stylesheet(), flags=re.DOTALL))
    )
    drawn = _draw_all(("a", "b", "c", "d", "e", "f", "g"), (5, 3, -2, 8, 1, None, 7)).values()
    for markup in (*drawn, charts.draw_lines(ABOUT, _periods(3), [Series("a", [1, 2, 3])])):
        for each in _root(markup).iter():
            assert "style" not in each.attrib and "stroke" not in each.attrib
            assert each.attrib.get("fill", "none") == "none"
            # Parts that need no rule: they are there to be found, or look as all text does.
            assert set(each.attrib.get("class", "").split()) - {"label"} <= rules


def test_a_file_of_a_chart_brings_its_colours_and_nothing_from_elsewhere() -> None:
    text = charts.make_file_text(charts.draw_lines(ABOUT, _periods(2), [Series("a", [1, 2])]))
    root = ElementTree.fromstring(text.encode())
    assert root.find(f"{SVG}style") is not None
    assert re.findall(r"https?://[^\"]*", text) == ["http://www.w3.org/2000/svg"] and "url(" not in text


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _schemes() -> Iterator[tuple[str, str]]:
    rules = re.sub(r"/\*.*?\*/", "", charts.compose_stylesheet(), flags=re.DOTALL)
    light, dark, _ = re.split(r"@media [^{]*\{", rules)
    yield "#ffffff", light
    yield "#12161c", dark


@pytest.mark.parametrize(("ground", "rules"), list(_schemes()), ids=["light", "dark"])
def test_text_and_lines_can_be_told_from_what_they_stand_on(ground: str, rules: str) -> None:
    def find(selector: str, name: str) -> str:
        found = [
            value
            for selectors, body in re.findall(r"([^{}]+)\{([^}]*)\}", rules)
            if selector in [each.strip() for each in selectors.split(",")]
            for value in re.findall(rf"(?<![-\w]){name}: (#[0-9a-f]{{6}})", body)
        ]
        assert found, (selector, name)
        return str(found[-1])

    for level in range(9):
        rule = f"table.heat td.h{level}"
        assert _contrast(find(rule, "background"), find(rule, "color")) >= 4.5, rule
    for name in ("s1", "s2", "s3", "s4", "s5", "s-other"):
        assert _contrast(find(f".chart .name.{name}", "fill"), ground) >= 4.5, name
        assert _contrast(find(f".chart .line.{name}", "stroke"), ground) >= 3, name
    for text in (".chart text", ".chart .muted"):
        assert _contrast(find(text, "fill"), ground) >= 4.5, text
    for behind in (".chart .track", ".chart .dropped"):
        assert _contrast(find(".chart .lost", "fill"), find(behind, "fill")) >= 4.5, behind
    levels = [_luminance(find(f".chart .cell.h{level}", "fill")) for level in range(9)]
    assert levels in (sorted(levels), sorted(levels, reverse=True)), "each depth can be told in grey, too"


def test_numbers_that_are_none_are_none() -> None:
    assert [read_number(each) for each in (math.nan, math.inf, None, "1", True, 10**400)] == [None] * 6

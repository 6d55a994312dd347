"""The SVG is well formed, complete in itself, and shows sizes by colour, width and number."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from glassgrad.errors import ArgumentError
from glassgrad.lens import Box, Flow, Picture
from glassgrad.lens.picturing.lettering import short_number, text_width
from glassgrad.lens.picturing.style import DARK, LIGHT, STYLE
from tests.lens.picturing.networks import NETWORKS, Example, made

SVG = "{http://www.w3.org/2000/svg}"


def chain(*sizes: float | None, **how: object) -> Picture:
    boxes = [Box(str(n), "layer", str(n), ("Dense",)) for n in range(len(sizes) + 1)]
    flows = [Flow(str(n), str(n + 1), 4, size) for n, size in enumerate(sizes)]
    return Picture("chain", boxes, flows, **how)  # type: ignore[arg-type]


def parsed(picture: Picture) -> ET.Element:
    return ET.fromstring(picture.svg)


def strokes(picture: Picture) -> list[tuple[str, float]]:
    """Class and width of every line that carries a gradient, without the legend's."""
    return [
        (path.attrib["class"], float(path.attrib["stroke-width"]))
        for group in parsed(picture).iter(f"{SVG}g")
        for path in group.iter(f"{SVG}path")
        if "stroke-width" in path.attrib and path.attrib["class"] != "forward"
    ]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("rankdir", ["TB", "LR"])
def test_it_is_well_formed_and_nothing_is_out_of_sight(
    network: Callable[[], Example], rankdir: str
) -> None:
    model, x, y = made(network)
    picture = model.plot(x=x, y=y, rankdir=rankdir, depth=2)
    root = parsed(picture)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for rect in root.iter(f"{SVG}rect"):
        left, top = float(rect.attrib.get("x", 0)), float(rect.attrib.get("y", 0))
        assert left >= 0
        assert top >= 0
        assert left + float(rect.attrib["width"]) <= width + 0.1
        assert top + float(rect.attrib["height"]) <= height + 0.1
    for text in root.iter(f"{SVG}text"):
        kind, x_place = text.attrib["class"], float(text.attrib["x"])
        wide = text_width(text.text or "", 11)
        start = x_place - (wide / 2 if "middle" in kind else wide if "end" in kind else 0)
        assert start >= 0
        if "name" not in kind:
            assert start + wide <= width + 1
    assert "nan" not in picture.svg.replace("nan_", "")


def test_text_lies_inside_its_box() -> None:
    long = "a_very_long_name_of_a_layer_that_somebody_has_chosen"
    picture = Picture("p", [Box(long, "layer", long, ("Dense", "(None, 10)"))], [])
    (box,) = [r for r in parsed(picture).iter(f"{SVG}rect") if "layer" in r.attrib["class"]]
    shown = [
        t.text or "" for t in parsed(picture).iter(f"{SVG}text") if "name" in t.attrib["class"]
    ]
    assert shown[0].endswith("…")
    assert text_width(shown[0], 13, bold=True) < float(box.attrib["width"]) < 400
    assert long in picture.svg  # in the words that a pointer brings up


def test_nothing_comes_from_outside() -> None:
    picture = chain(1.0)
    assert "http" not in picture.svg.replace("http://www.w3.org/2000/svg", "")
    assert "url(" not in picture.svg
    assert "<script" not in picture.svg


def test_rules_touch_such_pictures_alone() -> None:
    rules = re.sub(r"@media[^{]*\{", "", STYLE)
    for rule in re.findall(r"([^{}]+)\{", rules):
        assert all(one.startswith(".glassgrad-network") for one in rule.split(","))


def test_larger_gradients_are_thicker_and_further_from_the_ground() -> None:
    found = strokes(chain(1e-8, 1e-6, 1e-4, 1e-2, 1.0))
    assert [name for name, _ in found] == sorted({name for name, _ in found})
    widths = [width for _, width in found]
    assert widths == sorted(set(widths))
    assert found[-1][0] == "g8"


def test_what_differs_little_looks_alike() -> None:
    assert len(set(strokes(chain(0.50, 0.51, 0.52)))) == 1


@pytest.mark.parametrize("colours, darker_is_more", [(LIGHT, True), (DARK, False)])
def test_colours_are_told_apart_by_their_brightness(
    colours: tuple[str, ...], darker_is_more: bool
) -> None:
    def brightness(colour: str) -> float:
        red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
        return 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2

    found = [brightness(colour) for colour in colours]
    assert found == sorted(found, reverse=darker_is_more)


def test_zero_infinite_and_missing_gradients() -> None:
    picture = chain(0.0, float("inf"), float("nan"), None, 0.5)
    assert [name for name, _ in strokes(picture)] == ["zero", "broken", "broken", "g8"]
    labels = [t.text for t in parsed(picture).iter(f"{SVG}text") if "number" in t.attrib["class"]]
    assert labels == ["0", "inf", "nan", "0.5"]


def test_all_gradients_zero() -> None:
    assert [name for name, _ in strokes(chain(0.0, 0.0))] == ["zero", "zero"]


def test_without_gradients_there_is_no_legend() -> None:
    assert "gradient on its way back" not in chain(None).svg
    assert "gradient on its way back" in chain(1.0).svg


def test_the_legend_names_what_is_measured() -> None:
    assert "norm of the gradient" in chain(1.0).svg
    assert "root mean square of the gradient" in chain(1.0, per_element=True).svg


def test_signed_shares_of_scalars_are_labelled() -> None:
    boxes = [Box(name, "operation", name) for name in "ab"]
    picture = Picture("p", boxes, [Flow("a", "b", 1, 0.25, -0.25)])
    assert ">-0.25</text>" in picture.svg


def test_names_are_escaped() -> None:
    boxes = [Box("<a&b>", "layer", '<a&b> "quoted"'), Box("b", "loss", "b")]
    root = parsed(Picture("<title>", boxes, [Flow("<a&b>", "b", 1, 1.0)]))
    assert '<a&b> "quoted"' in [text.text for text in root.iter(f"{SVG}text")]


def test_boxes_lead_to_anchors() -> None:
    boxes = [Box("a", "layer", "a"), Box("b", "layer", "b")]
    picture = Picture("p", boxes, [Flow("a", "b")], links={"a": "#layer-a"})
    (link,) = parsed(picture).iter(f"{SVG}a")
    assert link.attrib["href"] == "#layer-a"
    assert parsed(picture).attrib["role"] == "group"


def test_it_says_what_it_is() -> None:
    root = parsed(chain(0.001, 1.0))
    assert root.attrib["aria-label"] == "Graph of chain: 3 layer; gradients from 0.001 to 1"
    assert root.attrib["role"] == "img"


def test_the_same_picture_is_the_same_file() -> None:
    assert chain(0.5, 1.0).svg == chain(0.5, 1.0).svg


def test_directions() -> None:
    right = parsed(chain(1.0, direction="right"))
    assert float(right.attrib["width"]) > float(right.attrib["height"])
    with pytest.raises(ArgumentError, match="direction='up'"):
        chain(1.0, direction="up")


@pytest.mark.parametrize(
    "value, text",
    [(0.0, "0"), (1.0, "1"), (-0.5, "-0.5"), (0.00123, "0.00123"), (0.000123, "1.23e-4"),
     (999.4, "999"), (1000.0, "1e3"), (1e-300, "1e-300"), (float("inf"), "inf")],
)  # fmt: skip
def test_short_numbers(value: float, text: str) -> None:
    assert short_number(value) == text


# ---- frames


def grouped(*groups: str) -> Picture:
    """A chain of boxes, each in a group."""
    boxes = [Box(str(n), "layer", str(n), group=group) for n, group in enumerate(groups)]
    return Picture("p", boxes, [Flow(str(n), str(n + 1)) for n in range(len(groups) - 1)])


def frames(picture: Picture) -> list[ET.Element]:
    return [one for one in parsed(picture).iter(f"{SVG}rect") if one.attrib["class"] == "frame"]


def test_groups_have_frames_with_their_names() -> None:
    picture = grouped("", "block", "block", "block/inner", "block/inner", "")
    outer, inner = frames(picture)
    assert float(outer.attrib["y"]) < float(inner.attrib["y"])
    assert float(outer.attrib["height"]) > float(inner.attrib["height"])
    small = [t.text for t in parsed(picture).iter(f"{SVG}text") if t.attrib["class"] == "small"]
    assert small == ["block", "inner"]


def test_a_frame_holds_its_boxes_alone() -> None:
    picture = grouped("", "a", "a", "b", "b")
    places = {
        text.text: float(text.attrib["y"])
        for text in parsed(picture).iter(f"{SVG}text")
        if "name" in text.attrib["class"]
    }
    for frame, inside in zip(frames(picture), ({"1", "2"}, {"3", "4"}), strict=True):
        top = float(frame.attrib["y"])
        within = {n for n, y in places.items() if top < y < top + float(frame.attrib["height"])}
        assert within == inside


def test_where_others_stand_between_a_box_says_where_it_belongs() -> None:
    picture = grouped("block", "", "block")
    assert not frames(picture)
    assert picture.svg.count(">in block</text>") == 2

"""The content of a page as PAGE XML and as COCO annotations."""

from __future__ import annotations

__all__ = ["coco_head", "coco_page", "page_xml"]

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from allograph.typography.paper import PageImage

_PAGE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
_MADE = "2024-01-01T00:00:00"
"""The same job gives the same files."""


def page_xml(page: PageImage, image: str) -> bytes:
    """PAGE XML of 2019-07-15: one region with its lines, baselines, words, glyphs, texts and boxes."""
    ElementTree.register_namespace("", _PAGE)
    root = ElementTree.Element(f"{{{_PAGE}}}PcGts")
    about = _add(root, "Metadata")
    for name, value in (("Creator", "allograph"), ("Created", _MADE), ("LastChange", _MADE)):
        _add(about, name).text = value
    width, height = page.picture.size
    sheet = _add(root, "Page", imageFilename=image, imageWidth=str(width), imageHeight=str(height))
    region = _add(sheet, "TextRegion", id="r1", type="paragraph")
    boxes = [line.box for line in page.lines]
    whole = tuple(pick(box[k] for box in boxes) for k, pick in enumerate((min, min, max, max)))
    _coords(region, whole)
    for number, line in enumerate(page.lines, 1):
        element = _add(region, "TextLine", id=f"r1l{number}")
        _coords(element, line.box)
        _add(element, "Baseline", points=_points(line.baseline))
        for place, (word, start) in enumerate(_words(line.text), 1):
            inside = [one for one in line.symbols if start <= one.start < start + len(word)]
            if not inside:
                continue
            part = _add(element, "Word", id=f"r1l{number}w{place}")
            _coords(part, tuple(pick(s.box[k] for s in inside) for k, pick in enumerate((min, min, max, max))))
            for count, symbol in enumerate(inside, 1):
                glyph = _add(part, "Glyph", id=f"r1l{number}w{place}g{count}")
                _coords(glyph, symbol.box)
                _text(glyph, symbol.symbol)
            _text(part, word)
        _text(element, line.text)
    _text(region, "\n".join(line.text for line in page.lines))
    ElementTree.indent(root, " ")
    return ElementTree.tostring(root, "utf-8", xml_declaration=True) + b"\n"


def coco_head(symbols: Sequence[str]) -> dict[str, Any]:
    """The rest of a COCO file, besides images and annotations: the symbols are its categories, from 1."""
    categories = [{"id": number, "name": symbol, "supercategory": "symbol"} for number, symbol in enumerate(symbols, 1)]
    return {"info": {"description": "Lines of text, made by allograph", "version": "1"}, "categories": categories}


def coco_page(
    page: PageImage, image: str, number: int, first: int, categories: Mapping[str, int]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The image and the annotations of one page; these are numbered from ``first`` on."""
    width, height = page.picture.size
    annotations = []
    for line in page.lines:
        for symbol in line.symbols:
            left, top, right, bottom = (round(value, 2) for value in symbol.box)
            annotations.append(
                {
                    "id": first + len(annotations),
                    "image_id": number,
                    "category_id": categories[symbol.symbol],
                    "bbox": [left, top, round(right - left, 2), round(bottom - top, 2)],
                    "area": round((right - left) * (bottom - top), 2),
                    "iscrowd": 0,
                }
            )
    return {"id": number, "file_name": image, "width": width, "height": height}, annotations


def _words(text: str) -> list[tuple[str, int]]:
    words, place = [], 0
    for word in text.split(" "):
        if word:
            words.append((word, place))
        place += len(word) + 1
    return words


def _add(parent: ElementTree.Element, name: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(parent, f"{{{_PAGE}}}{name}", attributes)


def _coords(parent: ElementTree.Element, box: Sequence[float]) -> None:
    left, top, right, bottom = box
    _add(parent, "Coords", points=_points([(left, top), (right, top), (right, bottom), (left, bottom)]))


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{max(0, round(x))},{max(0, round(y))}" for x, y in points)


def _text(parent: ElementTree.Element, text: str) -> None:
    _add(_add(parent, "TextEquiv"), "Unicode").text = text

"""The places of combining marks: above or below the middle of the symbol that they follow."""

from __future__ import annotations

__all__ = ["mark_text"]

from collections.abc import Mapping

from allograph.typography.glyphs import Drawing

_GAP = 60
"""White between a symbol and its mark, units."""

_BELOW = frozenset({202, 220, 240})


def mark_text(bases: Mapping[str, Drawing], marks: Mapping[str, Drawing], classes: Mapping[str, int]) -> str:
    """The feature `mark`, for marks by their Unicode combining class; empty without marks.

    A mark's anchor is the middle of its lower edge or, if it stands below, of its upper edge. A symbol's anchors are
    the middles of its own edges, a gap away.
    """
    lines = []
    sides = set()
    for name, drawing in marks.items():
        below = classes.get(name, 230) in _BELOW
        left, bottom, right, top = drawing.box
        side = "below" if below else "above"
        sides.add(side)
        lines.append(
            f"markClass {name} <anchor {round((left + right) / 2)} {round(top if below else bottom)}> @{side};"
        )
    if not lines:
        return ""
    lines.append("feature mark {")
    for side in sorted(sides):
        lines.append(f"  lookup {side} {{")
        for name, drawing in bases.items():
            left, bottom, right, top = drawing.box
            y = bottom - _GAP if side == "below" else top + _GAP
            lines.append(f"    pos base {name} <anchor {round((left + right) / 2)} {round(y)}> mark @{side};")
        lines.append(f"  }} {side};")
    lines.append("} mark;")
    return "\n".join(lines) + "\n"

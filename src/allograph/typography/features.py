"""OpenType features in Adobe's language: repeats that differ, stylistic sets, marks and kerning.

`calt` goes round all drawings: after the k-th drawing of a symbol comes the (k+1)-th drawing of the next, whichever
symbol that is. So with v drawings of each, repeats of a symbol differ up to a distance of v - 1, spaces included.
`rand`, which some programs support, chooses the drawing with which a run begins. It comes first, so the turns still
follow from it.
"""

from __future__ import annotations

__all__ = ["LookupNames", "feature_text", "kerning_text"]

from collections.abc import Mapping, Sequence

LookupNames = Mapping[str, Sequence[str]]
"""The glyphs of each symbol's drawings, by the first one's name; all have equally many."""

_BETWEEN = 2
"""Largest number of glyphs without alternates, mostly spaces, between two that take turns."""


def feature_text(
    drawings: LookupNames, others: Sequence[str], ligatures: Mapping[str, Sequence[str]], marks: Sequence[str]
) -> str:
    """All substitutions.

    Args:
        others: glyphs that have a single drawing.
        ligatures: the glyphs that each of these replaces.
        marks: glyphs that combine.
    """
    count = len(next(iter(drawings.values()))) if drawings else 1
    parts = ["languagesystem DFLT dflt;", "languagesystem latn dflt;"]
    if ligatures:
        joined = sorted(ligatures.items(), key=lambda pair: -len(pair[1]))
        rules = "\n".join(f"    sub {' '.join(glyphs)} by {name};" for name, glyphs in joined)
        parts.append(f"feature ccmp {{\n{rules}\n}} ccmp;")
    if count > 1:
        parts += _turning(drawings, others, count)
    if marks:
        parts.append(f"table GDEF {{\n    GlyphClassDef , , [{' '.join(marks)}], ;\n}} GDEF;")
    return "\n\n".join(parts) + "\n"


def kerning_text(drawings: LookupNames, pairs: Mapping[tuple[str, str], int]) -> str:
    """The feature `kern`, by the names of the symbols' first drawings; all drawings of a symbol are kerned alike."""
    if not pairs:
        return ""
    used = dict.fromkeys(name for pair in pairs for name in pair)
    classes = [f"@kern_{number} = [{' '.join(drawings.get(name, [name]))}];" for number, name in enumerate(used)]
    place = {name: number for number, name in enumerate(used)}
    rules = [f"    pos @kern_{place[a]} @kern_{place[b]} {value};" for (a, b), value in sorted(pairs.items())]
    return "\n".join([*classes, "feature kern {", *rules, "} kern;"]) + "\n"


def _turning(drawings: LookupNames, others: Sequence[str], count: int) -> list[str]:
    every = [glyph for glyphs in drawings.values() for glyph in glyphs]
    parts = [f"@all = [{' '.join(every)}];"]
    parts += [f"@drawing{k} = [{' '.join(glyphs[k] for glyphs in drawings.values())}];" for k in range(count)]
    if others:
        parts.append(f"@others = [{' '.join(others)}];")
    alternates = "\n".join(f"    sub {name} from [{' '.join(glyphs)}];" for name, glyphs in drawings.items())
    parts.append("feature aalt {\n    feature salt;\n} aalt;")
    parts.append(f"feature rand {{\n{alternates}\n}} rand;")
    for k in range(count):
        parts.append(f"lookup to{k} {{\n{_to(drawings, k)}\n}} to{k};")
    turns = []
    for between in range(_BETWEEN + 1 if others else 1):
        turns += [f"    sub @drawing{k} {'@others ' * between}@all' lookup to{(k + 1) % count};" for k in range(count)]
    parts.append("feature calt {\n  lookup turns {\n" + "\n".join(turns) + "\n  } turns;\n} calt;")
    salt = "\n".join(
        f"    sub {glyph} from [{' '.join(other for other in glyphs if other != glyph)}];"
        for glyphs in drawings.values()
        for glyph in glyphs
    )
    parts.append(f"feature salt {{\n{salt}\n}} salt;")
    for k in range(count):
        name = "The sheet's own drawing" if k == 0 else f"Drawing {k + 1}"
        # Rules of its own, after those of `calt`: a set that is asked for has the last word.
        parts.append(
            f'feature ss{k + 1:02d} {{\n    featureNames {{ name "{name}"; }};\n{_to(drawings, k)}\n}} ss{k + 1:02d};'
        )
    return parts


def _to(drawings: LookupNames, k: int) -> str:
    """Rules from any drawing of a symbol to the k-th."""
    return "\n".join(
        f"    sub [{' '.join(glyph for glyph in glyphs if glyph != glyphs[k])}] by {glyphs[k]};"
        for glyphs in drawings.values()
    )

"""Sphinx extension: docstrings that are plain text, and equations that need no script.

Docstrings of this project are written to be read in an editor. So everything outside of backticks is plain text here,
and a block that stands apart and indented, such as an equation, is shown as it is.

Equations become MathML, by the converter of docutils: no script, no font and no server is needed to read them.
"""

from __future__ import annotations

__all__ = ["setup"]

import re
from html import escape
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger

_log = getLogger(__name__)

_SECTIONS = ("Args:", "Attributes:", "Raises:", "Returns:", "Yields:")
_LITERAL = re.compile(r"(``.+?``|`[^`]+`)")
_BROKEN = re.compile(r"``[^`]+``|(?<!`)`[^`\n]*\n[^`\n]*`(?!`)")
_SPECIAL = re.compile(r"[*|\\]|(?<=\w)_(?!\w)|(?<=(?<!\w)\w)\.$")
"""Emphasis, substitutions, references; and a line that ends in a single letter, which is no list."""


def plain(line: str) -> str:
    """A line whose markup characters outside of backticks are themselves."""
    parts = _LITERAL.split(line)
    return "".join(part if index % 2 else _SPECIAL.sub(r"\\\g<0>", part) for index, part in enumerate(parts))


def literal_blocks(lines: list[str]) -> list[str]:
    """The same lines, with ``::`` before every block that is indented and stands outside of sections like Args."""
    result: list[str] = []
    within_section = within_block = False
    for index, line in enumerate(lines):
        indented = line.startswith("    ")
        if line.strip() in _SECTIONS and not indented:
            within_section = True
        elif line and not indented:
            within_section = within_block = False
        if indented and not within_section and not within_block and (index == 0 or not lines[index - 1].strip()):
            result += ["::", ""]
            within_block = True
        result.append(line if within_block else plain(line))
    return result


def _docstring(app: Sphinx, what: str, name: str, subject: Any, options: Any, lines: list[str]) -> None:
    # Joined first: a literal may be broken across two lines.
    text = _BROKEN.sub(lambda found: " ".join(found[0].split()), "\n".join(lines))
    lines[:] = literal_blocks(text.split("\n"))


def _signature(
    app: Sphinx, what: str, name: str, subject: Any, options: Any, arguments: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Defaults that are made anew for every object are ``...``, so that a signature can be read by a program."""
    return (arguments.replace("<factory>", "...") if arguments else arguments), returned


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(_mathml(node, as_block=False))
    raise nodes.SkipNode


def _block(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math">{_mathml(node, as_block=True)}</div>')
    raise nodes.SkipNode


def _mathml(node: nodes.Element, *, as_block: bool) -> str:
    """The equation; as it was written, and a warning, where the converter does not know a command."""
    try:
        return tex2mathml(node.astext(), as_block=as_block)
    except MathError as error:
        _log.warning("%s in the equation %s", error, node.astext(), location=node)
        return f"<code>{escape(node.astext())}</code>"


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls."""
    app.connect("autodoc-process-docstring", _docstring, priority=400)  # before napoleon reads the sections
    app.connect("autodoc-process-signature", _signature)
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

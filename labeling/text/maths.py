"""Formulas in Markdown: $…$, $$…$$, \\(…\\) and \\[…\\], turned into MathML.

A formula that cannot be converted, or is longer than anything a person writes, is shown as its source.
"""

import re
from functools import lru_cache
from html import escape

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.dollarmath import dollarmath_plugin

from labeling.text.allowed import MATHML
from labeling.text.unseen import UNSEEN, mark

LONGEST = 1000  # characters; the converter is quadratic on hostile input
DEEPEST = 20  # nested braces; the converter recurses

_ENTITY = re.compile(r"&(#|\w+;)")
_ELEMENT = re.compile(r"<[/!?]*\s*(\w*)")


def formulas(markdown: MarkdownIt) -> None:
    """Teach a parser the four ways in which language models write formulas."""
    dollarmath_plugin(markdown, allow_labels=False, allow_space=False, allow_digits=False, double_inline=True)
    markdown.inline.ruler.before("escape", "math_parens", _parens)
    markdown.block.ruler.before("fence", "math_brackets", _brackets, {"alt": ["paragraph", "blockquote", "list"]})
    for kind, block in {"math_inline": False, "math_inline_double": True, "math_block": True}.items():
        markdown.add_render_rule(kind, _display if block else _inline)


def _parens(state: StateInline, silent: bool) -> bool:
    """\\( … \\) inside a line of text, and \\[ … \\] where it does not begin a line."""
    opening = state.src[state.pos : state.pos + 2]
    closing = {"\\(": "\\)", "\\[": "\\]"}.get(opening)
    if closing is None:
        return False
    end = state.src.find(closing, state.pos + 2, state.pos + 2 + LONGEST)
    if end < 0:
        return False
    if not silent:
        token = state.push("math_inline" if opening == "\\(" else "math_inline_double", "math", 0)
        token.content, token.markup = state.src[state.pos + 2 : end], opening
    state.pos = end + 2
    return True


def _brackets(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A block that begins with \\[ and ends with a line that closes it."""
    start = state.bMarks[first] + state.tShift[first]
    if state.is_code_block(first) or not state.src.startswith("\\[", start):
        return False
    limit = min(state.eMarks[last - 1], start + LONGEST)
    end = state.src.find("\\]", start + 2, limit)
    if end < 0:
        return False
    line = first
    while state.eMarks[line] < end:
        line += 1
    if state.src[end + 2 : state.eMarks[line]].strip(" .,;"):
        return False
    if not silent:
        token = state.push("math_block", "math", 0)
        token.block, token.markup, token.map = True, "\\[", [first, line + 1]
        token.content = state.getLines(first, line + 1, state.blkIndent, False).strip().rstrip(" .,;")[2:-2]
        state.line = line + 1
    return True


def _inline(self: RendererHTML, tokens: list[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    return mathml(tokens[index].content, block=False, markup=tokens[index].markup)


def _display(self: RendererHTML, tokens: list[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    return mathml(tokens[index].content, block=True, markup=tokens[index].markup)


@lru_cache(maxsize=1024)
def mathml(source: str, *, block: bool, markup: str = "$") -> str:
    """One formula as MathML, or as its source in a code element where that cannot be done safely."""
    closing = {"\\(": "\\)", "\\[": "\\]"}.get(markup, markup)
    shown = f"<code>{escape(mark(markup + source + closing))}</code>"
    if len(source) > LONGEST or _depth(source) > DEEPEST or UNSEEN.search(source) or not source.strip():
        return shown
    if _ENTITY.search(source):
        return shown
    try:
        made = convert(source.strip(), display="block" if block else "inline")
    except Exception:  # the converter raises whatever its input provokes, IndexError and KeyError among them
        return shown
    if not set(_ELEMENT.findall(made)) <= MATHML:
        return shown  # the converter copies what stands in \\text{…} as it is
    return f'<span class="formula" tabindex="0">{made}</span>' if block else made


def _depth(source: str) -> int:
    deepest = depth = 0
    for character in source:
        depth += (character == "{") - (character == "}")
        deepest = max(deepest, depth)
    return deepest + source.count("\\left") + source.count("\\begin")

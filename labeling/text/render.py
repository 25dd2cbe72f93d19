"""Hostile model output to safe HTML.

Markdown without raw HTML, then an allow list: the sanitiser sees only what our own renderer wrote, and is
there for the day on which that assumption fails. Nothing is fetched (an image is shown as its address),
nothing is lost (what cannot be formatted is shown as typed), nothing is invisible (see `unseen`).

Costs: a text without Markdown takes a path of its own, 5 to 20 µs; a formatted one about 1 ms per 1,000
characters, once per process while it stays among the latest 1,024.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from labeling.text.allowed import LEXERS, SANITISER
from labeling.text.maths import formulas
from labeling.text.tables import whole_tables
from labeling.text.unseen import UNSEEN, is_marked, mark, parseable, plain, reveal

FORMATTED_UP_TO = 60_000  # characters; longer text is shown as typed
REMEMBERED_UP_TO = 20_000  # characters; longer text is formatted anew each time, so that memory stays bounded
COLOURED_UP_TO = 8_000  # characters of code; some lexers are slow on purpose-made input
BRACKETS_UP_TO = 2_000  # opening brackets; the parser looks for the end of each
DEEPEST = 90  # nested blocks; the parser drops what lies deeper than 100

# What could mean something to Markdown, within a line or at its ends. A text without it is paragraphs.
_MARKUP = tuple("\\`*_[]<>&|~$")
_LINE_MARKUP = re.compile(r"\n(?:[-+=:# ]|\d+[.)])| \n")
_PARAGRAPHS = re.compile(r"\n{2,}")
_DEEP = re.compile(rf"^(?:[ \t]*(?:>|[-*+]|\d+[.)])){{{DEEPEST},}}", re.MULTILINE)
_INDENTED = re.compile(rf"^[ \t]{{{2 * DEEPEST},}}", re.MULTILINE)


def render(text: str) -> SafeString:
    """Safe HTML of a message that a model or a stranger wrote. Takes any string, raises on none."""
    if _is_ordinary(text):
        return _quick(text)
    return _remembered(text) if len(text) <= REMEMBERED_UP_TO else _formatted(text)


def excerpt(text: str, length: int = 160) -> str:
    """The beginning of a message on one line, unseen characters named; for tables. Escape it as usual."""
    line = " ".join(plain(text[: 2 * length]).split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def _is_ordinary(text: str) -> bool:
    """Whether neither Markdown nor `unseen` has anything to do. Single searches beat one regex."""
    if not text.replace("\n", "").isprintable() or any(character in text for character in _MARKUP):
        return False
    return _LINE_MARKUP.search(f"\n{text}\n") is None and (text.isascii() or UNSEEN.search(text) is None)


def _quick(text: str) -> SafeString:
    """Paragraphs of a text without Markdown. Equal to what the parser makes of it."""
    paragraphs = [p.replace("\n", "<br>\n") for p in _PARAGRAPHS.split(text.strip("\n")) if p]
    return mark_safe("".join(f"<p>{p}</p>\n" for p in paragraphs))  # noqa: S308


def _formatted(text: str) -> SafeString:
    text = parseable(text)
    if len(text) > FORMATTED_UP_TO or text.count("[") > BRACKETS_UP_TO or _DEEP.search(text) or _INDENTED.search(text):
        return _typed(text)
    return mark_safe(reveal(SANITISER.clean(str(_PARSER.render(text)))))  # noqa: S308


_remembered = lru_cache(maxsize=1024)(_formatted)


def _typed(text: str) -> SafeString:
    """The text as it was typed, where formatting it would cost too much or hide something."""
    return mark_safe(reveal(f'<p class="typed">{escape(mark(text), quote=False)}</p>'))  # noqa: S308


def _prepare(state: StateCore) -> None:
    """Name unseen characters, also those written as entities; make headings a ladder below h2."""
    ladder: list[int] = []
    for token in state.tokens:
        for part in [token, *(token.children or [])]:
            if part.type in ("text", "code_inline", "code_block", "fence"):
                part.content = mark(part.content)
        if token.type == "heading_open":
            written = int(token.tag[1])
            while ladder and ladder[-1] >= written:
                ladder.pop()
            ladder.append(written)
            token.attrSet("class", f"level-{written}")
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, len(ladder) + 2)}"
        align = str(token.attrs.pop("style", ""))
        if align and token.type in ("td_open", "th_open"):
            token.attrSet("class", {"right": "end"}.get(align.rpartition(":")[2], align.rpartition(":")[2]))


def _fence(self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    info = token.info.strip()
    label = f'<span class="info">{escape(mark(info))}</span>' if info else ""
    return f'<pre tabindex="0">{label}<code>{_coloured(token.content, info)}</code></pre>\n'


def _coloured(code: str, info: str) -> str:
    words = info.lower().split()
    lexer = LEXERS.get(words[0]) if words else None
    if lexer is None or len(code) > COLOURED_UP_TO or is_marked(code):
        return escape(code, quote=False)
    return str(highlight(code, get_lexer_by_name(lexer, stripnl=False, ensurenl=False), _COLOURS))


def _image(self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    words = f"{token.content} ⟨{token.attrs.get('src', '')}⟩ {token.attrs.get('title', '')}".strip()
    return f'<span class="image">image: {escape(mark(words), quote=False)}</span>'


def _link_open(self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    return f'<a href="{escape(str(tokens[index].attrs.get("href", "")))}" target="_blank">'


def _link_close(self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    """Write the address out: the words of a link may name another place than it leads to."""
    opening = next(tokens[i] for i in range(index, -1, -1) if tokens[i].type == "link_open")
    if opening.info == "auto":
        return "</a>"
    address = " ".join(str(opening.attrs.get(part, "")) for part in ("href", "title")).strip()
    return f'</a> <span class="info">⟨{escape(mark(address), quote=False)}⟩</span>'


def _table_open(self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    return '<div class="scroll" tabindex="0"><table>\n'


def _table_close(self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    return "</table></div>\n"


def _parser() -> MarkdownIt:
    """CommonMark with tables and strikethrough; a line break is a line break, as in a chat; no raw HTML."""
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 100}).enable(
        ["table", "strikethrough"]
    )
    markdown.disable("html_block").disable("html_inline").disable("reference")
    formulas(markdown)
    whole_tables(markdown)
    markdown.core.ruler.push("prepare", _prepare)
    rules = {
        "fence": _fence,
        "code_block": _fence,
        "image": _image,
        "link_open": _link_open,
        "link_close": _link_close,
        "table_open": _table_open,
        "table_close": _table_close,
    }
    for kind, rule in rules.items():
        markdown.add_render_rule(kind, rule)
    return markdown


_COLOURS: HtmlFormatter[str] = HtmlFormatter(nowrap=True)
_PARSER = _parser()

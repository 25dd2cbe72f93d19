"""Characters that change what a reader sees without being seen: found, and given a visible name.

A response may reorder its own letters (bidirectional overrides), hide words (tag characters, zero-width
joiners) or carry control codes. Judges must see that it does.
"""

import re
import unicodedata
from functools import lru_cache
from html import escape

# Zero width, bidirectional, fillers that draw nothing, tags, controls, lone surrogates and the two private
# characters below, which stand for a marked one while Markdown is being parsed.
_UNSEEN = (
    "\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\ue000\ue001\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
UNSEEN = re.compile(f"[{_UNSEEN}]")
_FORBIDDEN = re.compile("[\ud800-\udfff\ue000\ue001]")
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARKED = re.compile(f"{_OPEN}([0-9A-F]+){_CLOSE}")

# Scripts whose spelling needs the joiners; between their letters they are ordinary orthography.
_JOINED_SCRIPTS = re.compile(
    "[\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\u1800-\u18af\ufb50-\ufdff\ufe70-\ufefe]"
)
_EMOJI = re.compile("[\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff#*0-9\ufe0f]")


def mark(text: str) -> str:
    """Replace each unseen character by a token that Markdown and the sanitiser leave alone."""
    if UNSEEN.search(text) is None:
        return text
    return UNSEEN.sub(lambda found: _token(found, text), text)


def is_marked(text: str) -> bool:
    """Whether `mark` has put a token into the text; such a text must not be cut into pieces any more."""
    return _OPEN in text


def reveal(html: str) -> str:
    """Turn the tokens of `mark` into visible labels."""
    if _OPEN not in html:
        return html
    return _MARKED.sub(lambda found: _label(found[1]), html)


def parseable(text: str) -> str:
    """The text without lone surrogates, which cannot be encoded, and without `mark`'s own two."""
    return _FORBIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def plain(text: str) -> str:
    """The text with every unseen character written as ⟨U+202E⟩: for titles, tables and logs."""
    return _MARKED.sub(r"⟨U+\1⟩", mark(text))


def _token(found: re.Match[str], text: str) -> str:
    character = found[0]
    before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
    if _belongs(character, before, after):
        return character
    return f"{_OPEN}{ord(character):04X}{_CLOSE}"


def _belongs(character: str, before: str, after: str) -> bool:
    """Whether the character is spelling, not trickery: joiners in scripts that need them and inside emoji."""
    if character in "\u200c\u200d" and _JOINED_SCRIPTS.match(before) and _JOINED_SCRIPTS.match(after):
        return True
    if character == "\u200d":
        return bool(_EMOJI.match(before) and _EMOJI.match(after))
    return character in "\ufe0e\ufe0f" and bool(_EMOJI.match(before)) and before != "\ufe0f"


@lru_cache(maxsize=512)
def _label(code: str) -> str:
    name = unicodedata.name(chr(int(code, 16)), "unnamed control or private character")
    return f'<span class="unseen" title="{escape(name.lower())}">U+{code}</span>'

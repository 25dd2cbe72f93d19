"""What models write reaches the page as text that cannot act, hide or vanish."""

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.text import render as rendering
from labeling.text.allowed import MATHML, MATHML_ATTRIBUTES, TAGS
from labeling.text.render import excerpt, render
from labeling.text.unseen import UNSEEN, plain

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt&colon;alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](https://tracker.example/pixel.png)",
    "[x](/accounts/logout/)",
    "<svg onload=alert(1)>",
    "</main></body><form action=/x>",
    "$\\text{<script>alert(1)</script>}$",
    "$\\text{&#8238;}$",
    "$$\\href{javascript:alert(1)}{x}$$",
    "\\(\\class{evil}{x}\\)",
    "$\\style{position:fixed}{x}$",
    '[x](https://a.example" onmouseover="alert(1))',
    "```python onmouseover=alert(1)\nx\n```",
    '```"><script>\nx\n```',
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!-- --><math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<style>body{display:none}</style>",
    "|<b onclick=x>|\n|-|\n|$<img src=x>$|",
    "<a id=main name=csrftoken>",
    "[x]: javascript:alert(1)\n\n[x]",
    "<http://a.example/\u202egpj.exe>",
]
SAFE_TAGS = TAGS | MATHML
SAFE_ATTRIBUTES = {
    "class",
    "href",
    "target",
    "rel",
    "start",
    "tabindex",
    "title",
} | MATHML_ATTRIBUTES


class Reader(HTMLParser):
    """Collects tags, attributes and the text that a reader would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


def assert_harmless(html: str) -> None:
    for tag, attributes in read(html).tags:
        assert tag in SAFE_TAGS, html
        assert set(attributes) <= SAFE_ATTRIBUTES, html
        assert re.match(r"(https?|mailto):", attributes.get("href", "https:")), html
    assert not re.search(r"<(script|img|style|iframe|form|input|svg|object)", html)


SYNTAX = """# ;## ;- ;1. ;> ;**;*;_;`;``;$;$$;\\(;\\);\\[;\\];\\frac{;};\\left(;\\begin{matrix};&;&#8238;;[;](;);![
<;>;|;==;---;~~;\\;';word;é;字;مرحبا;👨‍👩‍👧;    ;&#0;;&#xE000;""".replace("\n", ";").split(";")
CONTROLS = ["|-|-|\n", "```\n", "~~~js\n", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\x00", "\x1b", '"']
UNSEEN_ONES = ["\u202e", "\u200b", "\u200d", "\ufeff", "\U000e0041", "\ue000", "\ud800"]
markdown_pieces = st.sampled_from([*HOSTILE, *SYNTAX, *CONTROLS, *UNSEEN_ONES])
documents = st.lists(markdown_pieces, max_size=30).map("".join) | st.text(max_size=300)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_answer_is_shown_and_does_nothing(text: str) -> None:
    html = render(text)
    assert_harmless(html)
    assert read(html).words.strip()


@given(documents)
def test_no_text_makes_a_tag_an_attribute_or_an_address_that_is_not_allowed(text: str) -> None:
    assert_harmless(render(text))


@given(documents)
def test_no_character_that_cannot_be_seen_reaches_the_page(text: str) -> None:
    left = UNSEEN.findall(read(render(text)).words)
    assert set(left) <= {"\u200c", "\u200d", "\ufe0e", "\ufe0f"}


@given(st.text(alphabet="ab .,!?;'\"()-+:=#\n1éß字\u3000", max_size=120))
def test_the_quick_path_and_the_parser_agree(text: str) -> None:
    if rendering._is_ordinary(text):
        assert rendering._quick(text) == rendering._formatted(text)


@given(
    st.lists(
        st.sampled_from(
            [
                "# ",
                "- ",
                "> ",
                "1. ",
                "**",
                "`",
                "~~",
                "\n",
                "\n\n",
                "    ",
                "| ",
                "|-|\n",
                "aw ",
                "bx ",
                "cy ",
                "$",
                "$$",
            ]
        ),
        max_size=40,
    )
)
def test_no_word_is_lost(pieces: list[str]) -> None:
    text = "".join(pieces)
    shown = read(render(text)).words
    for letter in "abcwxy":
        assert shown.count(letter) >= text.count(letter), text


def test_a_row_wider_than_its_tables_head_is_shown_as_text() -> None:
    assert "lost" in read(render("|a|\n|-|\n|b| lost |")).words
    assert "<table" in render("|a|b|\n|-|-|\n|c| d |\n|e|")


def test_an_override_is_named_where_it_stands() -> None:
    assert "U+202E" in read(render("safe \u202egpj.exe")).words
    assert "U+202E" in read(render("safe &#8238;gpj.exe")).words
    assert "U+202E" in read(render("`code \u202e`")).words
    assert plain("a\u200bb") == "a⟨U+200B⟩b"


def test_joiners_that_belong_to_the_spelling_stay() -> None:
    for text in ("👨‍👩‍👧", "می‌خواهم", "❤️"):
        assert read(render(text)).words.strip() == text


def test_a_zero_width_joiner_between_latin_letters_is_named() -> None:
    assert "U+200D" in read(render("pass\u200dword")).words


def test_an_image_is_its_address_and_nothing_is_fetched() -> None:
    html = render("![a cat](https://x.example/cat.png)")
    assert "<img" not in html
    assert "a cat ⟨https://x.example/cat.png⟩" in read(html).words


def test_a_link_says_where_it_leads() -> None:
    html = render("[my bank](https://evil.example/)")
    assert "⟨https://evil.example/⟩" in read(html).words
    assert 'rel="noopener noreferrer nofollow"' in html


@pytest.mark.parametrize("source", [r"\(x^2\)", r"$x^2$", "$$x^2$$", "\\[\nx^2\n\\]", "so \\[x^2\\] holds"])
def test_formulas_become_mathml(source: str) -> None:
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in render(source)


def test_prices_are_not_formulas() -> None:
    assert "<math" not in render("It costs $5 today and $10 tomorrow.")


@pytest.mark.parametrize("source", [r"$\frac{$", r"$\left($", r"$\begin{matrix}$", "$" + "{" * 300 + "}" * 300 + "$"])
def test_a_formula_that_cannot_be_converted_is_shown_as_typed(source: str) -> None:
    assert source.strip("$")[:20] in read(render(source)).words


def test_code_is_coloured_by_classes_alone() -> None:
    html = render("```python\ndef f(): return 1\n```")
    assert '<span class="k">def</span>' in html
    assert "style=" not in html


def test_headings_form_a_ladder_below_the_page() -> None:
    html = render("#### deep first\n\n# top\n\n### skips\n\n###### far\n")
    levels = [int(tag[1]) for tag, _ in read(html).tags if re.fullmatch(r"h\d", tag)]
    assert levels == [3, 3, 4, 5]


def test_nothing_is_dropped_however_deep_it_is_nested() -> None:
    assert "bottom" in read(render("> " * 200 + "bottom")).words
    assert "bottom" in read(render("".join("  " * n + "- x\n" for n in range(120)) + "  " * 120 + "- bottom")).words


def test_a_very_long_text_is_shown_whole() -> None:
    text = "*word* " * 10_000
    assert read(render(text)).words.count("word") == 10_000


@pytest.mark.parametrize(
    "piece",
    [
        "\\(",
        "\\[",
        "$",
        "$$",
        "[",
        "![",
        "`",
        "*a ",
        "_a",
        "> ",
        "<",
        "&",
        "~~",
        "- ",
        "|",
        "\\left(",
        "[a](",
        "\u200d",
    ],
)
def test_repetition_does_not_make_it_slow(piece: str) -> None:
    begun = time.process_time()
    render(piece * (9_000 // len(piece)))
    assert time.process_time() - begun < 3.0


def test_an_excerpt_is_one_line_of_at_most_its_length() -> None:
    assert excerpt("a\n\nb\u202e") == "a b⟨U+202E⟩"
    assert len(excerpt("x " * 500, 80)) <= 80

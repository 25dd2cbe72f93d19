"""What may stand in rendered text: elements, attributes, classes, and the languages that are coloured."""

import nh3
from pygments.token import STANDARD_TYPES

MATHML = set(
    """math menclose merror mfenced mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow
    ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none""".split()
)
MATHML_ATTRIBUTES = set(
    """accent accentunder columnalign columnlines columnspacing depth display fence form height linethickness
    lspace mathcolor mathsize mathvariant maxsize minsize movablelimits notation rowlines rowspacing rspace
    separator stretchy symmetric voffset width""".split()
)
TAGS = set(
    """a blockquote br code del div em h3 h4 h5 h6 hr li ol p pre s span strong table tbody td th thead tr
    ul""".split()
)

SANITISER = nh3.Cleaner(
    tags=TAGS | MATHML,
    attributes={
        "a": {"href", "title", "target"},
        "ol": {"start"},
        "pre": {"tabindex"},
        "div": {"tabindex"},
        "span": {"tabindex"},
        **dict.fromkeys(MATHML, MATHML_ATTRIBUTES),
    },
    allowed_classes={
        "span": {name for name in STANDARD_TYPES.values() if name} | {"image", "formula", "info"},
        "div": {"scroll"},
        "td": {"end", "center"},
        "th": {"end", "center"},
        "p": {"typed"},
        **{f"h{level}": {f"level-{written}" for written in range(1, 7)} for level in range(3, 7)},
    },
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",  # a relative link would lead into this site
    link_rel="noopener noreferrer nofollow",
)

_NAMES = """bash:sh,shell,zsh,console c:h cpp:c++ csharp:cs,c# css diff:patch go:golang haskell html java
    javascript:js,jsx json kotlin lua php python:py,python3 r ruby:rb rust:rs scala sql swift toml
    typescript:ts,tsx xml:svg yaml:yml"""
LEXERS = {name: entry.partition(":")[0] for entry in _NAMES.split() for name in entry.replace(":", ",").split(",")}

"""How a response is written, as numbers a linear head can read: length, marks, form, tone, echo of the prompt.

Counts are taken as log(1 + n) and most also as presence, because people rather see that something is there than how
often. Word lists are English; for other languages the bag of words and the policy's own states carry the tone.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
SENTENCE = re.compile(r"[.!?…]+(?=[\s\"')\]]|$)|\n+")
SPOTS = {
    "question mark": r"\?",
    "exclamation mark": r"!",
    "comma": r",",
    "colon": r":",
    "semicolon": r";",
    "dash": r"[–—]|\s-\s",
    "parenthesis": r"[()\[\]]",
    "quotation": r"[\"“”«»]",
    "contraction": r"\w['’](?:s|t|re|ve|ll|d|m)\b",
    "number": r"\d+(?:[.,:]\d+)*",
    "number word": r"\b(?:two|three|four|five|six|seven|eight|nine|ten|dozen|hundred|half|twice)\b",
    "list item": r"(?m)^\s*(?:[-*•]|\d{1,2}[.)])\s+\S",
    "line break": r"\n",
    "markup": r"[*_`#|]",
    "sequence": r"\b(?:first(?:ly)?|second(?:ly)?|third|next|then|after that|finally|lastly|step)\b",
    "second person": r"\byou(?:r|rs|rself)?\b",
    "first person": r"\b(?:i|me|my|mine|we|us|our)\b",
    "hedge": r"\b(?:perhaps|maybe|might|may|could|possibly|probably|likely|seems?|often|usually|sometimes|depends)\b",
    "certainty": r"\b(?:always|never|must|certainly|definitely|surely|clearly|every|all|only|exactly)\b",
    "thanks": r"\bthank(?:s|ful)?\b|\bgrateful\b|\bappreciate\b",
    "courtesy": r"\b(?:please|sorry|kindly|welcome|pardon|excuse|pleasure|dear|sir|madam)\b",
    "warmth": r"\b(?:glad|happy|lovely|wonderful|great|enjoy|hope|love|nice|luck|cheers|fun|smile|good)\b",
    "greeting": r"\b(?:hello|hi|hey|greetings|good (?:day|morning|evening))\b",
    "assent": r"\b(?:sure|yes|of course|certainly|gladly|okay|ok|right)\b",
    "example": r"\b(?:for example|for instance|such as|e\.g\.|example|instance|say,|like this)",
    "reason": r"\b(?:because|since|so that|therefore|thus|hence|why|reason|otherwise)\b",
    "contrast": r"\b(?:but|however|although|though|while|instead|rather|yet)\b",
    "condition": r"\b(?:if|when|unless|until|before|after|once)\b",
    "negation": r"\b(?:no|not|nor|never|none|without|avoid|cannot|\w+n['’]t)\b",
    "advice": r"\b(?:should|need|must|try|recommend|suggest|consider|advise|remember|make sure)\b",
    "opening": r"\b(?:let me|let us|here is|here are|this is|it is|there is|there are)\b",
}
PATTERNS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in SPOTS.items()}
COMMON = frozenset(
    "a an and are as at be been but by can do for from had has have he her his how i if in into is it its me my of "
    "on or our she so some than that the their them then there they this to up us was we were what when which who "
    "will with would you your".split()
)
LENGTH_CENTRES = (5.0, 8.0, 12.0, 17.0, 23.0, 30.0, 40.0, 53.0, 72.0, 100.0, 150.0)  # words


def style(pairs: Iterable[tuple[str, str]]) -> NDArray[np.float64]:
    """Statistics of n (prompt, response) texts: [n, len(STYLE)], not yet scaled."""
    rows = [list(_statistics(prompt, response).values()) for prompt, response in pairs]
    return np.array(rows, dtype=np.float64).reshape(-1, len(STYLE))


def _statistics(prompt: str, response: str) -> dict[str, float]:
    words = WORD.findall(response)
    sentences = [part for part in SENTENCE.split(response) if part.strip()]
    return {
        **_lengths(response, words, sentences),
        **_marks(response, len(words)),
        **_wording(words),
        **_ends(response, sentences),
        **_echo(prompt, words),
    }


def _lengths(response: str, words: Sequence[str], sentences: Sequence[str]) -> dict[str, float]:
    count = len(words)
    per_sentence = [len(WORD.findall(sentence)) for sentence in sentences] or [0]
    told = {
        "words": count / 20.0,
        "log words": float(np.log1p(count)),
        "characters": len(response) / 100.0,
        "sentences": float(np.log1p(len(sentences))),
        "one sentence": float(len(sentences) == 1),
        "words a sentence": float(np.log1p(np.mean(per_sentence))),
        "longest sentence": float(np.log1p(max(per_sentence))),
        "first sentence": float(np.log1p(per_sentence[0])),
        "last sentence": float(np.log1p(per_sentence[-1])),
    }
    place = np.log(max(count, 1))
    for centre in LENGTH_CENTRES:  # bumps over log length: a taste for a middle length is linear in them
        told[f"about {centre:g} words"] = float(np.exp(-0.5 * ((place - np.log(centre)) / 0.25) ** 2))
    return told


def _marks(response: str, words: int) -> dict[str, float]:
    told: dict[str, float] = {}
    for name, pattern in PATTERNS.items():
        count = len(pattern.findall(response))
        told[f"{name}: any"] = float(count > 0)
        told[f"{name}: count"] = float(np.log1p(count))
    for name in ("comma", "second person", "hedge", "number"):
        told[f"{name}: rate"] = len(PATTERNS[name].findall(response)) / max(words, 1) * 10.0
    return told


def _wording(words: Sequence[str]) -> dict[str, float]:
    if not words:
        return dict.fromkeys(WORDING, 0.0)
    lengths = np.array([len(word) for word in words])
    lower = [word.lower() for word in words]
    told = (
        lengths.mean(),
        (lengths >= 7).mean(),
        (lengths >= 10).mean(),
        (lengths <= 3).mean(),
        np.log1p((lengths >= 9).sum()),
        np.log(lengths.max()),
        len(set(lower)) / len(lower),
        np.mean([word in COMMON for word in lower]),
        np.mean([word[0].isupper() for word in words]),
        np.mean([word.endswith("ly") for word in lower]),
        np.mean([word.endswith("ing") for word in lower]),
        np.mean([word.endswith(("tion", "ment", "ness", "ity", "ance", "ence")) for word in lower]),
    )
    return {name: float(value) for name, value in zip(WORDING, told, strict=True)}


WORDING = (
    "letters a word",
    "long words",
    "very long words",
    "short words",
    "count of long words",
    "longest word",
    "variety",
    "common words",
    "capitals",
    "adverbs",
    "ing-forms",
    "abstract nouns",
)


def _ends(response: str, sentences: Sequence[str]) -> dict[str, float]:
    text = response.strip().rstrip("\"')”’*_ ")
    first = sentences[0] if sentences else ""
    asked = first and response[len(first) : len(first) + 2].strip().startswith("?")
    return {
        "ends with a question": float(text.endswith("?")),
        "ends with an exclamation": float(text.endswith("!")),
        "ends with a full stop": float(text.endswith(".")),
        "begins with a question": float(bool(asked)),
        "empty": float(not text),
    }


def _echo(prompt: str, words: Sequence[str]) -> dict[str, float]:
    asked = [word.lower() for word in WORD.findall(prompt)]
    wanted = {word for word in asked if word not in COMMON}
    said = [word.lower() for word in words]
    hits = [word for word in said if word in wanted]
    pairs = set(pairwise(asked)) & set(pairwise(said))
    return {
        "echoed share of the prompt": len(set(hits)) / max(len(wanted), 1),
        "echoes": float(np.log1p(len(hits))),
        "any echo": float(bool(hits)),
        "echo rate": len(hits) / max(len(said), 1) * 10.0,
        "echoed phrases": float(np.log1p(len(pairs))),
        "early echo": float(bool(set(said[:6]) & wanted)),
        "length against the prompt": float(np.log1p(len(said)) - np.log1p(len(asked))),
    }


STYLE: tuple[str, ...] = tuple(_statistics("", ""))

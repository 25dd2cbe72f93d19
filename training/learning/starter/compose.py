"""From a topic and a style to an answer.

An answer is [greeting] [opening] [thanks] core sentences or a list [warning] [wish] [thanks] [question back].
The parts a style asks for are taken in random order while they fit into its length, so that no feature goes
with a fixed length. Core sentences are steps in increasing order, each in at most one frame.
"""

import random
import re

from training.learning.starter import phrases
from training.learning.starter.prompts import capitalised
from training.learning.starter.style import Style
from training.learning.starter.subjects import Domain, Step, Topic, Voices

_CORE_WORDS = 8  # words of a core sentence, roughly
_TOPIC_NAMED, _TOPIC_NAMED_IN_FEW_WORDS, _FEW_WORDS = 0.93, 0.6, 7


def _word_count(text: str) -> int:
    return len(text.split())


class Writer:
    """Writes one answer about `topic` in `style`; every choice left open is drawn from `rng`."""

    def __init__(self, domain: Domain, topic: Topic, style: Style, rng: random.Random) -> None:
        self.domain = domain
        self.topic = topic
        self.style = style
        self.rng = rng
        self.mood = "comfort" if domain.name == "comfort" else domain.kind
        self.topic_named = False

    def write(self) -> str:
        """The finished answer."""
        parts = self._parts()
        before = [parts[name] for name in ("greeting", "opening", "thanks_first") if name in parts]
        after = [parts[name] for name in ("warning", "wish", "thanks_last", "ask") if name in parts]
        room = self.style.words - sum(_word_count(text) for text in parts.values())
        count = max(1, round(room / _CORE_WORDS))
        if self.style.words < 9 and "ask" in parts and self.rng.random() < 0.4:
            core: list[str] = []  # a question is all the answer there is
        elif self.style.listing != "none" and count >= 2 and (listed := self._listed(count)):
            return self._finish(self._around_list(before, listed, after))
        else:
            core = self._sentences(count)
        sentences = [self._ended(text) for text in before + core + after]
        return self._finish(self._paragraphs(sentences))

    # Parts around the core

    def _parts(self) -> dict[str, str]:
        wanted = {
            "greeting": ("greeting", self._greeting),
            "opening": ("opening", self._opening),
            "warning": ("warning", self._warning),
            "wish": ("warm", self._wish),
            "ask": ("ask", self._question),
        }
        thanks_at = "thanks_first" if self.rng.random() < 0.55 else "thanks_last"
        wanted[thanks_at] = ("thanks", self._thanks)
        names = [name for name, (choice, _) in wanted.items() if self.style.has(choice)]
        self.rng.shuffle(names)
        parts: dict[str, str] = {}
        left = self.style.words - 5
        for name in names:
            named_before = self.topic_named
            text = wanted[name][1]()
            if _word_count(text) <= left:
                parts[name] = text
                left -= _word_count(text)
            else:
                self.topic_named = named_before
        return parts

    def _greeting(self) -> str:
        return self._pick(phrases.GREETINGS) + "."

    def _opening(self) -> str:
        return self._about(phrases.OPENINGS[self.mood])

    def _warning(self) -> str:
        text = self._fill(self._pick(self.domain.warnings))
        if self.style.has("please") and self.rng.random() < 0.5:
            return f"Please {text}."
        return self.rng.choice(("{}.", "{}.", "But {}.")).format(text)

    def _wish(self) -> str:
        to_you = self.style.has("address") and self.rng.random() < 0.4
        return self._pick(phrases.WISHES_TO_YOU if to_you else phrases.WISHES[self.mood])

    def _thanks(self) -> str:
        if self.style.has("address") and self.rng.random() < 0.6:
            return self._pick(phrases.THANKS_TO_YOU)
        if not self.topic_named and self.rng.random() < 0.4:
            return self._about(phrases.THANKS_FOR_TOPIC)
        return self._pick(phrases.THANKS)

    def _question(self) -> str:
        if self.style.has("address"):
            return self._fill(self._pick(self.domain.questions_to_you))
        return self._fill(self._pick(phrases.QUESTIONS if self.rng.random() < 0.2 else self.domain.questions))

    # The core

    def _steps(self, count: int) -> list[str]:
        """`count` steps in order, at least one with a number where the style wants numbers."""
        known = self.domain.steps_for(self.topic)
        places = sorted(self.rng.sample(range(len(known)), min(count, len(known))))
        if self.style.has("numbers"):
            able = [place for place in places if known[place].number]
            if not able:
                places = [self.rng.choice([i for i, step in enumerate(known) if step.number])]
                able = places
            must = self.rng.choice(able)
            return [self._step(known[i], number=i == must or self.rng.random() < 0.35) for i in places]
        return [self._step(known[i], number=False) for i in places]

    def _step(self, step: Step, *, number: bool) -> str:
        if number and step.number:
            text = self.rng.choice(step.number)
            few, many = str(self.rng.randint(2, 9)), str(5 * self.rng.randint(2, 9))
            return self._fill(text.replace("{n}", few).replace("{m}", many))
        text = self._pick(Voices(step.plain, step.formal))
        self.topic_named = self.topic_named or "{t}" in text
        return self._fill(text)

    def _frames(self, count: int) -> list[Voices | None]:
        """A frame for each of `count` core sentences; None is the bare step."""
        kind, has = self.domain.kind, self.style.has
        frames: list[Voices | None] = [None] * count
        if has("sequence") and count >= 3:
            frames = [phrases.NEXT] * count
            frames[0], frames[-1] = phrases.FIRST, phrases.LAST
            frames = [frame if self.rng.random() < 0.8 else None for frame in frames]
        asked: list[Voices] = []
        if has("hedge") and has("address"):
            asked.append(self.rng.choice((phrases.HEDGED_TO_YOU, phrases.HEDGED))[kind])
        elif has("hedge"):
            asked.append(phrases.HEDGED[kind])
        if has("address"):
            asked += [phrases.TO_YOU[kind]] * self.rng.choice((1, 1, 2))
        if has("first_person"):
            asked += [phrases.FIRST_PERSON[kind]] * self.rng.choice((1, 1, 2))
        if has("please"):
            asked.append(phrases.POLITE[kind])
        if has("example"):
            asked.append(phrases.EXAMPLES[kind])
        self.rng.shuffle(asked)
        free = [i for i, frame in enumerate(frames) if frame is None] or [self.rng.randrange(count)]
        self.rng.shuffle(free)
        for place, frame in zip(free, asked, strict=False):
            frames[place] = frame
        return [phrases.NEUTRAL[kind] if frame is None and self.rng.random() < 0.35 else frame for frame in frames]

    def _sentences(self, count: int) -> list[str]:
        """Core sentences with their point, joined, reasoned and led in as the style says."""
        steps = self._steps(count)
        framed = [self._framed(s, frame) for s, frame in zip(steps, self._frames(len(steps)), strict=True)]
        if self.style.has("reason"):
            place = self.rng.randrange(len(framed))
            link = self._pick(phrases.REASON_LINKS).replace("{r}", self._pick(self.domain.reasons))
            framed[place] = f"{framed[place]}, {link}"
        if self.style.has("aside"):
            place = self.rng.randrange(len(framed))
            framed[place] = f"{framed[place]} {self._pick(phrases.ASIDES)}"
        named = _TOPIC_NAMED if self.style.words > _FEW_WORDS else _TOPIC_NAMED_IN_FEW_WORDS
        if not self.topic_named and self.rng.random() < named:
            framed[0] = self._about(phrases.TOPIC_LEADS) + _lowered(framed[0])
        return [text + "." for text in self._joined(framed)]

    def _framed(self, step: str, frame: Voices | None) -> str:
        return capitalised(step if frame is None else self._pick(frame).replace("{s}", step))

    def _joined(self, clauses: list[str]) -> list[str]:
        """Some neighbours in one sentence, by the style's way of joining."""
        between = {"and": ", and ", "semicolon": "; ", "dash": " - "}.get(self.style.join)
        if between is None:
            return clauses
        joined = clauses[:1]
        for clause in clauses[1:]:
            if between not in joined[-1] and ":" not in clause and self.rng.random() < 0.6:
                joined[-1] = joined[-1] + between + _lowered(clause)
            else:
                joined.append(clause)
        return joined

    # Lists

    def _listed(self, count: int) -> tuple[str, list[str], list[str]] | None:
        """Heading, items and the sentences after the list; None when fewer than two items would be left."""
        steps = self._steps(count)
        asked = [name for name in ("hedge", "first_person", "please", "example") if self.style.has(name)]
        outside = 1 if asked and len(steps) >= 3 else 0
        items = [capitalised(step) for step in steps[: len(steps) - outside]]
        if len(items) < 2:
            return None
        to_you = self.style.has("address") and self.rng.random() < 0.6
        heads = phrases.LIST_HEADS_TO_YOU if to_you else phrases.LIST_HEADS[self.domain.kind]
        if self.topic_named and not to_you and self.rng.random() < 0.8:
            heads = phrases.SHORT_HEADS
        tail = [self._framed(step, self._frames(1)[0]) + "." for step in steps[len(items) :]]
        return self._about(heads), items, tail

    def _around_list(self, before: list[str], listed: tuple[str, list[str], list[str]], after: list[str]) -> str:
        head, items, tail = listed
        point = self.rng.choice(("", "."))
        marks = ["- " if self.style.listing == "bullets" else f"{i}. " for i in range(1, len(items) + 1)]
        lines = [mark + item + point for mark, item in zip(marks, items, strict=True)]
        first = " ".join([*(self._ended(text) for text in before), head])
        last = " ".join(self._ended(text) for text in tail + after)
        return "\n".join([first, *lines, last] if last else [first, *lines])

    # Finish

    def _paragraphs(self, sentences: list[str]) -> str:
        if self.style.has("paragraphs") and len(sentences) >= 5:
            cut = self.rng.randint(2, len(sentences) - 2)
            return " ".join(sentences[:cut]) + "\n\n" + " ".join(sentences[cut:])
        return " ".join(sentences)

    def _finish(self, text: str) -> str:
        if self.style.has("contractions"):
            for long, short in phrases.CONTRACTIONS:
                text = re.sub(rf"\b{long}\b", short, text)
        text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
        if self.style.has("bold") and self.topic.name in text:
            text = text.replace(self.topic.name, f"**{self.topic.name}**", 1)
        return f"{text} {self.rng.choice(phrases.EMOJI)}" if self.style.has("emoji") else text

    def _ended(self, text: str) -> str:
        """The sentence, its point an exclamation mark as often as the style says."""
        text = capitalised(text)
        if text.endswith(".") and self.rng.random() < self.style.exclaiming:
            return text[:-1] + "!"
        return text

    def _pick(self, voices: Voices) -> str:
        """A phrase in the style's register."""
        register = self.style.register
        if register == "mixed":
            register = self.rng.choice(("plain", "formal"))
        return self.rng.choice(voices.plain if register == "plain" else voices.formal)

    def _fill(self, text: str) -> str:
        topic = self.topic
        return text.format(t=topic.name, T=capitalised(topic.name), a=topic.a, b=topic.b)

    def _about(self, voices: Voices) -> str:
        """A filled phrase that names the topic."""
        self.topic_named = True
        return self._fill(self._pick(voices))


def _lowered(clause: str) -> str:
    """The clause as it stands inside a sentence: only "I" keeps its capital."""
    return clause if re.match(r"I\b", clause) else clause[:1].lower() + clause[1:]

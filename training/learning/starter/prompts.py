"""Prompts for the starter: everyday requests, and held-out ones whose templates no training prompt uses."""

import random

from training.learning.starter.subjects import DOMAINS, Domain, Topic

TRAINING_TEMPLATES = (
    "Any tips for {t}?",
    "Can you help me with {t}?",
    "I need help with {t}.",
    "What should I know about {t}?",
    "Give me some advice on {t}.",
    "Could you say something about {t}?",
    "Let us talk about {t}.",
    "What do you think about {t}?",
    "I have been thinking about {t}.",
    "A quick question about {t}.",
    "Please write a few lines on {t}.",
    "{T}, please.",
    "My question is about {t}.",
    "What is your best tip for {t}?",
    "Hello, do you have a minute for {t}?",
    "Someone asked me about {t} today.",
    "I would like to hear about {t}.",
)
HELD_OUT_TEMPLATES = (
    "Do you have some tips for {t}?",
    "What would you say about {t}?",
    "I would like some help with {t}.",
    "Hello, a few tips on {t}, please.",
    "Could you help me? It is about {t}.",
    "What is your advice on {t}?",
    "Someone asked me for help with {t}.",
    "Let me hear what you think about {t}.",
)
TRAINING_CONTEXTS = (
    "I have little time.",
    "It is my first try.",
    "My friends ask me too.",
    "I live in a small flat.",
    "Money is tight.",
    "It is rather urgent.",
    "I am not an expert.",
    "My sister says it is easy.",
)
HELD_OUT_CONTEXTS = (
    "I have little money.",
    "It is my first time.",
    "My sister is not an expert.",
    "My friends say it is urgent.",
    "I live with friends and time is tight.",
)
# The share of prompts that use a domain's own templates, and the share that end with a sentence of context.
_OWN_TEMPLATE = 0.6
_WITH_CONTEXT = 0.2
# Topics that have to be copied rather than known get this many tickets in the draw of a domain.
_OPEN_TICKETS = 3
_TICKETS = tuple(domain for domain in DOMAINS for _ in range(_OPEN_TICKETS if domain.name == "open" else 1))


def capitalised(text: str) -> str:
    """The text with its first letter in upper case, the rest as it is."""
    return text[:1].upper() + text[1:]


def draw_subject(rng: random.Random) -> tuple[Domain, Topic]:
    """One domain and one of its topics."""
    domain = rng.choice(_TICKETS)
    return domain, rng.choice(domain.topics)


def word_prompt(domain: Domain, topic: Topic, rng: random.Random, *, held_out: bool) -> str:
    """A request about `topic`, from the training templates or from the held-out ones."""
    own = domain.held_out_templates if held_out else domain.training_templates
    shared = HELD_OUT_TEMPLATES if held_out else TRAINING_TEMPLATES
    contexts = HELD_OUT_CONTEXTS if held_out else TRAINING_CONTEXTS
    template = rng.choice(own if rng.random() < _OWN_TEMPLATE else shared)
    prompt = template.format(t=topic.name, T=capitalised(topic.name))
    return f"{prompt} {rng.choice(contexts)}" if rng.random() < _WITH_CONTEXT else prompt


def _distinct_prompts(n: int, seed: int, *, held_out: bool) -> list[str]:
    rng = random.Random(f"starter prompts {held_out} {seed}")  # noqa: S311 - text, not a secret
    found: dict[str, None] = {}
    for _ in range(50 * n + 1000):
        if len(found) == n:
            return list(found)
        domain, topic = draw_subject(rng)
        found.setdefault(word_prompt(domain, topic, rng, held_out=held_out))
    if len(found) == n:
        return list(found)
    raise ValueError(f"{n} distinct prompts are more than the templates give; ask for at most {len(found)}")


def training_prompts(n: int, seed: int) -> list[str]:
    """`n` distinct prompts for training; the same for the same seed.

    Raises ValueError when the templates do not give that many.
    """
    return _distinct_prompts(n, seed, held_out=False)


def held_out_prompts(n: int, seed: int) -> list[str]:
    """`n` distinct prompts for evaluation, from templates that no training prompt uses.

    Raises ValueError when the templates do not give that many.
    """
    return _distinct_prompts(n, seed, held_out=True)

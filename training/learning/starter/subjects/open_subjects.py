"""Topics put together from an adjective and a noun, thousands of them.

Too many to learn by heart, so the model has to learn to copy the topic out of the prompt: that is what lets
the starter name the subject of a prompt nobody wrote beforehand.
"""

from training.learning.starter.subjects.shape import Domain, Step, Topic, Voices

_ADJECTIVES = (
    "old new small big wild quiet strange cheap rare local simple modern red blue green white black dark bright "
    "heavy light soft hard wooden metal paper glass stone Italian Swedish Turkish Japanese African Greek Polish "
    "French winter summer spring autumn city village school family office weekend holiday evening digital "
    "electric broken second-hand handmade famous secret tiny giant colourful ancient healthy sweet"
).split()
_NOUNS = (
    "radios bridges lanterns songs stories clocks markets trains gardens games maps stars rivers forests horses "
    "bees cheeses teas spices sweaters shoes bags chairs lamps kites boats bicycles museums libraries festivals "
    "letters poems puzzles riddles dances drums films photos stamps coins recipes breakfasts snacks candles "
    "soaps curtains carpets roofs walls windows robots rockets planets computers phones pictures posters plans "
    "jobs neighbours teachers friends cousins habits holidays weddings birthdays rules prices taxes storms "
    "clouds mountains islands beaches caves castles ruins lakes birds frogs foxes whales beetles mushrooms "
    "berries apples cabbages noodles dumplings"
).split()

OPEN = Domain(
    name="open",
    kind="steps",
    topics=tuple(Topic(f"{adjective} {noun}") for adjective in _ADJECTIVES for noun in _NOUNS),
    training_templates=(
        "Tell me about {t}.",
        "What do people like about {t}?",
        "Where can I find {t}?",
        "I have a question about {t}.",
        "Are {t} worth it?",
        "Everyone talks about {t}.",
    ),
    held_out_templates=(
        "Where do people find {t}?",
        "Are {t} good? Everyone talks about it.",
        "I have to find out about {t}.",
    ),
    reasons=Voices(
        plain=("a first look can fool us", "there is more to it than one sees", "good things need some time"),
        formal=(
            "genuine understanding requires patience",
            "different sources emphasise different aspects",
            "personal experience remains irreplaceable",
        ),
    ),
    warnings=Voices(
        plain=("do not trust the first thing that pops up", "do not spend too much at the start"),
        formal=("avoid premature conclusions", "never disregard reliable information"),
    ),
    questions=Voices(
        plain=("Is it for fun or for work?", "What is the plan?", "How much time is there?"),
        formal=("Which aspect deserves particular attention?", "What purpose should everything serve?"),
    ),
    questions_to_you=Voices(
        plain=("What do you want to know most?", "Where do you live?", "Do you have a friend who knows more?"),
        formal=("Which experiences have you previously gathered?", "What originally awakened your interest?"),
    ),
    steps=(
        Step(
            plain=("look around with open eyes", "start with what is near"),
            formal=("investigate reliable sources beforehand", "establish fundamental knowledge initially"),
            number=("read {n} short texts on {t}",),
        ),
        Step(
            plain=("ask folks who know {t} well", "talk to a fan of {t}"),
            formal=("interview experienced specialists regarding {t}", "approach {t} with genuine curiosity"),
            number=("ask {n} people about {t}",),
        ),
        Step(
            plain=("go and see {t} for real", "try to see, smell and touch"),
            formal=("experience {t} personally whenever possible", "visit exhibitions concerning {t}"),
            number=("spend {m} minutes on it each day",),
        ),
        Step(
            plain=("weigh the good and the bad", "see what can be had for free"),
            formal=("compare quality, price and availability", "distinguish excellent offers from mediocre ones"),
            number=("set a limit of {m} dollars",),
        ),
        Step(
            plain=("take some notes on the way", "keep the best bits in a book"),
            formal=("document interesting discoveries systematically", "collect surprising details continuously"),
            number=("write down {n} new things a week",),
        ),
        Step(
            plain=("share it with a friend", "tell it at the next meal"),
            formal=("exchange impressions with other enthusiasts", "discuss {t} among friends"),
            number=("meet {n} friends to talk it over",),
        ),
        Step(
            plain=("take it easy and have fun", "give it time to grow"),
            formal=("remain patient despite initial difficulties", "appreciate gradual improvement"),
            number=("give it {n} months",),
        ),
    ),
)

"""Small facts: topics which bring their own statements."""

from training.learning.starter.subjects.shape import Domain, Step, Topic, Voices


def _topic(name: str, *facts: tuple[str, str, str]) -> Topic:
    """A topic with one step for each (short words, long words, number or empty)."""
    steps = tuple(Step((plain,), (formal,), (number,) if number else ()) for plain, formal, number in facts)
    return Topic(name, steps=steps)


FACTS = Domain(
    name="facts",
    kind="facts",
    topics=(
        _topic(
            "the colour of the sky",
            ("light from the sun holds each hue", "sunlight contains every visible colour", ""),
            ("air bends blue light the most", "atmospheric molecules scatter shorter wavelengths", ""),
            ("at dusk the light goes a long way", "evening sunlight travels considerably further", ""),
            (
                "so just the red is left",
                "therefore reddish colours remain visible",
                "sunlight takes about 8 minutes to reach us",
            ),
        ),
        _topic(
            "rainbows",
            ("the sun must be low at the back", "sunshine behind the observer is necessary", ""),
            ("each drop acts like a small glass", "individual droplets refract incoming sunlight", ""),
            ("the light splits into bands", "different colours separate gradually", "there are 7 bands by old custom"),
            (
                "no one can walk to the end of it",
                "rainbows constantly follow their observer",
                "the bow sits at 42 degrees",
            ),
        ),
        _topic(
            "volcanoes",
            ("deep down the rock is so hot that it melts", "tremendous underground heat produces magma", ""),
            (
                "gas in the melt wants to get out",
                "trapped gases increase internal pressure",
                "lava can reach 1200 degrees",
            ),
            ("in the end it breaks the crust", "eventually surrounding rock fractures violently", ""),
            (
                "ash makes the soil rich",
                "volcanic minerals fertilise surrounding farmland",
                "some 50 of them erupt each year",
            ),
        ),
        _topic(
            "the moon",
            ("it has no light of its own", "moonlight is simply reflected sunshine", ""),
            ("it goes round the earth each month", "monthly orbits produce familiar phases", "one round takes 27 days"),
            ("the same side is turned to us", "synchronised rotation conceals the opposite hemisphere", ""),
            ("it pulls at the sea", "lunar gravity influences coastal waters", "a walk there would weigh 6 times less"),
        ),
        _topic(
            "honey",
            ("bees drink it out of a bloom", "honeybees collect nectar from flowering plants", ""),
            (
                "in the hive they fan it dry",
                "evaporation concentrates natural sugars",
                "a bee makes 12 drops in her life",
            ),
            ("it is so dry that germs can not live in it", "insufficient moisture prevents bacterial growth", ""),
            (
                "the taste comes from the bloom",
                "different flowers determine flavour and colour",
                "a jar takes 2 million visits",
            ),
        ),
        _topic(
            "purring cats",
            (
                "small cords in the neck shake fast",
                "specialised throat muscles vibrate rapidly",
                "the sound hums at 25 beats a second",
            ),
            ("they purr when they feel safe", "contented animals purr during relaxation", ""),
            ("a sick cat will purr too", "injured animals sometimes comfort themselves similarly", ""),
            ("a cat and her young purr to stay close", "mothers reassure newborn kittens this way", ""),
        ),
        _topic(
            "thunder",
            (
                "a flash heats the air at once",
                "lightning heats surrounding air instantly",
                "the air gets to 30000 degrees",
            ),
            ("hot air grows with a bang", "sudden expansion creates powerful vibrations", ""),
            (
                "light is fast and sound is slow",
                "visible flashes outrun acoustic waves",
                "sound needs 3 seconds for a kilometre",
            ),
            ("so the boom comes late", "consequently distant storms rumble afterwards", ""),
        ),
        _topic(
            "the tides",
            ("the moon pulls the sea up a bit", "lunar attraction raises ocean water", ""),
            (
                "the earth turns below that bulge",
                "planetary rotation carries coastlines past",
                "high water comes each 12 hours",
            ),
            ("sun and moon can pull as one", "aligned celestial bodies strengthen tides", ""),
            (
                "a narrow bay makes it rise more",
                "funnel shaped coastlines amplify differences",
                "in one bay it rises 16 metres",
            ),
        ),
        _topic(
            "dreams",
            ("the mind stays awake at night", "sleeping brains remain surprisingly active", ""),
            (
                "most dreams come in the last part of sleep",
                "vivid dreams accompany rapid eye movement",
                "a night has about 5 rounds of them",
            ),
            ("the day gets sorted and stored", "memories undergo careful reorganisation", ""),
            (
                "most of it is gone by noon",
                "dreamers forget practically everything afterwards",
                "after 10 minutes most of it is gone",
            ),
        ),
        _topic(
            "magnets",
            ("in iron each bit acts like a tiny magnet", "microscopic regions behave like magnets themselves", ""),
            ("when they all line up the pull is strong", "aligned regions reinforce each other", ""),
            (
                "like ends push and the rest pull",
                "identical poles repel, opposite poles attract",
                "each one has 2 poles",
            ),
            ("heat makes it weak", "excessive heating destroys magnetic alignment", "iron lets go at 770 degrees"),
        ),
        _topic(
            "glaciers",
            ("snow falls and does not melt", "accumulated snowfall survives every summer", ""),
            ("its own weight makes it ice", "enormous pressure transforms snow into ice", "it may take 100 winters"),
            (
                "the ice creeps down the hill",
                "gravity carries everything slowly downhill",
                "it moves 20 centimetres a day",
            ),
            ("on its way it cuts the rock", "moving glaciers carve magnificent valleys", ""),
        ),
        _topic(
            "the human heart",
            ("it is a pump made of flesh", "powerful muscles contract rhythmically", "it beats 100000 times a day"),
            ("one half sends blood to the lungs", "one chamber supplies the lungs with blood", ""),
            (
                "the rest sends it all round",
                "another supplies every remaining organ",
                "all the blood goes round in 1 minute",
            ),
            ("it can speed up when we run", "physical effort accelerates circulation", ""),
        ),
        _topic(
            "autumn leaves",
            ("the days get short and cold", "decreasing daylight signals approaching winter", ""),
            ("the tree takes the green back in", "trees withdraw valuable chlorophyll", ""),
            ("then the gold and red come out", "hidden yellow pigments become visible", "the show lasts 3 weeks"),
            (
                "a thin wall cuts the leaf off",
                "separating tissue eventually releases everything",
                "a big oak drops 200000 leaves",
            ),
        ),
        _topic(
            "rising bread dough",
            ("yeast is full of life", "yeast consists of living organisms", ""),
            ("it eats the sugar in the meal", "microorganisms consume available sugars", "it works best at 27 degrees"),
            ("it gives off gas", "fermentation produces carbon dioxide", ""),
            (
                "the gas blows up the dough like a lot of tiny balls",
                "elastic gluten captures expanding bubbles",
                "in 60 minutes it is twice the size",
            ),
        ),
        _topic(
            "bird migration",
            ("in the cold there is not much to eat", "northern winters offer insufficient nourishment", ""),
            ("so they fly to a warm land", "therefore numerous species travel southwards", "some fly 10000 kilometres"),
            ("they use sun, stars and hills", "celestial landmarks provide orientation", ""),
            ("young birds know the way from birth", "inherited instincts guide inexperienced birds", ""),
        ),
    ),
    training_templates=(
        "Explain {t} to me.",
        "What is the science of {t}?",
        "My daughter wants to understand {t}.",
        "Tell me a fact about {t}.",
        "How does it work, I mean {t}?",
    ),
    held_out_templates=(
        "I want to understand the science of {t}.",
        "How do I explain {t} to my daughter?",
        "Tell me how it works, I mean {t}.",
    ),
    reasons=Voices(
        plain=("that is how the world is made", "heat and light do most of the work", "all things seek rest"),
        formal=(
            "physical laws apply everywhere",
            "nature favours efficient solutions",
            "energy constantly changes its appearance",
        ),
    ),
    warnings=Voices(
        plain=("do not trust each tale on it", "do not mix up cause and effect"),
        formal=("avoid popular misconceptions", "never confuse description with explanation"),
    ),
    questions=Voices(
        plain=("Is it for school or for fun?", "Which part is still a bit dark?", "Want to hear more?"),
        formal=("Should further scientific background follow?", "Which particular aspect seems confusing?"),
    ),
    questions_to_you=Voices(
        plain=("How old is your child?", "Have you seen it with your own eyes?", "Do you want to know more?"),
        formal=("What sparked your curiosity originally?", "Which explanation have you previously encountered?"),
    ),
)

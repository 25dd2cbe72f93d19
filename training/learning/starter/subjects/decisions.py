"""Outings and choices."""

from training.learning.starter.subjects.shape import Domain, Step, Topic, Voices

OUTINGS = Domain(
    name="outings",
    kind="steps",
    topics=(
        Topic("a mountain day", "boots", "clear view"),
        Topic("a weekend by the sea", "towels", "quiet beach"),
        Topic("a trip to Lisbon", "streets", "tram ride"),
        Topic("camping with children", "tent", "camp fire"),
        Topic("the train to Vienna", "bags", "lower bunk"),
        Topic("a long bicycle tour", "bikes", "shady inn"),
        Topic("a museum visit", "rooms", "quiet bench"),
        Topic("a rainy Sunday", "coats", "warm cafe"),
        Topic("a road trip", "car", "good playlist"),
        Topic("a snow walk", "gloves", "hot soup"),
        Topic("a day at the zoo", "maps", "picnic spot"),
        Topic("a holiday on a farm", "boots", "hay loft"),
        Topic("a boat trip", "ropes", "small island"),
    ),
    training_templates=(
        "We dream of {t}.",
        "What should we pack for {t}?",
        "Please plan {t} for us.",
        "Is {t} a good idea in autumn?",
        "How do we get the most out of {t}?",
    ),
    held_out_templates=(
        "Please help us plan {t}. What should we pack?",
        "Is {t} a good idea for us in autumn?",
        "We dream of {t}. How do we plan it?",
    ),
    reasons=Voices(
        plain=("the best bits are not on a map", "a light bag makes a light heart", "the way there is half the fun"),
        formal=(
            "unhurried travel reveals unexpected beauty",
            "flexible schedules accommodate changing weather",
            "careful planning leaves freedom for discoveries",
        ),
    ),
    warnings=Voices(
        plain=("do not pack too much", "do not trust the sky"),
        formal=("avoid overcrowded attractions around midday", "never underestimate travelling distances"),
    ),
    questions=Voices(
        plain=("How many days are there?", "Who is coming along?", "Is it by car or on foot?"),
        formal=("Which season seems preferable?", "Does everybody possess appropriate equipment?"),
    ),
    questions_to_you=Voices(
        plain=("What do you like to see?", "How far do you want to go?", "Do you have good {a}?"),
        formal=("Which destinations have you already explored?", "How adventurous do you consider yourself?"),
    ),
    steps=(
        Step(
            plain=("look at the map and pick a route", "check the sky the night before"),
            formal=("investigate interesting possibilities beforehand", "compare several alternative routes"),
            number=("plan {n} stops at most",),
        ),
        Step(
            plain=("pack the {a} and a snack", "take the {a} and not much else"),
            formal=("prepare the {a} carefully", "include appropriate {a} for changing weather"),
            number=("pack {n} pairs of warm socks",),
        ),
        Step(
            plain=("set off at dawn", "go when most folks are at work"),
            formal=("depart comparatively early", "reserve accommodation several weeks ahead"),
            number=("set off at {n} in the morning", "book {n} weeks ahead"),
        ),
        Step(
            plain=("look for a {b}", "stop at a {b} on the way"),
            formal=("discover a {b} somewhere peaceful", "appreciate a {b} along the way"),
        ),
        Step(
            plain=("eat where the locals eat", "rest when the legs get tired"),
            formal=("experience regional specialities", "alternate activity with generous breaks"),
            number=("rest for {m} minutes at noon",),
        ),
        Step(
            plain=("leave some time free", "take the slow way back"),
            formal=("preserve enough unplanned time", "explore lesser known neighbourhoods"),
            number=("keep {n} hours free",),
        ),
        Step(
            plain=("bring home a small stone", "write a few lines at night"),
            formal=("collect memorable impressions in writing", "share favourite moments afterwards"),
            number=("take {m} photos and keep the best",),
        ),
    ),
)

CHOICES = Domain(
    name="choices",
    kind="steps",
    topics=(
        Topic("tea or coffee", "tea", "coffee"),
        Topic("a cat or a dog", "a cat", "a dog"),
        Topic("train or car", "the train", "the car"),
        Topic("city or countryside", "the city", "the countryside"),
        Topic("paper or screen", "paper", "a screen"),
        Topic("early bird or night owl", "early mornings", "late nights"),
        Topic("running or swimming", "running", "swimming"),
        Topic("a flat or a house", "a flat", "a house"),
        Topic("summer or winter", "summer", "winter"),
        Topic("piano or violin", "the piano", "the violin"),
        Topic("cinema or theatre", "the cinema", "the theatre"),
        Topic("sweet or salty breakfast", "something sweet", "something salty"),
        Topic("letter or phone call", "a letter", "a phone call"),
    ),
    training_templates=(
        "What is better, {t}?",
        "I cannot decide: {t}?",
        "{T}? Tell me what you prefer.",
        "Compare for me: {t}.",
        "Which one should I choose, {t}?",
    ),
    held_out_templates=(
        "Tell me which one is better: {t}?",
        "I should choose now, {t}. What do you prefer?",
        "{T}? I cannot choose.",
    ),
    reasons=Voices(
        plain=("a choice is not for life", "both can be right", "the gut is wise at times"),
        formal=(
            "personal circumstances outweigh general opinions",
            "practical experience clarifies preferences",
            "perfect alternatives rarely exist",
        ),
    ),
    warnings=Voices(
        plain=("do not think too long", "do not ask too many people"),
        formal=("avoid following temporary fashions", "never disregard personal comfort"),
    ),
    questions=Voices(
        plain=("Is it for now or for years?", "What would a friend say?", "Is there time to test both?"),
        formal=("Which consideration matters decisively?", "Does expense influence the decision?"),
    ),
    questions_to_you=Voices(
        plain=("What does your gut say?", "Which do you like more?", "What do you do most days?"),
        formal=("Which characteristics do you value highest?", "What circumstances surround your decision?"),
    ),
    steps=(
        Step(
            plain=("think of a day with {a} first", "ask what a good day looks like"),
            formal=("define personal requirements honestly", "imagine everyday experience with {a}"),
            number=("list {n} things that count most",),
        ),
        Step(
            plain=("pick {a} for calm and ease", "go for {a} when time is short"),
            formal=("favour {a} for practical convenience", "appreciate {a} for dependable comfort"),
            number=("give {a} {n} points out of ten",),
        ),
        Step(
            plain=("pick {b} for a bit of fun", "see {b} as the bold way"),
            formal=("consider {b} when variety matters", "recognise {b} as remarkably rewarding"),
            number=("give {b} {n} points out of ten",),
        ),
        Step(
            plain=("try both for a week", "mix the two if that is an option"),
            formal=("experience both alternatives personally", "compare advantages and disadvantages systematically"),
            number=("try both for {n} days",),
        ),
        Step(
            plain=("toss a coin and see how it feels", "sleep on it for a night"),
            formal=("postpone the final decision briefly", "discuss remaining doubts with somebody sensible"),
            number=("toss a coin {n} times",),
        ),
        Step(
            plain=("then stick to it", "be glad of the choice and move on"),
            formal=("embrace the decision wholeheartedly", "accept imperfection with gracious humour"),
            number=("look at it again in {n} months",),
        ),
    ),
)

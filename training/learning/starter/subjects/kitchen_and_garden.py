"""Cooking and gardening."""

from training.learning.starter.subjects.shape import Domain, Step, Topic, Voices

COOKING = Domain(
    name="cooking",
    kind="steps",
    topics=(
        Topic("tomato soup", "tomatoes", "basil"),
        Topic("mushroom risotto", "mushrooms", "thyme"),
        Topic("apple pie", "apples", "cinnamon"),
        Topic("lentil stew", "lentils", "cumin"),
        Topic("rye bread", "dough", "caraway"),
        Topic("potato salad", "potatoes", "dill"),
        Topic("vegetable curry", "vegetables", "ginger"),
        Topic("fish tacos", "fish", "lime"),
        Topic("fried rice", "rice", "sesame"),
        Topic("bean chilli", "beans", "paprika"),
        Topic("oat cookies", "oats", "vanilla"),
        Topic("roast chicken", "chicken", "rosemary"),
        Topic("carrot cake", "carrots", "nutmeg"),
        Topic("onion tart", "onions", "sage"),
        Topic("pasta with peas", "peas", "mint"),
    ),
    training_templates=(
        "How do I make {t}?",
        "I want to cook {t} tonight.",
        "Give me a simple recipe for {t}.",
        "What goes into {t}?",
        "My {t} never turns out well. What can I do?",
        "Teach me to cook {t}.",
    ),
    held_out_templates=(
        "What is a simple way to cook {t}?",
        "Tonight I want to make {t}. Where do I start?",
        "I never made {t}. Teach me a recipe.",
    ),
    reasons=Voices(
        plain=("slow heat brings out the taste", "a good base does half the work", "it is the small bits that add up"),
        formal=(
            "gradual heating develops deeper flavour",
            "careful preparation prevents disappointment",
            "fresh ingredients determine everything",
        ),
    ),
    warnings=Voices(
        plain=("do not rush the {a}", "do not let the pan run dry"),
        formal=("avoid overcrowding the saucepan", "never overpower delicate flavours"),
    ),
    questions=Voices(
        plain=("Is there a big pot at hand?", "Who will be at the table?", "Is fresh {b} easy to get?"),
        formal=("Which ingredients remain available?", "Should another variation follow?"),
    ),
    questions_to_you=Voices(
        plain=("Do you like it hot or mild?", "Do you have some {b}?", "How do you like your {a}?"),
        formal=("Which flavours do you usually prefer?", "How experienced are you with cooking?"),
    ),
    steps=(
        Step(
            plain=("wash the {a} and set out a big pan", "cut the {a} up small", "get the {a} out in good time"),
            formal=(
                "prepare the {a} beforehand",
                "arrange every ingredient within comfortable reach",
                "select particularly fresh {a}",
            ),
            number=("set aside {m} minutes to prepare the {a}", "get {n} bowls out for the {a}"),
        ),
        Step(
            plain=("warm some oil on a low heat", "let the pan get hot first"),
            formal=("moderate the temperature carefully", "introduce gentle, steady warmth"),
            number=("heat the pan for {n} minutes",),
        ),
        Step(
            plain=("add the {a} bit by bit", "mix in the {a} and stir well"),
            formal=("incorporate the {a} gradually", "combine everything thoroughly"),
            number=("add the {a} in {n} small batches",),
        ),
        Step(
            plain=("add {b} and a bit of salt", "put in a good dash of {b}"),
            formal=("introduce {b} towards the finish", "balance {b} against something slightly bitter"),
            number=("stir in {n} pinches of {b}",),
        ),
        Step(
            plain=("let it cook low and slow", "keep an eye on it and stir now and then"),
            formal=("maintain gentle heating throughout", "observe changing texture and colour closely"),
            number=("let it cook for {m} minutes", "check it after {m} minutes"),
        ),
        Step(
            plain=("take a small bite and add more salt if need be", "try it as it cooks"),
            formal=("evaluate flavour, adjusting seasoning accordingly", "sample frequently before finishing"),
        ),
        Step(
            plain=("eat it warm with good bread", "let it rest, then dig in"),
            formal=("present everything attractively with {b}", "serve generous portions immediately"),
            number=("serve it to {n} hungry guests",),
        ),
    ),
)

GARDENING = Domain(
    name="gardening",
    kind="steps",
    topics=(
        Topic("balcony tomatoes", "tomatoes", "warm sun"),
        Topic("a small herb garden", "herbs", "good drainage"),
        Topic("a tired rose bush", "roses", "a clean cut"),
        Topic("planting spring bulbs", "bulbs", "loose soil"),
        Topic("a dry lawn", "grass", "morning water"),
        Topic("compost at home", "compost", "dry leaves"),
        Topic("growing strawberries", "strawberries", "clean straw"),
        Topic("slugs in lettuce", "lettuce", "a dry border"),
        Topic("an indoor lemon tree", "lemon tree", "a bright window"),
        Topic("a garden for bees", "flowers", "wild corners"),
        Topic("raising sunflowers", "sunflowers", "tall stakes"),
        Topic("a yellow house plant", "leaves", "soft light"),
        Topic("growing garlic", "garlic", "cold nights"),
        Topic("pruning a pear tree", "branches", "a sharp saw"),
    ),
    training_templates=(
        "What does it take to succeed with {t}?",
        "I am new to gardening. Any tips for {t}?",
        "When should I begin with {t}?",
        "Please help me with {t} this year.",
        "My garden plan for spring is {t}.",
    ),
    held_out_templates=(
        "This spring I want to try {t}. Please help.",
        "What should I know this year to succeed with {t}?",
        "I am new to this. When should I start with {t}?",
    ),
    reasons=Voices(
        plain=("roots need air as much as rain", "plants like a calm, even pace", "good soil does most of the work"),
        formal=(
            "healthy roots require breathing space",
            "consistent moisture encourages stronger growth",
            "established plants tolerate difficult weather",
        ),
    ),
    warnings=Voices(
        plain=("do not drown the {a}", "do not feed too much too soon"),
        formal=("avoid excessive fertiliser", "never disturb established roots"),
    ),
    questions=Voices(
        plain=("How much sun is there?", "Is the soil wet or dry?", "Does the spot get much wind?"),
        formal=("Which direction does everything face?", "Does winter bring severe frost there?"),
    ),
    questions_to_you=Voices(
        plain=("Do you have a sunny spot?", "How big is your plot?", "How much time do you have a week?"),
        formal=("What climate do you garden within?", "Which plants have you already established?"),
    ),
    steps=(
        Step(
            plain=("find a spot with {b}", "look at the soil first"),
            formal=("examine existing conditions carefully", "provide {b} wherever possible"),
            number=("look for {n} hours of light a day",),
        ),
        Step(
            plain=("dig deep and pull the weeds", "clear the bed and let it rest"),
            formal=("enrich depleted ground beforehand", "remove competing weeds completely"),
            number=("dig down {m} centimetres",),
        ),
        Step(
            plain=("give the {a} lots of room", "start with just a few"),
            formal=("leave generous distance between plants", "choose particularly resilient varieties"),
            number=("leave {m} centimetres for each plant", "start with {n} plants"),
        ),
        Step(
            plain=("give the {a} a long drink", "feel the soil and then get the can"),
            formal=("water thoroughly before midday", "moisten surrounding earth regularly"),
            number=("water the {a} every {n} days",),
        ),
        Step(
            plain=("put a coat of mulch on top", "feed the {a} now and then"),
            formal=("spread protective mulch evenly", "supply organic nutrients occasionally"),
            number=("feed the {a} every {n} weeks",),
        ),
        Step(
            plain=("look for bugs when the day is cool", "cut off what is dead or weak"),
            formal=("inspect foliage, removing damaged sections", "encourage beneficial insects nearby"),
        ),
        Step(
            plain=("wait and let the {a} do the rest", "keep at it until the cold sets in"),
            formal=("remain patient throughout the season", "record every success for following years"),
            number=("expect good results in {n} weeks",),
        ),
    ),
)

"""Parties and pets."""

from training.learning.starter.subjects.shape import Domain, Step, Topic, Voices

PARTIES = Domain(
    name="parties",
    kind="steps",
    topics=(
        Topic("a birthday picnic", "blankets", "fruit salad"),
        Topic("a surprise party", "guests", "secret sign"),
        Topic("a games night", "games", "prize"),
        Topic("a street festival", "stalls", "small band"),
        Topic("a school reunion", "faces", "name tag"),
        Topic("a housewarming", "rooms", "guest book"),
        Topic("a winter barbecue", "coals", "hot drink"),
        Topic("a party for children", "games", "treasure hunt"),
        Topic("a quiet anniversary", "candles", "slow dance"),
        Topic("a costume ball", "costumes", "photo corner"),
        Topic("a book club meeting", "chapters", "pot of tea"),
        Topic("a farewell lunch", "dishes", "group card"),
    ),
    training_templates=(
        "I am planning {t}.",
        "How do I organise {t}?",
        "What would make {t} special?",
        "Make a plan for {t}.",
        "We are short of ideas for {t}.",
    ),
    held_out_templates=(
        "What plan would you make for {t}?",
        "How do I make {t} special? I am short of ideas.",
        "We are planning {t}. What do we organise first?",
    ),
    reasons=Voices(
        plain=(
            "guests feel it when the host has fun",
            "good food and a chat is all it takes",
            "a calm host is a good host",
        ),
        formal=(
            "thoughtful details create lasting memories",
            "relaxed hosts encourage relaxed visitors",
            "early preparation leaves freedom afterwards",
        ),
    ),
    warnings=Voices(
        plain=("do not try to do it all alone", "do not plan each minute"),
        formal=("avoid overly complicated arrangements", "never forget quieter visitors"),
    ),
    questions=Voices(
        plain=("How many will come?", "Is it in or out of doors?", "What if it rains?"),
        formal=("Which atmosphere seems desirable?", "Does anybody require special arrangements?"),
    ),
    questions_to_you=Voices(
        plain=("How many do you want to ask?", "What do your guests like?", "Do you have help?"),
        formal=("What budget do you envisage?", "Which celebrations have you enjoyed previously?"),
    ),
    steps=(
        Step(
            plain=("pick a day and stick to it", "ask the guests in good time"),
            formal=("confirm a convenient date early", "distribute invitations well beforehand"),
            number=("ask {m} people at most", "send word {n} weeks ahead"),
        ),
        Step(
            plain=("make a list of jobs and share them", "get a friend on board"),
            formal=("delegate individual responsibilities clearly", "coordinate everything with reliable friends"),
            number=("split the work among {n} friends",),
        ),
        Step(
            plain=("get the {a} in good time", "set up the {a} the day before"),
            formal=("organise the {a} in advance", "arrange the {a} attractively"),
            number=("get {m} chairs and set out the {a}",),
        ),
        Step(
            plain=("add a {b} to the plan", "go for a {b} at the start"),
            formal=("include a {b} as highlight", "prepare a {b} everyone remembers"),
        ),
        Step(
            plain=("keep the food plain and good", "have lots to drink on hand"),
            formal=("offer uncomplicated refreshments throughout", "consider vegetarian alternatives carefully"),
            number=("plan on {n} drinks for each guest",),
        ),
        Step(
            plain=("put on some low, warm music", "let folks sit where they like"),
            formal=("select unobtrusive background music", "encourage conversation between strangers"),
            number=("make a mix of {m} songs",),
        ),
        Step(
            plain=("take a few shots for later", "clean up with all hands"),
            formal=("photograph memorable moments discreetly", "finish before everybody becomes exhausted"),
            number=("end it after {n} hours",),
        ),
    ),
)

PETS = Domain(
    name="pets",
    kind="steps",
    topics=(
        Topic("a shy kitten", "kitten", "soft toy"),
        Topic("a puppy that bites", "puppy", "chew toy"),
        Topic("an old cat", "cat", "low bed"),
        Topic("a noisy parrot", "parrot", "cover"),
        Topic("a first aquarium", "fish", "good filter"),
        Topic("walking a strong dog", "dog", "short lead"),
        Topic("a rabbit indoors", "rabbit", "hay rack"),
        Topic("a hamster that hides", "hamster", "paper tube"),
        Topic("a dog afraid of thunder", "dog", "dark corner"),
        Topic("teaching a dog to sit", "dog", "tiny treat"),
        Topic("a cat and a new baby", "cat", "high shelf"),
        Topic("feeding wild birds", "birds", "clean feeder"),
    ),
    training_templates=(
        "We have a question about {t}.",
        "How do I take care of {t}?",
        "What is normal with {t}?",
        "Do you know anything about {t}?",
        "My children ask me about {t}.",
    ),
    held_out_templates=(
        "Do you have advice about {t}? My children ask.",
        "We want to take good care. It is about {t}.",
        "What is normal, and what should I know about {t}?",
    ),
    reasons=Voices(
        plain=("trust takes time", "a calm voice goes a long way", "a bored pet will act up"),
        formal=(
            "animals respond favourably towards routine",
            "patience establishes lasting confidence",
            "positive experiences replace former anxieties",
        ),
    ),
    warnings=Voices(
        plain=("do not shout at the {a}", "do not grab or chase"),
        formal=("avoid punishment under every circumstance", "never interrupt peaceful sleep"),
    ),
    questions=Voices(
        plain=("How old is the {a}?", "Is there a safe spot to hide?", "When did the {a} last eat?"),
        formal=("Which situations trigger such behaviour?", "Does another animal share the household?"),
    ),
    questions_to_you=Voices(
        plain=("How long have you had the {a}?", "Do you have a {b}?", "What do you feed?"),
        formal=("Which veterinarian do you normally consult?", "How frequently do you practise together?"),
    ),
    steps=(
        Step(
            plain=("watch the {a} for a while", "give the {a} a safe spot"),
            formal=("observe characteristic behaviour patiently", "provide the {a} with peaceful surroundings"),
            number=("watch the {a} for {n} days",),
        ),
        Step(
            plain=("feed at the same time each day", "keep the bowl clean and full"),
            formal=("establish predictable feeding arrangements", "guarantee constantly available water"),
            number=("feed {n} small meals a day",),
        ),
        Step(
            plain=("get a {b} and see how it goes", "try a {b}"),
            formal=("introduce a {b} without pressure", "position a {b} somewhere accessible"),
        ),
        Step(
            plain=("play with the {a} each day", "speak in a low, soft voice"),
            formal=("practise together in brief sessions", "communicate through consistent, gentle signals"),
            number=("play for {m} minutes a day", "train in {n} short rounds"),
        ),
        Step(
            plain=("say well done at once", "give a treat when it goes well"),
            formal=("reward desirable behaviour immediately", "reinforce courage with generous praise"),
            number=("keep {n} treats in a pocket",),
        ),
        Step(
            plain=("let the {a} come on its own", "stay calm and wait"),
            formal=("respect individual boundaries consistently", "proceed gradually towards unfamiliar situations"),
            number=("wait at least {m} minutes",),
        ),
        Step(
            plain=("ask a vet if in doubt", "keep the rest of the day the same"),
            formal=("schedule regular veterinary examinations", "monitor appetite and general wellbeing"),
            number=("see the vet every {n} months",),
        ),
    ),
)

"""Comfort, messages, parties and pets."""

from training.learning.starter.subjects.shape import Domain, Step, Topic, Voices

COMFORT = Domain(
    name="comfort",
    kind="steps",
    topics=(
        Topic("being lonely in town", "evenings", "club"),
        Topic("a quarrel with a brother", "words", "letter"),
        Topic("a failed exam", "result", "new plan"),
        Topic("grief for a grandmother", "memories", "old photo"),
        Topic("fear of flying", "flight", "deep breath"),
        Topic("a bad day at work", "day", "long bath"),
        Topic("a friend far away", "distance", "phone call"),
        Topic("nerves before a speech", "speech", "glass of water"),
        Topic("losing a close match", "score", "team talk"),
        Topic("a broken heart", "nights", "walk with a friend"),
        Topic("homesickness abroad", "mornings", "home recipe"),
        Topic("worries at night", "thoughts", "note pad"),
        Topic("the loss of a dog", "grief", "small ritual"),
    ),
    training_templates=(
        "I am sad because of {t}.",
        "Say something kind about {t}.",
        "How do people cope with {t}?",
        "It has been a hard week: {t}.",
        "I could use some comfort. It is about {t}.",
    ),
    held_out_templates=(
        "How can I cope with {t}? It has been hard.",
        "It is about {t}. Say something kind.",
        "I am sad this week, and it is about {t}.",
    ),
    reasons=Voices(
        plain=("pain fades a bit each day", "no one has to bear it all alone", "it hurts since it meant a lot"),
        formal=(
            "difficult feelings gradually lose intensity",
            "shared burdens become considerably lighter",
            "genuine sadness reflects genuine affection",
        ),
    ),
    warnings=Voices(
        plain=("do not hide from it", "do not blame the past"),
        formal=("avoid unnecessary loneliness", "never compare personal recovery with others"),
    ),
    questions=Voices(
        plain=("Is there a friend near by?", "What was the best part of the day?", "Would a walk be nice?"),
        formal=("Which moments feel particularly difficult?", "Does somebody trustworthy live nearby?"),
    ),
    questions_to_you=Voices(
        plain=("How do you feel now?", "Who can you talk to?", "What made you smile last week?"),
        formal=("What comforted you during previous difficulties?", "Which people support you regularly?"),
    ),
    steps=(
        Step(
            plain=("let the tears come", "take a slow breath and sit down"),
            formal=("acknowledge difficult emotions honestly", "accept temporary sadness without shame"),
            number=("take {m} slow breaths",),
        ),
        Step(
            plain=("tell a friend how the {a} feel", "put it all on paper"),
            formal=("describe the {a} to somebody trustworthy", "express troubling thoughts through writing"),
            number=("write {n} lines a day",),
        ),
        Step(
            plain=("take time for a {b}", "let a {b} help"),
            formal=("arrange a {b} whenever possible", "allow a {b} sufficient time"),
            number=("plan {n} evenings with a {b}",),
        ),
        Step(
            plain=("eat warm food and go to bed in time", "go out in the sun"),
            formal=("maintain regular meals and sufficient sleep", "discover peaceful places outdoors"),
            number=("walk for {m} minutes each day",),
        ),
        Step(
            plain=("do one kind thing for a pal", "play an old song"),
            formal=("support another person generously", "revisit favourite music and literature"),
            number=("name {n} good things each night",),
        ),
        Step(
            plain=("give it time", "know that it will pass"),
            formal=("remember previous challenges overcome successfully", "permit healing its natural rhythm"),
            number=("give it {n} weeks",),
        ),
    ),
)

MESSAGES = Domain(
    name="messages",
    kind="steps",
    topics=(
        Topic("a birthday card", "name", "old joke"),
        Topic("a note to neighbours", "noise", "fair offer"),
        Topic("an apology to a friend", "mistake", "new start"),
        Topic("a letter to a landlord", "problem", "clear date"),
        Topic("an invitation to dinner", "time", "short menu"),
        Topic("a farewell mail", "team", "fond memory"),
        Topic("a wedding speech", "couple", "warm story"),
        Topic("a message to a teacher", "lesson", "kind word"),
        Topic("a late parcel complaint", "parcel", "order code"),
        Topic("a postcard from holiday", "waves", "silly drawing"),
        Topic("a reply to a job offer", "offer", "start date"),
        Topic("a poem for a father", "rhyme", "shared hobby"),
    ),
    training_templates=(
        "Help me write {t}.",
        "I need words for {t}.",
        "What belongs in {t}?",
        "How long should {t} be, and what should it say?",
        "Can you give me an idea for {t}?",
    ),
    held_out_templates=(
        "What should I say in {t}?",
        "Can you write {t} with me? I need an idea.",
        "How do I write {t} and how long should it be?",
    ),
    reasons=Voices(
        plain=("a clear line is read to the end", "warm words cost so little", "the tone is what will stay"),
        formal=(
            "personal details demonstrate genuine attention",
            "concise messages receive quicker answers",
            "sincere language creates lasting impressions",
        ),
    ),
    warnings=Voices(
        plain=("do not write it in a bad mood", "do not make it too long"),
        formal=("avoid sarcastic remarks entirely", "never exaggerate beyond credibility"),
    ),
    questions=Voices(
        plain=("Should it be warm or cool?", "Is it for a card or a mail?", "Who else will read it?"),
        formal=("Which impression should remain afterwards?", "Does etiquette require particular formality?"),
    ),
    questions_to_you=Voices(
        plain=("How well do you know them?", "What do you want to say most?", "Do you want a funny line?"),
        formal=("Which memories do you both treasure?", "What response do you anticipate?"),
    ),
    steps=(
        Step(
            plain=("think of the {a} first", "jot down what must be said"),
            formal=("clarify the essential purpose beforehand", "imagine the recipient reading comfortably"),
            number=("jot down {n} points first",),
        ),
        Step(
            plain=("start with a warm line", "say hello in a kind way"),
            formal=("begin with appropriate courtesy", "choose a respectful, friendly greeting"),
            number=("keep the first line under {m} words",),
        ),
        Step(
            plain=("get to the {a} soon", "be frank on the {a}"),
            formal=("address the {a} directly", "describe the {a} without exaggeration"),
        ),
        Step(
            plain=("add a {b}", "put in a {b} to make it real"),
            formal=("include a {b} for personality", "integrate a {b} naturally"),
            number=("use {n} short lines for a {b}",),
        ),
        Step(
            plain=("keep it short and true", "cut what does not need to be there"),
            formal=("remove unnecessary repetition", "maintain consistent, sincere language"),
            number=("stop after {n} sentences",),
        ),
        Step(
            plain=("read it out loud", "let it lie for a night"),
            formal=("proofread everything carefully before sending", "request another opinion beforehand"),
            number=("read it {n} times",),
        ),
        Step(
            plain=("end on a bright note", "sign it by hand"),
            formal=("conclude with encouraging wishes", "finish with a memorable sentence"),
        ),
    ),
)

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

"""Comfort, and messages to write."""

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

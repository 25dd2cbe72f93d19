"""Openings, closings and the frames that carry a step, each with short words and with long ones.

In a frame `{s}` is the step, `{t}` the topic. What must not leak is kept apart: only frames named for it
address the reader, hedge, thank or speak of an example, so that each of these is a free choice of the writer.
"""

from training.learning.starter.subjects import Kind, Voices

GREETINGS = Voices(("Hi there", "Hello", "Hey"), ("Greetings", "Good afternoon"))
EMOJI = ("🙂", "🌟")

OPENINGS: dict[str, Voices] = {
    "steps": Voices(
        (
            "On {t}, here is what helps.",
            "Let us look at {t}.",
            "So, {t}.",
            "{T}: not so hard.",
            "{T}: great to take this on.",
        ),
        (
            "Regarding {t}, careful preparation matters.",
            "Concerning {t}, several considerations deserve attention.",
            "Preparation makes {t} considerably easier.",
            "{T}: certainly an interesting subject.",
        ),
    ),
    "facts": Voices(
        ("On {t}, this is what we know.", "Let us look at {t}.", "So, {t}.", "{T}: a great thing to ask."),
        (
            "Regarding {t}, several explanations exist.",
            "Understanding {t} requires elementary physics.",
            "{T}: certainly a fascinating subject.",
        ),
    ),
    "comfort": Voices(
        ("Oh, {t} is hard.", "So sorry to hear of {t}.", "{T} can hurt a lot."),
        (
            "Experiencing {t} certainly demands strength.",
            "Regarding {t}, sincere sympathy.",
            "{T}: undoubtedly a painful experience.",
        ),
    ),
}
# Put before any sentence to name the topic.
TOPIC_LEADS = Voices(("For {t}, ", "With {t}, ", "On {t}: "), ("Regarding {t}, ", "Concerning {t}, "))

LIST_HEADS: dict[Kind, Voices] = {
    "steps": Voices(
        ("A plan for {t}:", "What helps with {t}:", "Here is a list for {t}:"),
        ("Essential recommendations concerning {t}:", "Practical suggestions regarding {t}:"),
    ),
    "facts": Voices(
        ("The facts on {t}:", "What we know of {t}:"),
        ("Essential knowledge concerning {t}:", "Scientific background regarding {t}:"),
    ),
}
# For when the topic has been named already.
SHORT_HEADS = Voices(
    ("Here is what to know:", "A short list:", "Step by step:"), ("Essential points:", "Practical overview:")
)
LIST_HEADS_TO_YOU = Voices(
    ("Here is your list for {t}:", "This is for you, on {t}:"),
    ("Your personal overview concerning {t}:", "Everything you require regarding {t}:"),
)

NEUTRAL: dict[Kind, Voices] = {
    "steps": Voices(
        ("Try to {s}", "It helps to {s}", "It pays to {s}", "Be sure to {s}", "The key is to {s}"),
        ("Remember to {s}", "Always {s}", "It remains essential to {s}", "Ideally, {s}", "Whenever possible, {s}"),
    ),
    "facts": Voices(
        ("The fact is that {s}", "In short, {s}", "As a rule, {s}", "We know that {s}"),
        ("Scientists confirm that {s}", "Fundamentally, {s}", "Remarkably, {s}", "Essentially, {s}"),
    ),
}
TO_YOU: dict[Kind, Voices] = {
    "steps": Voices(
        ("You can {s}", "You will want to {s}", "Your best bet is to {s}", "All you need is to {s}"),
        ("You should {s}", "Your immediate priority: {s}", "You certainly benefit when you {s}"),
    ),
    "facts": Voices(
        ("You can see that {s}", "As you know, {s}", "You will find that {s}"),
        ("You certainly notice that {s}", "Your observation confirms that {s}"),
    ),
}
HEDGED: dict[Kind, Voices] = {
    "steps": Voices(
        ("Maybe {s}", "Perhaps {s}", "It might help to {s}", "It could be good to {s}"),
        ("Possibly {s}", "It seems sensible to {s}", "Probably it is advisable to {s}"),
    ),
    "facts": Voices(
        ("It seems that {s}", "Perhaps the point is that {s}", "It could be that {s}"),
        ("Possibly {s}", "Probably {s}", "It seems reasonable that {s}"),
    ),
}
HEDGED_TO_YOU: dict[Kind, Voices] = {
    "steps": Voices(("You might {s}", "You could {s}", "Maybe you can {s}"), ("Perhaps you should {s}",)),
    "facts": Voices(("You might say that {s}", "Maybe you know that {s}"), ("You possibly realise that {s}",)),
}
FIRST_PERSON: dict[Kind, Voices] = {
    "steps": Voices(
        ("I would {s}", "I like to {s}", "I tend to {s}", "My tip is to {s}"),
        ("I personally {s}", "I always {s}", "My recommendation: {s}"),
    ),
    "facts": Voices(
        ("I find it neat that {s}", "I like that {s}", "To me the point is that {s}"),
        ("I understand that {s}", "I find it remarkable that {s}"),
    ),
}
POLITE: dict[Kind, Voices] = {
    "steps": Voices(("Please {s}", "Please just {s}"), ("Kindly {s}", "Please always {s}")),
    "facts": Voices(("Please note that {s}",), ("Kindly remember that {s}", "Please consider that {s}")),
}
EXAMPLES: dict[Kind, Voices] = {
    "steps": Voices(
        ("For example, {s}", "To name an example, {s}"), ("For instance, {s}", "One practical example: {s}")
    ),
    "facts": Voices(("For example, {s}",), ("For instance, {s}", "One striking example: {s}")),
}
FIRST = Voices(("First, {s}", "To start, {s}"), ("Initially, {s}", "Firstly, {s}"))
NEXT = Voices(("Then {s}", "Next, {s}", "After that, {s}"), ("Afterwards, {s}", "Subsequently, {s}"))
LAST = Voices(("At the end, {s}", "Last of all, {s}"), ("Finally, {s}", "Eventually, {s}"))

REASON_LINKS = Voices(("because {r}", "since {r}", "as {r}"), ("because {r}", "since {r}"))
ASIDES = Voices(
    ("(no rush)", "(it is worth it)", "(this is key)"),
    ("(patience matters)", "(absolutely essential)", "(surprisingly effective)"),
)

WISHES: dict[str, Voices] = {
    "steps": Voices(
        ("Good luck.", "Have fun.", "It will work out.", "Enjoy it.", "I hope it goes well."),
        (
            "Success will certainly follow.",
            "Everything becomes easier eventually.",
            "Wonderful moments await.",
            "I hope everything succeeds.",
        ),
    ),
    "facts": Voices(
        ("How neat is that.", "Have fun with it.", "What a lovely world.", "Stay curious."),
        ("Nature remains astonishing.", "Curiosity always deserves encouragement.", "Wonderful discoveries await."),
    ),
    "comfort": Voices(
        ("Take heart.", "It will get easier.", "I hope the pain fades soon.", "Big hug."),
        ("Brighter moments certainly return.", "Everything becomes easier eventually.", "Warmest wishes."),
    ),
}
WISHES_TO_YOU = Voices(
    ("You can do it.", "You will see.", "You are on the right track."),
    ("Your patience certainly deserves success.", "You already demonstrate admirable curiosity."),
)
THANKS = Voices(
    ("Thanks for the question.", "Many thanks for asking.", "Thanks for the trust."),
    ("Sincere thanks for raising this.", "Such questions are greatly appreciated.", "Grateful thanks for asking."),
)
THANKS_TO_YOU = Voices(
    ("Thank you for asking.", "Thank you for your trust.", "Thanks to you for the question."),
    ("Thank you sincerely for your question.", "Your interest is greatly appreciated."),
)
# Some thanks name the topic.
THANKS_FOR_TOPIC = Voices(("Thanks for asking about {t}.",), ("Sincere thanks for mentioning {t}.",))
QUESTIONS = Voices(("Does that help?", "Is there more to it?"), ("Should additional details follow?",))

CONTRACTIONS = (
    ("do not", "don't"),
    ("Do not", "Don't"),
    ("does not", "doesn't"),
    ("is not", "isn't"),
    ("will not", "won't"),
    ("can not", "can't"),
    ("it is", "it's"),
    ("It is", "It's"),
    ("it will", "it'll"),
    ("It will", "It'll"),
    ("that is", "that's"),
    ("here is", "here's"),
    ("Here is", "Here's"),
    ("there is", "there's"),
    ("I would", "I'd"),
    ("You will", "You'll"),
    ("you will", "you'll"),
    ("You are", "You're"),
    ("Let us", "Let's"),
    ("let us", "let's"),
)

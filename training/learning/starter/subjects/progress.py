"""Learning and work."""

from training.learning.starter.subjects.shape import Domain, Step, Topic, Voices

LEARNING = Domain(
    name="learning",
    kind="steps",
    topics=(
        Topic("learning chess", "openings", "club"),
        Topic("playing the guitar", "chords", "teacher"),
        Topic("speaking Spanish", "phrases", "tandem partner"),
        Topic("drawing faces", "lines", "mirror"),
        Topic("basic maths", "sums", "work book"),
        Topic("public speaking", "pauses", "small group"),
        Topic("touch typing", "keys", "typing game"),
        Topic("swimming as an adult", "strokes", "calm pool"),
        Topic("writing a diary", "pages", "good pen"),
        Topic("taking better photos", "angles", "old camera"),
        Topic("knitting a scarf", "stitches", "thick yarn"),
        Topic("reading more books", "chapters", "library card"),
        Topic("singing in a choir", "notes", "voice coach"),
        Topic("programming a game", "rules", "simple sketch"),
    ),
    training_templates=(
        "How do I get started with {t}?",
        "I want to become better at {t}.",
        "Am I too old for {t}?",
        "How much practice does {t} need?",
        "I keep giving up on {t}.",
    ),
    held_out_templates=(
        "I want to get better at {t}. How much practice do I need?",
        "How do I become good at {t} without giving up?",
        "Am I too old to get started with {t}?",
    ),
    reasons=Voices(
        plain=("a bit each day beats a lot at once", "the hand learns what the eye sees", "joy keeps us at it"),
        formal=(
            "frequent repetition strengthens memory",
            "enjoyable practice sustains motivation",
            "mistakes provide valuable information",
        ),
    ),
    warnings=Voices(
        plain=("do not skip the basics", "do not fear a slip"),
        formal=("avoid comparing progress with experts", "never practise while completely exhausted"),
    ),
    questions=Voices(
        plain=("Is there a {b} near by?", "What is the goal for this year?", "Is it for fun or for work?"),
        formal=("Which difficulties arise most frequently?", "What originally inspired this ambition?"),
    ),
    questions_to_you=Voices(
        plain=("How much time do you have?", "Have you tried it before?", "What do you hope to do with it?"),
        formal=("Which learning methods do you prefer?", "What achievement would you consider satisfactory?"),
    ),
    steps=(
        Step(
            plain=("start with a few {a}", "pick one goal and write it down"),
            formal=("determine a precise, achievable objective", "concentrate initially upon essential {a}"),
            number=("start with {n} easy {a}",),
        ),
        Step(
            plain=("set a fixed time of day for it", "keep each round short"),
            formal=("reserve regular periods for practice", "organise a comfortable environment"),
            number=("work for {m} minutes a day", "meet {n} times a week"),
        ),
        Step(
            plain=("find a {b} to lean on", "make use of a {b}"),
            formal=("benefit from a {b} early", "secure a {b} for guidance"),
        ),
        Step(
            plain=("go slow and get the {a} right", "do the hard part twice"),
            formal=("repeat challenging {a} deliberately", "increase difficulty progressively"),
            number=("go over the {a} {n} times",),
        ),
        Step(
            plain=("show the work to a friend", "ask how it looks or sounds"),
            formal=("request constructive criticism regularly", "exchange experiences with other beginners"),
            number=("ask {n} people for their view",),
        ),
        Step(
            plain=("take a rest when it gets dull", "have fun with the {a}"),
            formal=("alternate concentration with relaxation", "combine the {a} creatively"),
            number=("take a break every {m} minutes",),
        ),
        Step(
            plain=("look back at how far it went", "keep on, week by week"),
            formal=("celebrate measurable improvement", "preserve early attempts for comparison"),
            number=("look back after {n} weeks",),
        ),
    ),
)

WORK = Domain(
    name="work",
    kind="steps",
    topics=(
        Topic("a job interview", "answers", "short story"),
        Topic("a long meeting", "points", "clear agenda"),
        Topic("working from home", "hours", "closed door"),
        Topic("a difficult boss", "facts", "calm talk"),
        Topic("asking for a raise", "numbers", "good moment"),
        Topic("a first day at work", "names", "friendly smile"),
        Topic("a big deadline", "tasks", "daily plan"),
        Topic("too many emails", "mails", "fixed hour"),
        Topic("leading a small team", "goals", "weekly chat"),
        Topic("a boring presentation", "slides", "strong opening"),
        Topic("changing careers", "skills", "trial week"),
        Topic("a rude customer", "words", "slow breath"),
        Topic("putting off hard tasks", "tasks", "tiny start"),
    ),
    training_templates=(
        "I am worried about {t}.",
        "How would a professional handle {t}?",
        "Give me a strategy for {t}.",
        "Tomorrow it is all about {t}.",
        "What is the best way to prepare for {t}?",
    ),
    held_out_templates=(
        "How would you prepare for {t} tomorrow?",
        "Give me the best strategy to handle {t}.",
        "I am worried. What would a professional do about {t}?",
    ),
    reasons=Voices(
        plain=("clear words save a lot of time", "a rested mind works well", "folks like to know where they stand"),
        formal=(
            "transparent communication prevents misunderstandings",
            "thorough preparation inspires confidence",
            "defined priorities reduce unnecessary pressure",
        ),
    ),
    warnings=Voices(
        plain=("do not take it home at night", "do not say yes to it all"),
        formal=("avoid emotional reactions initially", "never promise impossible results"),
    ),
    questions=Voices(
        plain=("When is it due?", "Who else is in the room?", "What went well last time?"),
        formal=("Which outcome appears realistic?", "Does management support such changes?"),
    ),
    questions_to_you=Voices(
        plain=("What do you fear most?", "How long have you been there?", "Who has your back?"),
        formal=("What responsibilities do you currently carry?", "Which strengths distinguish you professionally?"),
    ),
    steps=(
        Step(
            plain=("write down the {a} that count", "sort out what is key and what is not"),
            formal=("identify genuinely important {a}", "clarify expectations beforehand"),
            number=("write down the {n} main {a}",),
        ),
        Step(
            plain=("have a {b} in mind", "go in with a {b}"),
            formal=("prepare a {b} carefully", "establish a {b} whenever possible"),
        ),
        Step(
            plain=("do the hard part in the morning", "cut the work into small bits"),
            formal=("divide complex assignments into manageable portions", "prioritise according to importance"),
            number=("work in blocks of {m} minutes",),
        ),
        Step(
            plain=("listen more than talk", "keep the {a} short and clear"),
            formal=("listen attentively before responding", "present the {a} objectively"),
            number=("speak for {n} minutes, not more",),
        ),
        Step(
            plain=("ask when it is not clear", "say no in a kind way"),
            formal=("request clarification whenever necessary", "communicate boundaries respectfully"),
            number=("ask {n} good questions",),
        ),
        Step(
            plain=("step out for some air", "take a real break at noon"),
            formal=("schedule sufficient recovery between appointments", "maintain professional composure throughout"),
            number=("take a break of {m} minutes",),
        ),
        Step(
            plain=("note what went well", "send a short mail at the end"),
            formal=("summarise agreements in writing", "evaluate results afterwards"),
            number=("follow up within {n} days",),
        ),
    ),
)

"""Learning, work, outings and choices."""

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

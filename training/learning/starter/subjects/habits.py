"""Rest and health, and money."""

from training.learning.starter.subjects.shape import Domain, Step, Topic, Voices

REST = Domain(
    name="rest",
    kind="steps",
    topics=(
        Topic("sleeping better", "bed", "book"),
        Topic("waking up early", "alarm", "glass of water"),
        Topic("a stiff neck", "neck", "warm towel"),
        Topic("drinking more water", "bottle", "slice of lemon"),
        Topic("getting back to running", "shoes", "slow loop"),
        Topic("tired eyes", "screen", "short walk"),
        Topic("eating less sugar", "snacks", "piece of fruit"),
        Topic("a calm evening", "phone", "cup of tea"),
        Topic("stress before bed", "lights", "warm bath"),
        Topic("sitting too much", "chair", "daily stretch"),
        Topic("a morning routine", "kettle", "quiet song"),
        Topic("less time on the phone", "phone", "paper book"),
        Topic("keeping up with yoga", "mat", "slow breath"),
    ),
    training_templates=(
        "I need advice about {t}.",
        "What helps with {t}?",
        "Which habits are good for {t}?",
        "My doctor says I should think about {t}.",
        "How can I make {t} part of my day?",
    ),
    held_out_templates=(
        "Which good habits help with {t}?",
        "I need to think about {t} every day. What helps?",
        "My day is long. Give me good advice about {t}.",
    ),
    reasons=Voices(
        plain=("the body likes a set pace", "small acts add up day by day", "rest is half of the work"),
        formal=(
            "consistent habits require little willpower",
            "gradual improvements survive stressful periods",
            "adequate recovery supports everything else",
        ),
    ),
    warnings=Voices(
        plain=("do not try to change it all at once", "do not be too hard on a bad day"),
        formal=("avoid unrealistic expectations", "never neglect persistent discomfort"),
    ),
    questions=Voices(
        plain=("How long has it been like this?", "Is the room dark and cool?", "What does a day look like now?"),
        formal=("Which circumstances make everything harder?", "Does something particular interrupt progress?"),
    ),
    questions_to_you=Voices(
        plain=("How do you feel when you wake up?", "What time do you go to bed?", "What have you tried?"),
        formal=("Which routines have you previously attempted?", "When do you generally feel strongest?"),
    ),
    steps=(
        Step(
            plain=("pick one small thing to change", "note how it goes for a week"),
            formal=("observe current patterns without judgement", "establish one realistic intention"),
            number=("keep a log for {m} days", "pick {n} small things to change"),
        ),
        Step(
            plain=("put the {a} in the right place", "have the {a} out and in sight"),
            formal=("prepare the {a} the previous evening", "position the {a} somewhere convenient"),
        ),
        Step(
            plain=("reach for a {b} each day", "end the day with a {b}"),
            formal=("introduce a {b} every afternoon", "associate a {b} with something pleasant"),
            number=("take {m} minutes for a {b}",),
        ),
        Step(
            plain=("get some air and sun at noon", "step out the door for a bit"),
            formal=("spend sufficient time outdoors", "include moderate physical movement"),
            number=("walk {n} thousand steps a day", "go out for {m} minutes at noon"),
        ),
        Step(
            plain=("eat a light meal and slow down", "dim the lights when it gets late"),
            formal=("reduce artificial lighting beforehand", "limit stimulating drinks after midday"),
            number=("stop all screens {m} minutes before bed",),
        ),
        Step(
            plain=("take it slow and be kind", "ask a friend to join in"),
            formal=("celebrate modest achievements regularly", "involve supportive companions whenever possible"),
            number=("give it at least {n} weeks",),
        ),
        Step(
            plain=("see a doctor if it does not get well", "keep what works and drop the rest"),
            formal=("consult medical professionals regarding persistent symptoms", "evaluate progress every month"),
        ),
    ),
)

MONEY = Domain(
    name="money",
    kind="steps",
    topics=(
        Topic("saving for a bike", "bike", "jar"),
        Topic("a monthly budget", "bills", "spreadsheet"),
        Topic("paying off a loan", "loan", "standing order"),
        Topic("cheaper groceries", "food", "shopping list"),
        Topic("a first salary", "pay", "savings account"),
        Topic("pocket money", "coins", "glass jar"),
        Topic("selling old furniture", "furniture", "good photo"),
        Topic("a high power bill", "power", "timer plug"),
        Topic("splitting the rent", "rent", "shared note"),
        Topic("too many subscriptions", "fees", "cancel date"),
        Topic("gifts on a budget", "gifts", "price limit"),
        Topic("money for rainy days", "fund", "separate account"),
    ),
    training_templates=(
        "How should I plan for {t}?",
        "I worry about {t}.",
        "What would you do about {t}?",
        "Is there a clever approach to {t}?",
        "We talked about {t} at dinner. What is your view?",
    ),
    held_out_templates=(
        "What is a clever plan for {t}?",
        "We worry about {t}. What would you do?",
        "Is there an approach to {t} we should know about?",
    ),
    reasons=Voices(
        plain=("small sums grow when left in peace", "what is out of sight is not spent", "a plan beats a wish"),
        formal=(
            "automatic decisions require little discipline",
            "written figures reveal hidden spending",
            "modest reserves reduce anxiety considerably",
        ),
    ),
    warnings=Voices(
        plain=("do not buy on a whim", "do not cut all the fun"),
        formal=("avoid borrowing unnecessarily", "never underestimate irregular expenses"),
    ),
    questions=Voices(
        plain=("By when should it be done?", "Is there some cash to start with?", "Where does most of it go now?"),
        formal=("Which expenses remain genuinely flexible?", "Does income fluctuate between months?"),
    ),
    questions_to_you=Voices(
        plain=("How much can you put by?", "What do you pay for now?", "When do you need it?"),
        formal=("Which purchases do you regularly regret?", "What financial target do you pursue?"),
    ),
    steps=(
        Step(
            plain=("write down what comes in and goes out", "look at the {a} with a cool head"),
            formal=("calculate regular income accurately", "document every expense honestly"),
            number=("write down each cost for {m} days",),
        ),
        Step(
            plain=("set a goal that is easy to reach", "work out what is left at the end"),
            formal=("determine a realistic monthly target", "distinguish necessities from preferences"),
            number=("put by {m} dollars a week", "set {n} goals for the year"),
        ),
        Step(
            plain=("use a {b} from day one", "set up a {b} and stick to it"),
            formal=("establish a {b} immediately", "maintain a {b} throughout the year"),
        ),
        Step(
            plain=("drop a cost that brings no joy", "pay in cash for a while"),
            formal=("eliminate forgotten payments systematically", "compare alternative providers annually"),
            number=("cut {n} costs this month", "save {m} percent of each pay"),
        ),
        Step(
            plain=("wait a night and then buy", "ask for a fair deal"),
            formal=("postpone impulsive purchases deliberately", "negotiate better conditions politely"),
            number=("wait {n} days with each big buy",),
        ),
        Step(
            plain=("keep some back for fun", "tell a friend of the plan"),
            formal=("reserve something enjoyable occasionally", "discuss priorities openly with family"),
        ),
        Step(
            plain=("check in at the end of the month", "be glad of each step"),
            formal=("review results every quarter", "adjust expectations following unexpected changes"),
            number=("look at it again in {n} months",),
        ),
    ),
)

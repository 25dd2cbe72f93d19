"""Repairs, tidying, rest and health, and money."""

from training.learning.starter.subjects.shape import Domain, Step, Topic, Voices

REPAIRS = Domain(
    name="repairs",
    kind="steps",
    topics=(
        Topic("a leaking tap", "tap", "wrench"),
        Topic("a squeaky door", "hinge", "oil can"),
        Topic("a flat bicycle tyre", "tube", "patch kit"),
        Topic("a slow laptop", "disk", "backup"),
        Topic("a blocked drain", "drain", "plunger"),
        Topic("a loose chair leg", "joint", "wood glue"),
        Topic("a cracked wall", "crack", "filler"),
        Topic("a noisy fan", "blades", "soft brush"),
        Topic("a broken zip", "zip", "pencil"),
        Topic("a torn jacket", "seam", "needle"),
        Topic("a dead torch", "contacts", "clean cloth"),
        Topic("a stuck window", "frame", "candle wax"),
        Topic("a scratched table", "scratch", "fine paper"),
        Topic("a weak phone battery", "battery", "charger"),
    ),
    training_templates=(
        "How can I fix {t}?",
        "There is {t} at home. What now?",
        "Can {t} be repaired without an expert?",
        "I have {t} and few tools.",
        "What causes {t} and how do I repair it?",
    ),
    held_out_templates=(
        "I have {t} at home. Can I fix it?",
        "What tools do I need to repair {t}?",
        "There is {t} here and no expert. How do I fix it?",
    ),
    reasons=Voices(
        plain=("most of the time the cause is small", "a dry and clean part will hold", "force makes it worse"),
        formal=(
            "simple causes explain most failures",
            "careful inspection prevents expensive mistakes",
            "excessive pressure damages fragile components",
        ),
    ),
    warnings=Voices(
        plain=("do not force the {a}", "do not work in the dark"),
        formal=("avoid dismantling everything simultaneously", "never ignore basic safety precautions"),
    ),
    questions=Voices(
        plain=("Is there a {b} in the house?", "How old is it?", "When did it start?"),
        formal=("Which symptoms appeared originally?", "Does the warranty remain valid?"),
    ),
    questions_to_you=Voices(
        plain=("Do you have a {b}?", "Can you see where it is worn?", "What have you tried so far?"),
        formal=("Which tools do you already possess?", "Have you attempted similar repairs before?"),
    ),
    steps=(
        Step(
            plain=("look at the {a} in good light", "take a photo so it goes back the same way"),
            formal=("inspect the {a} methodically", "photograph everything before dismantling"),
            number=("take {n} photos from all sides",),
        ),
        Step(
            plain=("shut off what needs to be off", "clear some space to work in"),
            formal=("disconnect whatever presents danger", "organise sufficient working space"),
            number=("block out {m} minutes for the job",),
        ),
        Step(
            plain=("clean the {a} and let it dry", "wipe off all the dust and dirt"),
            formal=("clean surrounding surfaces thoroughly", "remove accumulated dust and residue"),
            number=("let the {a} dry for {n} hours",),
        ),
        Step(
            plain=("get a {b} and go slow", "use the {b} with a light hand"),
            formal=("apply the {b} with controlled pressure", "position the {b} accurately"),
            number=("use the {b} for {n} minutes",),
        ),
        Step(
            plain=("swap the part if it is worn out", "fix the {a} back in place"),
            formal=("replace obviously damaged components", "secure the {a} firmly again"),
            number=("buy a new part for about {m} dollars",),
        ),
        Step(
            plain=("test it a few times", "see if it holds for a day"),
            formal=("verify performance under realistic conditions", "repeat testing several times"),
            number=("test it {n} times in a row",),
        ),
        Step(
            plain=("ask a pro if it still will not work", "note down what was done"),
            formal=("consult qualified professionals when uncertain", "document the procedure for future reference"),
        ),
    ),
)

TIDYING = Domain(
    name="tidying",
    kind="steps",
    topics=(
        Topic("a messy desk", "papers", "tray"),
        Topic("an overfull wardrobe", "clothes", "rail"),
        Topic("a dusty bookshelf", "books", "cloth"),
        Topic("a chaotic kitchen drawer", "tools", "divider"),
        Topic("a crowded cellar", "boxes", "label"),
        Topic("thousands of old photos", "photos", "album"),
        Topic("a full inbox", "mails", "folder"),
        Topic("toys on the floor", "toys", "basket"),
        Topic("a greasy oven", "racks", "sponge"),
        Topic("stains on a carpet", "stains", "towel"),
        Topic("a cluttered garage", "tools", "hook"),
        Topic("laundry for a family", "clothes", "hamper"),
    ),
    training_templates=(
        "I cannot keep up with {t}.",
        "What is the fastest way to deal with {t}?",
        "Where do I begin with {t}?",
        "{T} makes me nervous. Help me get in order.",
        "How do other people handle {t}?",
    ),
    held_out_templates=(
        "How do I deal with {t} and keep order?",
        "What do other people do to get {t} in order?",
        "Help me, {t} is more than I can handle.",
    ),
    reasons=Voices(
        plain=("a thing with a home is soon put back", "small wins keep the mood up", "less stuff is less work"),
        formal=(
            "visible progress strengthens motivation",
            "permanent places simplify everyday decisions",
            "smaller sections feel manageable",
        ),
    ),
    warnings=Voices(
        plain=("do not start with the hard bits", "do not keep it just in case"),
        formal=("avoid purchasing additional containers prematurely", "never sacrifice an entire weekend"),
    ),
    questions=Voices(
        plain=("How much of it is still in use?", "Is there room for a {b}?", "Can some of it go?"),
        formal=("Which category causes greatest frustration?", "Could another person contribute occasionally?"),
    ),
    questions_to_you=Voices(
        plain=("What bugs you the most?", "Do you have a spare {b}?", "How much time do you have a day?"),
        formal=("Which belongings do you genuinely treasure?", "When do you normally feel energetic?"),
    ),
    steps=(
        Step(
            plain=("start with a small part of it", "set a timer and put on a good song"),
            formal=("define one manageable section", "schedule regular, limited sessions"),
            number=("set a timer for {m} minutes", "start with only {n} things"),
        ),
        Step(
            plain=("take all the {a} out", "put the {a} in one big heap"),
            formal=("empty the whole area completely", "gather the {a} together beforehand"),
        ),
        Step(
            plain=("sort the {a} into keep and go", "hold on to what gets used"),
            formal=("separate essential {a} from superfluous ones", "categorise everything according to purpose"),
            number=("sort the {a} into {n} piles",),
        ),
        Step(
            plain=("give away what is not used", "let go of the worn out ones"),
            formal=("donate whatever remains unused", "discard damaged items responsibly"),
            number=("give away {m} things this week",),
        ),
        Step(
            plain=("wipe it all down with warm soap", "dust it while it is bare"),
            formal=("clean exposed surfaces thoroughly", "eliminate lingering dust before continuing"),
        ),
        Step(
            plain=("put a {b} where it is in reach", "give each thing a home"),
            formal=("install a practical {b} nearby", "assign permanent places deliberately"),
            number=("get {n} boxes of the same size",),
        ),
        Step(
            plain=("do a bit of it each night", "make it part of the day"),
            formal=("establish a consistent evening routine", "review everything once every season"),
            number=("spend {n} minutes on it each night",),
        ),
    ),
)

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

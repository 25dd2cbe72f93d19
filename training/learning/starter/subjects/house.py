"""Repairs and tidying."""

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

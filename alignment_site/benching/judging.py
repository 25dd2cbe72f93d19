"""`bench judging`: annotators in a closed loop without thinking time, on the real server and database.

A cycle is what the page does: the verdict's form POST, with session and CSRF token, whose HTML reply holds the
next comparison, rendered. What was acknowledged is then looked up in the database.
"""

import asyncio
import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.middleware.csrf import _get_new_csrf_string

from alignment_site import env
from alignment_site.benching.page_client import Page, Unexpected
from alignment_site.serving import served
from labeling.actions.projecting import create_project
from labeling.actions.queueing import NewComparison, NewResponse, add_comparisons, add_prompts, add_responses
from labeling.models import Arm, Judgment, Membership, Person, Project, Role
from training.lab.beside import training_beside

ANSWERS = (1, 2, 3, 4, 5, 6, 7, 9, 0)
DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
WARM_UP_SECONDS = 3.0
WORDS = (
    "the answer to this question depends on how much time you have and which tools are at hand so begin with what is"
    " simple then look at the result before you change anything else because a small step is easy to undo while a"
    " large one hides where it went wrong good cooks taste often write down what worked and share it with a friend"
).split()


@dataclass
class Tally:
    """What the annotators saw."""

    seconds: list[float] = field(default_factory=list)
    acknowledged: dict[str, tuple[int, int]] = field(default_factory=dict)  # client id -> person, answer
    trouble: Counter[str] = field(default_factory=Counter)
    ran_dry: int = 0


# --- what is judged


def _text(chance: random.Random, low: int, high: int) -> str:
    """Some Markdown of a usual length: paragraphs, now and then a list or code."""
    words = chance.choices(WORDS, k=chance.randint(low, high))
    middle = len(words) // 2
    opening, closing_words = " ".join(words[:middle]), " ".join(words[middle:])
    match chance.randrange(4):
        case 0:
            items = "\n".join(f"- **{words[n]}** {' '.join(words[n : n + 6])}" for n in range(0, middle, 7))
            return f"{opening}.\n\n{items}\n\n{closing_words}."
        case 1:
            return f"{opening}:\n\n```python\nprint('{words[0]}')\n```\n\n{closing_words}."
        case _:
            return f"{opening}.\n\n{closing_words.capitalize()}."


def fill(*, comparisons: int, annotators: int) -> tuple[Project, list[Person]]:
    """A project with a queue as the loop leaves it, and its members."""
    chance = random.Random(7)  # noqa: S311
    owner = Person.objects.create_user("bench-owner")
    project = create_project(by=owner, settings={"name": "Bench"}, guidelines="Prefer the **helpful** answer.")
    prompts = add_prompts(
        project=project,
        conversations=[
            [{"role": "user", "content": f"Question {number}: {_text(chance, 15, 60)}"}]
            for number in range(comparisons)
        ],
    )
    responses = add_responses(
        responses=[
            NewResponse(prompt.id, [{"role": "assistant", "content": _text(chance, 40, 120)}])
            for prompt in prompts
            for _ in (0, 1)
        ]
    )
    arms = [Arm.RANDOM if chance.random() < project.random_share else Arm.CHOSEN for _ in prompts]
    add_comparisons(
        project=project,
        comparisons=[
            NewComparison(
                prompt.id,
                responses[2 * number : 2 * number + 2],
                arm,
                method="bench",
                score=chance.random() if arm == Arm.CHOSEN else None,
            )
            for number, (prompt, arm) in enumerate(zip(prompts, arms, strict=True))
        ],
    )
    people = [Person.objects.create_user(f"bench-{number}", simulated=True) for number in range(annotators)]
    Membership.objects.bulk_create(Membership(project=project, person=one, role=Role.ANNOTATOR) for one in people)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return project, people


def cookies_of(person: Person) -> dict[str, str]:
    """A session such as signing in makes, without the cost of the password."""
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    secret = _get_new_csrf_string()
    return {settings.SESSION_COOKIE_NAME: str(session.session_key), settings.CSRF_COOKIE_NAME: secret}


# --- who serves and who judges


async def _annotate(person: Person, page: Page, path: str, until: float, tally: Tally, chance: random.Random) -> None:
    form = await page.open(path)
    while form is not None and time.perf_counter() < until:
        answer = chance.choice(ANSWERS)
        started = time.perf_counter()
        try:
            following = await page.judge(form, answer, chance.uniform(1, 30))
        except (Unexpected, OSError, asyncio.IncompleteReadError) as error:
            tally.trouble[str(error) or type(error).__name__] += 1
            form = await page.open(path)
            continue
        tally.seconds.append(time.perf_counter() - started)
        tally.acknowledged[form.fields["uuid"]] = (person.pk, answer)
        form = following
    tally.ran_dry += form is None
    page.close()


async def _all_annotate(
    people: Sequence[Person], cookies: Sequence[dict[str, str]], path: str, port: int, seconds: float
) -> Tally:
    tally, until = Tally(), time.perf_counter() + seconds
    await asyncio.gather(
        *(
            _annotate(person, Page("127.0.0.1", port, own), path, until, tally, random.Random(person.pk))  # noqa: S311
            for person, own in zip(people, cookies, strict=True)
        )
    )
    return tally


# --- what is reported


def durability() -> dict[str, str]:
    """The server's durability settings, as the judging connections have them."""
    found = {}
    with connection.cursor() as cursor:
        for name in DURABLE:
            cursor.execute(f"SHOW {name}")
            found[name] = str(cursor.fetchone()[0])
    return found


def lost_and_doubled(acknowledged: dict[str, tuple[int, int]]) -> tuple[int, int]:
    """How many acknowledged verdicts the database does not hold as sent, and how many it holds more than once or
    beyond what a comparison needed."""
    stored: Counter[tuple[str, int, int]] = Counter(
        (str(uuid), person, answer)
        for uuid, person, answer in Judgment.objects.values_list("uuid", "person_id", "answer")
    )
    lost = sum((client_id, *sent) not in stored for client_id, sent in acknowledged.items())
    twice = sum(count - 1 for count in Counter(key[0] for key in stored.elements()).values())
    needs = dict(Judgment.objects.values_list("comparison_id", "comparison__needs"))
    judged = Counter(Judgment.objects.values_list("comparison_id", flat=True))
    return lost, twice + sum(max(0, count - needs[pk]) for pk, count in judged.items())


def percentile(values: Sequence[float], share: float) -> float:
    """The value that a share of the others does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure(
    *, annotators: int, seconds: float, rounds: int, comparisons: int, while_training: bool = False
) -> dict[str, object]:
    """Medians over the rounds. Raises RuntimeError when the server is not durable or the queue ran dry."""
    settings_of_server = durability()
    if set(settings_of_server.values()) != {"on"}:
        raise RuntimeError(f"The database is not durable: {settings_of_server}. Switch all of them on.")
    project, people = fill(comparisons=comparisons, annotators=annotators)
    cookies = [cookies_of(person) for person in people]
    acknowledged: dict[str, tuple[int, int]] = {}

    def one_round(span: float) -> Tally:
        tally = asyncio.run(_all_annotate(people, cookies, f"/p/{project.slug}/judge/", env.port(), span))
        acknowledged.update(tally.acknowledged)
        if tally.ran_dry:
            raise RuntimeError("The queue ran dry: give more --comparisons.")
        return tally

    with served():
        one_round(WARM_UP_SECONDS)
        with training_beside(project) if while_training else nullcontext() as beside:
            tallies = [one_round(seconds) for _ in range(rounds)]
    lost, doubled = lost_and_doubled(acknowledged)
    return {
        "cycles_per_s": round(statistics.median(len(tally.seconds) / seconds for tally in tallies), 1),
        "p50_ms": round(1000 * statistics.median(percentile(tally.seconds, 0.5) for tally in tallies), 1),
        "p95_ms": round(1000 * statistics.median(percentile(tally.seconds, 0.95) for tally in tallies), 1),
        "lost": lost,
        "doubled": doubled,
        **settings_of_server,
        "annotators": annotators,
        "rounds": [round(len(tally.seconds) / seconds, 1) for tally in tallies],
        "trouble": sum(sum(tally.trouble.values()) for tally in tallies),
        "trained_share": 0.0 if beside is None else round(beside.share, 2),
    }

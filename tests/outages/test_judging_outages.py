"""kill -9 of web, worker, training run and database while people judge: nothing that was acknowledged is lost or
doubled, and the loop goes on by itself."""

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from alignment_site.postgres import Cluster
from tests.outages.judges import Judges, Record
from tests.outages.running import Site, fresh_site, wait_until

pytestmark = pytest.mark.slow

VICTIMS = ("web", "worker", "run", "database")
TIMES = 2  # that each of them is killed
GAP = (1.0, 5.0)  # seconds between two kills
PEOPLE = 4
PATIENCE = 180.0  # seconds; on a quiet machine everything waited for here takes a few
# Runs that are begun all the time, short, and leave a checkpoint every second.
SMALL = {
    "n_prompts": 24,
    "best_of": 4,
    "n_validation": 8,
    "sampler": {"max_new_tokens": 64},
    "optim": {"num_train_epochs": 1.0, "save_seconds": 1.0},
}
SETTINGS = {"train_every_judgments": 40, "overlap": 2, "recipe": SMALL}

PREPARE = """
import json, sys
from django.core.management import call_command
call_command("migrate", verbosity=0, interactive=False)
call_command("seed", verbosity=0)
from alignment_site.benching.judging import cookies_of
from labeling.actions.inviting import add_simulated_person
from labeling.actions.projecting import change_project
from labeling.models import Person, Project
project, settings = Project.objects.get(), json.loads(sys.argv[-1])
change_project(project=project, by=project.memberships.get().person, settings=settings["project"])
people = [add_simulated_person(project=project, name=f"judge-{n}") for n in range(settings["people"])]
print("prepared", json.dumps({"slug": project.slug, "people": [[one.pk, cookies_of(one)] for one in people]}))
"""

# What the posterior is to learn: the latest word on each comparison of a training prompt, if it says anything.
TO_LEARN = """
SELECT count(*) FROM labeling_judgment j JOIN labeling_comparison c ON c.id = j.comparison_id
JOIN labeling_prompt p ON p.id = c.prompt_id JOIN labeling_promptroot r ON r.id = p.root_id
WHERE p.split = 'train' AND r.split = 'train' AND j.answer <> 0
    AND NOT EXISTS (SELECT FROM labeling_judgment a WHERE a.amends_id = j.id)
"""
MISCOUNTED = """
SELECT c.id, c.taken, c.held, c.needs FROM labeling_comparison c
WHERE c.taken <> (SELECT count(*) FROM labeling_judgment j
        WHERE j.comparison_id = c.id AND j.amends_id IS NULL AND NOT j.late)
    OR c.held <> (SELECT count(*) FROM labeling_lease l WHERE l.comparison_id = c.id AND l.ended_at IS NULL)
    OR c.taken > c.needs
"""


class Database:
    """The site's own, asked from outside; it may be away for a moment."""

    def __init__(self, site: Site) -> None:
        self.url = Cluster(site.home / "postgres").url()

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """All rows of an answer, however long it takes to get one."""
        while True:
            with suppress(psycopg.OperationalError), psycopg.connect(self.url) as connection:
                return connection.execute(question.encode()).fetchall()
            time.sleep(0.1)

    def number(self, question: str) -> int:
        """The first column of the first row; 0 where there is none."""
        found = self.rows(question)
        return int(found[0][0]) if found else 0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = fresh_site(tmp_path / "heed")
    yield site
    print(site.output[-8000:])
    if site.process is not None and site.process.poll() is None:
        site.stop()
    left = site.commands()
    for process in site.processes():
        process.kill()
    assert left == {}
    shutil.rmtree(site.checkout)


def prepared(site: Site) -> Mapping[str, Any]:
    """Tables, the starter project with short runs, and people who are signed in."""
    settings = json.dumps({"project": SETTINGS, "people": PEOPLE})
    assert site.command("shell", "--no-imports", "-c", PREPARE.replace("sys.argv[-1]", repr(settings))).wait(90) == 0, (
        site.output
    )
    line = next(line for line in site.output.splitlines() if line.startswith("prepared "))
    found: Mapping[str, Any] = json.loads(line.removeprefix("prepared "))
    return found


def running(database: Database) -> tuple[int, int] | None:
    """A run that is at work, and its process."""
    found = database.rows("SELECT id, pid FROM training_run WHERE state = 'running' AND pid IS NOT NULL")
    for run, pid in found:
        with suppress(psutil.Error):
            if f" train run {run} " in " ".join([*psutil.Process(pid).cmdline(), ""]):
                return int(run), int(pid)
    return None


def kill(site: Site, database: Database, victim: str) -> int | None:
    """Kill one of them as soon as it lives. Returns the run that was hit, if one was."""
    run = None
    match victim:
        case "web":
            pids = wait_until(lambda: site.named("alignment_site.web"), PATIENCE, "a web process")
        case "worker":
            pids = wait_until(lambda: site.named("worker"), PATIENCE, "a worker")
        case "run":
            run, pid = wait_until(lambda: running(database), PATIENCE, "a run at work") or (0, 0)
            pids = [pid]
        case _:
            pids = [wait_until(site.database, PATIENCE, "a database")]
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return run


def check_judgments(record: Record, database: Database) -> None:
    """What was acknowledged is there once, as it was sent, and nothing else is."""
    stored = database.rows("SELECT person_id, uuid::text, answer FROM labeling_judgment")
    assert len(stored) == len(record.acknowledged)
    assert {(person, uuid): answer for person, uuid, answer in stored} == record.acknowledged
    assert database.rows(MISCOUNTED) == []


def test_no_acknowledged_judgment_is_lost_or_doubled_and_the_loop_goes_on(site: Site) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"the moments of this test are those of random.Random({seed})")
    chance = random.Random(seed)
    made, database = prepared(site), Database(site)
    site.start()
    victims = list(VICTIMS) * TIMES
    chance.shuffle(victims)
    killed: set[int] = set()
    with Judges(site.port, f"/p/{made['slug']}/judge/", made["people"], seed) as judges:
        wait_until(lambda: len(judges.record.acknowledged) > 20, PATIENCE, "the first judgments")
        for victim in victims:
            time.sleep(chance.uniform(*GAP))
            run = kill(site, database, victim)
            print(f"killed {victim} after {len(judges.record.acknowledged)} judgments")
            killed |= {run} if run else set()
        after = len(judges.record.acknowledged)
        wait_until(lambda: len(judges.record.acknowledged) > after + 10, PATIENCE, "judgments after the last kill")
        judges.stop()
    print(f"{len(judges.record.acknowledged)} judgments, {judges.record.repeated} sent again", judges.record.trouble)
    assert judges.record.repeated > 0, "no judgment met an outage"
    check_judgments(judges.record, database)
    learned = "SELECT judgments FROM training_posterior"
    wait_until(lambda: database.number(learned) == database.number(TO_LEARN), PATIENCE, "the posterior's judgments")
    check_runs(database, killed)
    check_judgments(judges.record, database)


def check_runs(database: Database, killed: set[int]) -> None:
    """What was killed has resumed and finished; nothing failed."""
    waits = "SELECT count(*) FROM training_run WHERE state IN ('queued', 'running') AND id IN ({})"
    chosen = ", ".join(map(str, killed))
    wait_until(lambda: database.number(waits.format(chosen)) == 0, PATIENCE, "the end of the killed runs")
    ended = database.rows("SELECT id, state, error FROM training_run")
    assert {run: state for run, state, _ in ended if run in killed} == dict.fromkeys(killed, "done"), ended
    assert [row for row in ended if row[1] == "failed"] == []

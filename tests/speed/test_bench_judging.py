"""The judging bench measures what it says: the page's own cycle, on a durable database, nothing lost or doubled."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from alignment_site import env
from alignment_site.benching.judging import lost_and_doubled, measure, percentile
from alignment_site.benching.page_client import Form
from labeling.models import Comparison
from tests.labeling.cast import comparisons, lease, member, project_of_ada, submit

CONTRACT = {"cycles_per_s", "p95_ms", "lost", "doubled", "fsync", "synchronous_commit"}


def test_the_form_of_the_real_page_is_found(client: Any, db: None) -> None:
    project = project_of_ada()
    comparisons(project, 1)
    ben = member(project, "Ben")
    client.force_login(ben)
    form = Form.found_in(client.get(f"/p/{project.slug}/judge/").content)
    assert form is not None and set(form.fields) == {"csrfmiddlewaretoken", "uuid", "shown", "guideline"}
    assert form.action == f"/p/{project.slug}/judge/{lease(ben, project).pk}/"
    reply = client.post(form.action, {**form.fields, "answer": 2, "seconds": "1", "reason": ""}, HTTP_HX_REQUEST="true")
    assert reply.status_code == 200 and Form.found_in(reply.content) is None  # the queue is empty now


def test_what_was_acknowledged_and_is_not_there_is_lost(db: None) -> None:
    project = project_of_ada()
    comparisons(project, 2)
    ben, client_id = member(project, "Ben"), uuid.uuid4()
    submit(ben, lease(ben, project), answer=2, uuid=client_id)
    assert lost_and_doubled({str(client_id): (ben.pk, 2)}) == (0, 0)
    assert lost_and_doubled({str(client_id): (ben.pk, 3)}) == (1, 0)
    assert lost_and_doubled({str(client_id): (ben.pk, 2), str(uuid.uuid4()): (ben.pk, 2)}) == (1, 0)


def test_more_judgments_than_a_comparison_needed_are_doubled(db: None) -> None:
    project = project_of_ada(overlap=2)
    comparisons(project, 1)
    for name in ("Ben", "Cleo"):
        who = member(project, name)
        submit(who, lease(who, project))
    assert lost_and_doubled({}) == (0, 0)
    Comparison.objects.update(needs=1)
    assert lost_and_doubled({}) == (0, 1)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([0.3, 0.1, 0.2], 0.5) == 0.2
    assert percentile([0.3, 0.1, 0.2], 0.95) == percentile([0.3], 0.5) == 0.3


def test_a_database_that_may_forget_is_not_measured(db: None) -> None:
    with pytest.raises(RuntimeError, match=r"not durable.*'fsync': 'off'"):
        measure(annotators=1, seconds=1, rounds=1, comparisons=1)


@pytest.mark.slow
@pytest.mark.parametrize("beside", [[], ["--while-training"]])
def test_the_bench_keeps_its_contract_on_the_bundled_database(tmp_path: Path, beside: list[str]) -> None:
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "HEED_"))}
    small = ["--annotators=4", "--seconds=3", "--rounds=1", "--comparisons=3000", "--json", *beside]
    done = subprocess.run(
        [sys.executable, "manage.py", "bench", "judging", *small],
        cwd=env.CHECKOUT,
        env={**outside, "HEED_HOME": str(tmp_path), "DJANGO_SETTINGS_MODULE": "alignment_site.settings"},
        stdout=subprocess.PIPE,
        timeout=300,
        check=True,
    )
    found = json.loads(done.stdout)
    assert set(found) >= CONTRACT
    assert (found["lost"], found["doubled"], found["trouble"]) == (0, 0, 0)
    assert found["fsync"] == found["synchronous_commit"] == found["full_page_writes"] == "on"
    assert found["cycles_per_s"] > 5
    assert found["trained_share"] > 0.5 if beside else found["trained_share"] == 0

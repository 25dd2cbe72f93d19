"""Leasing, submitting and amending over REST: the same actions as the page's."""

import json
import uuid
from typing import Any

from rest_framework.test import APIClient

from labeling.models import Judgment, Person, Project, Report, Source
from tests.api.conftest import Connect
from tests.labeling.cast import comparisons, member, project_of_ada


def address(project: Project, path: Any) -> Any:
    return f"/api/projects/{project.slug}/{path}"


def take(client: APIClient, project: Project) -> Any:
    return client.post(address(project, "lease/")).json()


def submit(client: APIClient, project: Project, task: Any, **more: Any) -> Any:
    sent = {"uuid": str(uuid.uuid4()), "answer": 2, "seconds": 1.5} | more
    return client.post(address(project, f"leases/{task['lease']}/verdict/"), sent, format="json")


def test_a_task_shows_both_sides_and_not_who_wrote_them(project: Project, ben: Person, connect: Connect) -> None:
    comparisons(project, 1)
    task = take(connect(ben), project)["task"]
    assert [side["side"] for side in task["responses"]] == ["A", "B"]
    assert {side["messages"][0]["content"] for side in task["responses"]} == {"Answer 0.", "Answer 1."}
    assert task["guideline"] == "Prefer the helpful one." and task["renewals_left"] == 3
    assert not {"position", "policy", "order", "model"} & set(json.dumps(task).replace('"', " ").split())


def test_an_empty_queue_says_why(project: Project, ben: Person, connect: Connect) -> None:
    reply = take(connect(ben), project)
    assert reply["task"] is None and reply["empty"]["reason"] == "none_yet"


def test_a_verdict_is_stored_and_brings_the_next_task(project: Project, ben: Person, connect: Connect) -> None:
    comparisons(project, 2)
    client = connect(ben)
    task = take(client, project)["task"]
    reply = submit(client, project, task, answer=7, reason="Kinder.")
    assert reply.status_code == 200
    assert reply.json()["judgment"]["answer"] == 7 and reply.json()["judgment"]["reason"] == "Kinder."
    assert reply.json()["next"]["task"]["lease"] != task["lease"]
    judgment = Judgment.objects.get()
    assert (judgment.person, judgment.source, judgment.seconds) == (ben, Source.PERSON, 1.5)


def test_the_same_verdict_twice_is_one_row_and_another_is_a_conflict(
    project: Project, ben: Person, connect: Connect
) -> None:
    comparisons(project, 1)
    client, sent = connect(ben), {"uuid": str(uuid.uuid4()), "answer": 3}
    task = take(client, project)["task"]
    assert submit(client, project, task, **sent).json()["repeated"] is False
    assert submit(client, project, task, **sent).json()["repeated"] is True
    reply = submit(client, project, task, **{**sent, "answer": 5})
    assert reply.status_code == 409 and reply.json()["answer"] == 3
    assert Judgment.objects.count() == 1


def test_a_verdict_that_makes_no_sense_is_refused_in_words(project: Project, ben: Person, connect: Connect) -> None:
    comparisons(project, 1)
    client = connect(ben)
    task = take(client, project)["task"]
    for wrong in ({"answer": 8}, {"answer": "A"}, {"uuid": "1"}, {"seconds": -1}, {"reason": "x" * 20_001}):
        reply = submit(client, project, task, **wrong)
        assert reply.status_code == 400 and reply.json(), wrong
    assert not Judgment.objects.exists()


def test_nobody_judges_on_somebody_elses_lease_or_in_another_project(
    project: Project, ben: Person, connect: Connect
) -> None:
    comparisons(project, 1)
    task = take(connect(ben), project)["task"]
    cleo = member(project, "Cleo")
    assert submit(connect(cleo), project, task).status_code == 404
    other = project_of_ada()
    other.memberships.create(person=ben, role="annotator")
    assert submit(connect(ben), other, task).status_code == 404


def test_a_judgment_is_amended_once_and_the_list_shows_the_latest(
    project: Project, ben: Person, connect: Connect
) -> None:
    comparisons(project, 1)
    client = connect(ben)
    first = submit(client, project, take(client, project)["task"]).json()["judgment"]
    path = address(project, f"judgments/{first['id']}/amend/")
    amended = client.post(path, {"uuid": str(uuid.uuid4()), "answer": 6}, format="json")
    assert amended.json()["amends"] == first["id"]
    again = client.post(path, {"uuid": str(uuid.uuid4()), "answer": 1}, format="json")
    assert again.status_code == 409 and again.json()["judgment"] == amended.json()["id"]
    listed = client.get(address(project, "judgments/")).json()["results"]
    assert [(row["id"], row["answer"]) for row in listed] == [(amended.json()["id"], 6)]


def test_nobody_amends_somebody_elses_judgment(project: Project, ben: Person, connect: Connect) -> None:
    comparisons(project, 1)
    client = connect(ben)
    first = submit(client, project, take(client, project)["task"]).json()["judgment"]
    path = address(project, f"judgments/{first['id']}/amend/")
    sent = {"uuid": str(uuid.uuid4()), "answer": 6}
    assert connect(member(project, "Cleo")).post(path, sent, format="json").status_code == 404


def test_a_lease_is_renewed_released_skipped_and_flagged(project: Project, ben: Person, connect: Connect) -> None:
    comparisons(project, 3)
    client = connect(ben)
    task = take(client, project)["task"]
    lease = f"leases/{task['lease']}/"
    assert client.post(address(project, lease + "renew/")).json()["renewals"] == 1
    assert client.post(address(project, lease + "release/")).status_code == 204
    assert client.post(address(project, lease + "renew/")).status_code == 400
    for verb in ("skip", "flag"):
        task = take(client, project)["task"]
        path = address(project, f"leases/{task['lease']}/{verb}/")
        assert client.post(path, {"reason": ""}, format="json").status_code == 400
        assert client.post(path, {"reason": "unreadable"}, format="json").status_code == 204
    assert sorted(Report.objects.values_list("kind", flat=True)) == ["flag", "skip"]


def test_a_long_list_comes_in_pages(project: Project, ben: Person, connect: Connect) -> None:
    rows = comparisons(project, 101)
    client = connect(ben)
    Judgment.objects.bulk_create(
        Judgment(
            uuid=uuid.uuid4(),
            project=project,
            comparison=row,
            person=ben,
            answer=2,
            order_shown=[0, 1],
            source=Source.PERSON,
        )
        for row in rows
    )
    first = client.get(address(project, "judgments/")).json()
    second = client.get(first["next"]).json()
    assert len(first["results"]) == 100 and len(second["results"]) == 1 and second["next"] is None

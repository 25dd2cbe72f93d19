"""The judging page over HTTP: what it shows, what a verdict costs, what it refuses."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from labeling.models import Comparison, GuidelineVersion, Judgment, Lease, Person, Project, ReasonDraft, Report
from tests.e2e.desk import member, project_with

pytestmark = pytest.mark.django_db
PAGE = {"HX-Request": "true"}


@pytest.fixture
def project() -> Project:
    return project_with(("First?", "one", "two"), ("Second?", "three", "four"), ("Third?", "five", "six"))


@pytest.fixture
def charlie(project: Project) -> Person:
    return member(project, "charlie")


@pytest.fixture
def client(charlie: Person) -> Client:
    client = Client()
    client.force_login(charlie)
    return client


def open_page(client: Client) -> str:
    response = client.get("/p/letters/judge/")
    assert response.status_code == 200
    return response.content.decode()


def field(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, name
    return found[1]


def address(html: str) -> str:
    found = re.search(r'<form class="verdict"[^>]*action="([^"]+)"', html)
    assert found
    return found[1]


def judge(client: Client, html: str, answer: int, headers: Any = PAGE, **more: Any) -> Any:
    body = {"uuid": field(html, "uuid"), "shown": field(html, "shown"), "answer": answer, **more}
    return client.post(address(html), body, headers=headers)


def test_the_page_shows_the_prompt_and_both_responses(client: Client) -> None:
    html = open_page(client)
    assert "<p>First?</p>" in html
    assert "<p>one</p>" in html
    assert "<p>two</p>" in html


def test_response_a_is_the_first_of_the_lease_s_order(client: Client) -> None:
    html = open_page(client)
    lease = Lease.objects.get()
    texts = ["one", "two"]
    left = html.index(f"<p>{texts[lease.order[0]]}</p>")
    right = html.index(f"<p>{texts[lease.order[1]]}</p>")
    assert html.index("response-a") < left < html.index('id="response-b"') < right


def test_loading_the_page_twice_keeps_the_lease(client: Client) -> None:
    assert address(open_page(client)) == address(open_page(client))
    assert Lease.objects.count() == 1


def test_a_verdict_is_stored_and_its_reply_is_the_next_comparison(client: Client, charlie: Person) -> None:
    reply = judge(client, open_page(client), 6, seconds="12.5", reason="kinder")
    assert reply.status_code == 200
    assert "<html" not in reply.content.decode()
    assert "<p>Second?</p>" in reply.content.decode()
    stored = Judgment.objects.get()
    assert (stored.answer, stored.seconds, stored.person, stored.reason.text) == (6, 12.5, charlie, "kinder")


def test_without_scripts_the_reply_is_the_whole_next_page(client: Client) -> None:
    reply = judge(client, open_page(client), 1, headers={})
    assert reply.status_code == 200
    assert "<html" in reply.content.decode()
    assert "<p>Second?</p>" in reply.content.decode()


def test_without_scripts_the_server_counts_the_seconds(client: Client) -> None:
    judge(client, open_page(client), 1, headers={})
    seconds = Judgment.objects.get().seconds
    assert seconds is not None
    assert 0 <= seconds < 60


def test_a_second_submit_with_the_same_id_stores_one_row(client: Client) -> None:
    html = open_page(client)
    first, second = judge(client, html, 2), judge(client, html, 2)
    assert Judgment.objects.count() == 1
    assert address(first.content.decode()) == address(second.content.decode())


def test_the_same_id_with_another_answer_is_refused_and_says_what_stands(client: Client) -> None:
    html = open_page(client)
    judge(client, html, 2)
    refused = judge(client, html, 7)
    assert refused.status_code == 409
    assert "What stands is “A is better”" in refused.content.decode()
    assert Judgment.objects.get().answer == 2


@pytest.mark.parametrize("body", [{"answer": 8}, {"answer": "x"}, {"answer": ""}, {"uuid": "x"}, {"seconds": "nan"}])
def test_a_verdict_that_makes_no_sense_is_refused_in_words(client: Client, body: dict[str, Any]) -> None:
    html = open_page(client)
    refused = client.post(address(html), {"uuid": str(uuid.uuid4()), "answer": 1, **body}, headers=PAGE)
    assert refused.status_code == 400
    assert 'role="alert"' in refused.content.decode()
    assert Judgment.objects.count() == 0


def test_a_refusal_without_scripts_is_a_page(client: Client) -> None:
    refused = judge(client, open_page(client), 8, headers={})
    assert refused.status_code == 400
    assert "Go on judging" in refused.content.decode()


def test_the_address_of_a_verdict_opened_by_hand_leads_to_the_page(client: Client) -> None:
    assert client.get(address(open_page(client)))["Location"] == "/p/letters/judge/"


@pytest.mark.parametrize(("path", "kind"), [("skip/", "skip"), ("flag/", "flag")])
def test_passing_a_comparison_over_keeps_the_reason_and_shows_the_next(client: Client, path: str, kind: str) -> None:
    html = open_page(client)
    reply = client.post(address(html) + path, {"reason": "unclear", "text": "two questions"}, headers=PAGE)
    assert "<p>Second?</p>" in reply.content.decode()
    report = Report.objects.get()
    assert (report.kind, report.reason, report.text) == (kind, "unclear", "two questions")


def test_passing_over_without_a_reason_is_refused(client: Client) -> None:
    assert client.post(address(open_page(client)) + "skip/", {}, headers=PAGE).status_code == 400


def test_a_newer_model_is_told_and_next_leaves_the_old_comparison(client: Client) -> None:
    html = open_page(client)
    notice = client.get(address(html) + "notice/", headers=PAGE)
    assert "newer model" not in notice.content.decode()
    Comparison.objects.filter(pk=Lease.objects.get().comparison_id).update(superseded_at=timezone.now())
    assert "newer model" in client.get(address(html) + "notice/", headers=PAGE).content.decode()
    assert "newer model" in open_page(client)
    assert "<p>Second?</p>" in client.post(address(html) + "next/", headers=PAGE).content.decode()


def test_a_lease_is_renewed_three_times_and_then_no_more(client: Client) -> None:
    here = address(open_page(client))
    lefts = [client.post(here + "renew/", headers=PAGE).json()["renewals_left"] for _ in range(3)]
    assert lefts == [2, 1, 0]
    assert client.post(here + "renew/", headers=PAGE).status_code == 400


def test_a_draft_comes_back_and_goes_with_the_verdict(client: Client) -> None:
    html = open_page(client)
    assert client.post(address(html) + "draft/", {"reason": "half a thought"}, headers=PAGE).status_code == 204
    html = open_page(client)
    assert ">half a thought</textarea>" in html
    judge(client, html, 3, reason="a whole thought")
    assert ReasonDraft.objects.count() == 0


def test_a_verdict_after_the_lease_ran_out_is_kept(client: Client) -> None:
    html = open_page(client)
    Lease.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    assert judge(client, html, 5).status_code == 200
    assert Judgment.objects.get().answer == 5


def test_undo_opens_the_last_judgment_and_a_new_verdict_amends_it(client: Client) -> None:
    reply = judge(client, open_page(client), 2, reason="first").content.decode()
    undo = re.search(r'id="undo-form"[^>]*action="([^"]+)"', reply)
    assert undo
    opened = client.post(undo[1], headers=PAGE).content.decode()
    assert "<p>First?</p>" in opened
    assert 'value="2" aria-pressed="true"' in opened
    assert ">first</textarea>" in opened
    back = judge(client, opened, 6, back="judge").content.decode()
    assert "Changed to <strong>B is better</strong>" in back
    assert "<p>Second?</p>" in back
    first, second = Judgment.objects.order_by("id")
    assert (second.amends_id, second.answer, second.order_shown) == (first.pk, 6, first.order_shown)


def test_undo_works_on_a_page_that_was_loaded_anew(client: Client) -> None:
    judge(client, open_page(client), 2)
    assert "Last <strong>A is better</strong>" in open_page(client)


def test_two_tabs_that_amend_the_same_judgment_do_not_overwrite_each_other(client: Client) -> None:
    judge(client, open_page(client), 2)
    here = f"/p/letters/history/{Judgment.objects.get().pk}/"
    one, other = client.get(here).content.decode(), client.get(here).content.decode()
    assert judge(client, one, 4, headers={}).status_code == 302
    late = judge(client, other, 7, headers={})
    assert late.status_code == 409
    assert "What stands is “About the same”" in late.content.decode()


def test_history_lists_my_latest_words_and_nobody_else_s(client: Client, project: Project) -> None:
    judge(client, open_page(client), 2, reason="warm")
    judge(client, client.get(f"/p/letters/history/{Judgment.objects.get().pk}/").content.decode(), 4, headers={})
    other = Client()
    other.force_login(member(project, "bob"))
    judge(other, other.get("/p/letters/judge/").content.decode(), 7)
    html = client.get("/p/letters/history/").content.decode()
    assert "About the same" in html
    assert "changed" in html
    assert "A is better" not in html
    assert "B is much better" not in html


def test_history_costs_the_same_number_of_queries_for_many_rows(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        judge(client, open_page(client), 2, reason="so")
    with django_assert_max_num_queries(6):
        client.get("/p/letters/history/")


def test_somebody_else_s_judgment_cannot_be_opened(client: Client, project: Project) -> None:
    judge(client, open_page(client), 2)
    other = Client()
    other.force_login(member(project, "bob"))
    assert other.get(f"/p/letters/history/{Judgment.objects.get().pk}/").status_code == 404
    assert other.post(f"/p/letters/judge/{Lease.objects.first().pk}/undo/").status_code == 404  # type: ignore[union-attr]


def test_a_stranger_sees_nothing(project: Project, client: Client) -> None:
    html = open_page(client)
    stranger = Client()
    stranger.force_login(Person.objects.create_user(username="mallory"))
    assert stranger.get("/p/letters/judge/").status_code == 404
    assert judge(stranger, html, 1).status_code == 404
    assert Client().get("/p/letters/judge/").status_code == 302


def test_an_empty_queue_says_why(client: Client) -> None:
    for answer in (1, 4, 7):
        reply = judge(client, open_page(client), answer)
    assert "Every comparison has its judgments." in reply.content.decode()
    assert "Every comparison has its judgments." in open_page(client)


def test_single_keys_are_remembered_with_the_person(client: Client, charlie: Person) -> None:
    assert 'data-keys="on"' in open_page(client)
    client.post("/p/letters/judge/keys/", {"on": "0"}, headers=PAGE)
    assert 'data-keys="off"' in open_page(client)
    assert client.post("/p/letters/judge/keys/", {"on": "1"})["Location"] == "/p/letters/judge/"
    charlie.refresh_from_db()
    assert charlie.single_keys


def test_changed_guidelines_travel_with_the_next_comparison(client: Client, project: Project) -> None:
    html = open_page(client)
    reply = judge(client, html, 1, guideline=field(html, "guideline")).content.decode()
    assert 'id="guidelines"' not in reply
    GuidelineVersion.objects.create(project=project, number=2, text="Prefer the shorter one.")
    Lease.objects.filter(ended_at__isnull=True).update(ended_at=timezone.now(), ending="released")
    Comparison.objects.update(held=0)
    html = open_page(client)
    assert "Prefer the shorter one." in html
    reply = judge(client, html, 1, guideline="1").content.decode()
    assert "Prefer the shorter one." in reply


def test_a_page_is_never_kept_by_the_browser(client: Client) -> None:
    assert "no-store" in client.get("/p/letters/judge/")["Cache-Control"]


def test_hostile_text_stays_text(client: Client, project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(question="<b>Which?</b>")
    html = open_page(client)
    assert "<b>Which?</b>" not in html
    assert "&lt;b&gt;Which?&lt;/b&gt;" in html

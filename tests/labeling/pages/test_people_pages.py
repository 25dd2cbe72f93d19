"""Links, accounts, members, guidelines and prompts, through their pages."""

import re
from datetime import timedelta

from django.test import Client
from django.utils import timezone

from labeling.actions.linking import create_owner_link
from labeling.actions.tokens import person_by_token
from labeling.models import Membership, OwnerLink, Person, Project, ProjectChange
from tests.labeling.pages.conftest import Cast


def text(answer: object) -> str:
    return answer.content.decode()  # type: ignore[attr-defined, no-any-return]


def test_looking_at_an_owner_link_does_not_spend_it_and_the_button_does(db: None) -> None:
    secret = create_owner_link()
    browser = Client()
    assert browser.get(f"/link/{secret}/").status_code == 200
    assert OwnerLink.objects.get().spent_at is None
    assert browser.post(f"/link/{secret}/").status_code == 302
    assert browser.get("/").status_code == 200
    assert Client().post(f"/link/{secret}/").status_code == 410


def test_an_owner_link_ends_after_an_hour(db: None) -> None:
    secret = create_owner_link()
    OwnerLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = Client().post(f"/link/{secret}/")
    assert answer.status_code == 410
    assert "heed link" in text(answer)


def invited(cast: Cast, **form: object) -> str:
    answer = cast.client(cast.olive).post(
        cast.url("members/invite/"), {"role": "annotator", "uses": 1, "days": 7} | form
    )
    found = re.search(r"/join/([\w-]+)/", text(answer))
    assert found
    return found.group(0)


def test_an_invitation_makes_a_member_once(cast: Cast) -> None:
    path = invited(cast)
    assert "Kind letters" in text(cast.client(cast.stan).get(path))
    assert cast.client(cast.stan).post(path).status_code == 302
    assert Membership.objects.get(person=cast.stan).role == "annotator"
    assert Client().get(path).status_code == 410


def test_a_member_who_opens_an_invitation_does_not_use_it_up(cast: Cast) -> None:
    path = invited(cast)
    cast.client(cast.ada).post(path)
    assert cast.client(cast.stan).post(path).status_code == 302


def test_sign_up_is_closed_without_an_invitation_and_open_with_one(cast: Cast) -> None:
    browser = Client()
    form = {"username": "newcomer", "email": "", "password1": "long-and-odd-7", "password2": "long-and-odd-7"}
    assert "invitation is needed" in text(browser.get("/accounts/signup/"))
    browser.post("/accounts/signup/", form)
    assert not Person.objects.filter(username="newcomer").exists()
    browser.get(invited(cast))
    browser.post("/accounts/signup/", form)
    assert Person.objects.filter(username="newcomer").exists()


def test_a_token_is_shown_once_kept_as_a_hash_and_ended_at_once(cast: Cast) -> None:
    browser = cast.client(cast.ada)
    shown = re.search(r"heed_[\w-]{20,}", text(browser.post("/account/tokens/", {"name": "notebook"})))
    assert shown
    assert person_by_token(secret=shown.group()) == cast.ada
    assert shown.group() not in text(browser.get("/account/"))
    token = cast.ada.api_tokens.get()
    assert shown.group() != token.secret_hash
    assert cast.client(cast.rune).post(f"/account/tokens/{token.pk}/end/").status_code == 404
    browser.post(f"/account/tokens/{token.pk}/end/")
    assert person_by_token(secret=shown.group()) is None


def test_a_preview_shows_guidelines_and_saves_nothing(cast: Cast) -> None:
    browser = cast.client(cast.rune)
    answer = browser.post(cast.url("guidelines/edit/"), {"text": "Prefer *short* ones.", "preview": "1"})
    assert "<em>short</em>" in text(answer)
    assert cast.project.guidelines.count() == 1
    browser.post(cast.url("guidelines/edit/"), {"text": "Prefer *short* ones."})
    assert [version.number for version in cast.project.guidelines.all()] == [2, 1]
    assert "<strong>kind</strong>" in text(browser.get(cast.url("guidelines/?version=1")))


def test_prompts_are_added_once_and_can_be_switched_off(cast: Cast) -> None:
    browser = cast.client(cast.rune)
    answer = browser.post(
        cast.url("prompts/"), {"prompts": "Say hello.\n\nSay hello.\nSay bye.", "tags": "short, a"}, follow=True
    )
    assert "Added 2. 1 were here already." in text(answer)
    prompt = cast.project.prompts.order_by("id").first()
    assert prompt is not None and prompt.tags == ["short", "a"]
    browser.post(cast.url(f"prompts/{prompt.pk}/switch/"))
    prompt.refresh_from_db()
    assert prompt.active is False
    assert ProjectChange.objects.filter(field=f"prompt:{prompt.pk}", by=cast.rune).exists()


def test_a_third_is_shown_as_a_person_writes_it_and_stays_a_third(cast: Cast) -> None:
    Project.objects.filter(pk=cast.project.pk).update(disk_budget_bytes=5 * 2**30 // 3, kl_budget=12.5)
    browser = cast.client(cast.olive)
    page = browser.get(cast.url("settings/"))
    assert 'name="duel_share" value="0.333"' in text(page)
    values = {field.html_name: field.value() for field in page.context["form"] if not field.field.disabled}
    assert (values["disk_gib"], values["kl_budget"]) == (1.67, 12.5)
    values = {name: "" if value is None else value for name, value in values.items()}
    values |= {"recipe": "{}", "reward_recipe": "{}"}
    assert "Nothing was changed." in text(browser.post(cast.url("settings/"), values, follow=True))
    cast.project.refresh_from_db()
    assert (cast.project.duel_share, cast.project.disk_budget_bytes) == (1 / 3, 5 * 2**30 // 3)
    browser.post(cast.url("settings/"), values | {"duel_share": "0.25"})
    cast.project.refresh_from_db()
    assert cast.project.duel_share == 0.25


def test_settings_keep_who_changed_what(cast: Cast) -> None:
    browser = cast.client(cast.olive)
    page = browser.get(cast.url("settings/"))
    values = {field.html_name: field.value() for field in page.context["form"] if not field.field.disabled}
    values = {name: "" if value is None else value for name, value in values.items()} | {"recipe": "{}", "overlap": 3}
    answer = browser.post(cast.url("settings/"), values, follow=True)
    assert "1 setting(s) changed." in text(answer)
    change = ProjectChange.objects.get(field="overlap")
    assert (change.old, change.new, change.by) == (1, 3, cast.olive)
    refused = browser.post(cast.url("settings/"), values | {"recipe": '{"speed": 11}'})
    assert refused.status_code == 422
    assert "has no speed" in text(refused)
    assert browser.post(cast.url("settings/"), values | {"overlap": 0}).status_code == 422

"""The judge of an installation: its settings, the command that tries it, the run that asks it, and its page."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from alignment_site import doctor, env
from labeling.models import Project, Role
from tests.training.cast import a_comparison, a_judgment, a_person, a_policy, a_project, a_prompt
from tests.training.judges.chat_server import Served, chat_server, in_turn
from training import snapshot
from training.judging import judge_client, judge_endpoint

KEY = "sk-test-98765"
NAMES = ("HEED_JUDGE_URL", "HEED_JUDGE_MODEL", "HEED_JUDGE_KEY")


@pytest.fixture(autouse=True)
def no_judge(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HEED_HOME", str(tmp_path))


def set_judge(monkeypatch: pytest.MonkeyPatch, address: str, model: str = "test", key: str = "") -> None:
    for name, value in zip(NAMES, (address, model, key), strict=True):
        monkeypatch.setenv(name, value)


def told() -> str:
    out = StringIO()
    call_command("judges", "check", stdout=out)
    return out.getvalue()


def test_without_an_address_there_is_no_judge_and_the_command_says_what_to_set(monkeypatch) -> None:
    assert judge_endpoint() is None and judge_client(Project(pk=1)) is None
    assert doctor.judge().state is doctor.State.GOOD
    with pytest.raises(CommandError, match="give HEED_JUDGE_URL"):
        told()
    monkeypatch.setenv("HEED_JUDGE_KEY", KEY)
    with pytest.raises(env.BadSetting, match="without an address"):
        judge_endpoint()


@pytest.mark.parametrize(
    ("address", "model", "words"),
    [
        ("judge.example.org", "m", "begins with http"),
        ("http://judge.example.org/v1", "m", "plain http"),
        ("http://127.0.0.1/v1", "", "name of a model"),
        ("http://127.0.0.1:eighty/v1", "m", "a port that cannot be read"),
        ("http://2130706433/v1", "m", "written as the number"),
    ],
)
def test_settings_that_cannot_be_asked_are_named_without_the_key(monkeypatch, address, model, words) -> None:
    set_judge(monkeypatch, address, model, KEY)
    finding = doctor.judge()
    assert finding.state is doctor.State.BAD and words in finding.what and KEY not in finding.what
    with pytest.raises(CommandError, match=words):
        told()


def test_a_judge_that_answers_is_told_from_one_that_answers_in_no_form_or_wrongly(monkeypatch) -> None:
    served = [Served('{"sum": 42}'), Served("fortytwo", finish="length"), Served('{"sum": 41}')]
    with chat_server(in_turn(*served)) as server:
        set_judge(monkeypatch, server.url + "/", key=KEY)
        said = told()
        assert "in the form asked for\n" in said and "with a key" in said and KEY not in said
        said = told()
        assert "and was cut at the limit" in said and "but not in the form asked for" in said
        assert "a weak judge" in told()
        assert KEY not in doctor.judge().what


def test_a_judge_that_refuses_is_told_in_words(monkeypatch) -> None:
    with chat_server(in_turn(Served(status=404, raw=b"no such model"))) as server:
        set_judge(monkeypatch, server.url)
        with pytest.raises(CommandError, match=r"404 \(check the address and the name of the model\): no such model"):
            told()


@pytest.mark.django_db
def test_a_method_that_asks_a_judge_is_refused_in_words_before_any_run(monkeypatch) -> None:
    project = a_project()

    def refused() -> str:
        with pytest.raises(CommandError) as words:
            call_command("train", "reward", "--project", project.slug, "--method", "tool_augmented")
        return str(words.value)

    assert "tool_augmented asks a language model. None is set: give HEED_JUDGE_URL" in refused()
    set_judge(monkeypatch, "http://judge.example.org/v1", "m", KEY)
    assert "over plain http" in (said := refused()) and KEY not in said and "None is set" not in said
    assert not project.runs.exists()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_project_s_run_asks_the_judge_and_its_page_shows_the_code_as_text(
    client: Client, monkeypatch: pytest.MonkeyPatch, tiny_directory: Path
) -> None:
    monkeypatch.setattr(snapshot, "mark_now", lambda: snapshot.NO_MARK)
    recipe = {"method": "in_context_reward_code", "code_rounds": 1, "candidates": 2}
    project = a_project(reward_recipe=recipe)
    a_policy(project, 1, directory=str(tiny_directory), current=True, anchor=True)
    for number in range(12):
        a_judgment(a_comparison(a_prompt(project), f"short {number}", f"a longer answer, {number}"), 1)
    codes = [Served("# <script>alert(1)</script>\nreward = -words"), Served("reward = words")]
    with chat_server(in_turn(*codes)) as server:
        set_judge(monkeypatch, server.url)
        out = StringIO()
        call_command("train", "reward", "--project", project.slug, stdout=out, stderr=StringIO())
    result = json.loads(out.getvalue())
    assert result["state"] == "done" and result["result"]["rounds"][0]["worst"] == "reward = words"
    client.force_login(a_person(project, Role.OWNER))
    page = client.get(reverse("run", args=[project.slug, result["run"]])).content.decode()
    assert "What a language model wrote" in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page


def test_texts_before_a_score_are_shown_escaped_with_who_said_what() -> None:
    from training.pages.written import written

    message = {"role": "assistant", "content": "<b onclick=x>bold</b>"}
    trace = [{"role": "assistant", "content": "Action: form"}, {"role": "user", "content": "Observation: 3 words"}]
    told = {"prompt": [{"role": "user", "content": "Sea?"}], "response": [message], "writing": trace}
    found = written({"writings": [told], "written": 8})
    assert found is not None and found.total == 8
    assert "<b" not in found.texts[0].response and [who for who, _ in found.texts[0].turns] == ["wrote", "was told"]
    assert written({"method": "davidson"}) is None and found.missing == {}


def test_a_run_s_page_says_which_texts_a_judge_did_not_give_and_why() -> None:
    from training.pages.written import written

    result = {"judge": {"texts": 40, "unusable": 2, "why": ["its filter refused <b>it</b>"]}}
    page = render_to_string("loop/_written.html", {"written": written(result)})
    assert "2 of 40 texts that the judge was asked for could not be used" in page and "refused &lt;b&gt;it" in page
    assert written({"judge": {"texts": 40, "unusable": 0, "why": []}}) is None

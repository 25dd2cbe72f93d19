"""Reports on the models that a project really has: a trained version and the posterior."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from labeling.models import Arm, Project, Split
from tests.training.cast import a_comparison, a_judgment, a_person, a_policy, a_project, a_prompt
from training import snapshot
from training.adopting import adopt_finished
from training.answering import Shelf
from training.evaluating.files import read_items
from training.learning.rewards.fast.posterior import FastPosterior
from training.models import Posterior
from training.posterior.features import compute_features, differences, feature_model
from training.snapshot import training_judgments

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def a_judged_project(directory: Path) -> Project:
    project = a_project(queue_target=40)
    a_policy(project, 1, directory=str(directory), current=True, anchor=True)
    person = a_person(project)
    for number in range(48):
        prompt = a_prompt(project, f"Tell me of matter {number}.", Split.HELD_OUT if number % 4 == 0 else Split.TRAIN)
        comparison = a_comparison(prompt, f"short {number}", f"a much longer answer, {number}", arm=Arm.RANDOM)
        a_judgment(comparison, 6, person)
    return project


def test_a_trained_version_and_the_posterior_are_reported_on(
    tiny_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "mark_now", lambda: snapshot.NO_MARK)
    project = a_judged_project(tiny_directory)
    call_command("train", "reward", "--project", project.slug, stdout=StringIO(), stderr=StringIO())
    adopt_finished(project)
    number = project.rewards.get().number
    votes, report = tmp_path / "votes.jsonl", tmp_path / "report.json"
    words = ("train", "evaluate", "--project", project.slug)
    call_command(*words, "--reward", str(number), "--votes", str(votes), "--json", str(report), stdout=StringIO())
    told = json.loads(report.read_text())
    assert told["reward"] == f"reward:{number}"
    assert (told["held_out"]["judgments"], told["fitted"]["judgments"]) == (12, 36)
    assert told["held_out"]["models"][f"reward:{number}"]["accuracy"]["value"] == 1.0
    assert len(read_items(votes, "ppe")) == 12

    model = feature_model(project, Shelf())
    verdicts = training_judgments(project)
    vectors = compute_features(model, {response for one in verdicts for response in one.responses})
    gaps = differences(vectors, [one.responses for one in verdicts])
    fitted = FastPosterior.fit(gaps, [float(one.p or 0.0) for one in verdicts], dimension=gaps.shape[1])
    Posterior.objects.create(project=project, model_digest=model.digest, state=fitted.to_bytes())
    out = StringIO()
    call_command(*words, "--reward", "posterior", stdout=out)
    assert "held out" in out.getvalue() and "posterior" in out.getvalue()

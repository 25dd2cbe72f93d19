"""Try it: a prompt answered by the first, the current and the steered policy, side by side."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from labeling.access import object_in
from labeling.models import Role
from labeling.pages.doors import ProjectRequest, project_page, project_render
from labeling.text.render import render
from training.forms import TryForm
from training.models import TryOut
from training.tryouts import ask, keep

TITLES = (("first", "First version"), ("current", "Current version"), ("steered", "Steered"))


@dataclass(frozen=True)
class Answer:
    """One of the three columns."""

    key: str
    title: str
    note: str
    html: str


@project_page(Role.RESEARCHER)
def try_it(request: ProjectRequest) -> HttpResponse:
    """The form; a POST asks, and the worker answers in seconds."""
    form = TryForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        asked = ask(
            project=request.project, by=request.user, text=form.cleaned_data["text"], seed=form.cleaned_data["seed"]
        )
        return redirect("tryout", request.project.slug, asked.pk)
    return _show(request, form, None)


@project_page(Role.RESEARCHER)
def tryout(request: ProjectRequest, tryout_id: int) -> HttpResponse:
    """One tryout with its answers, as far as they are written."""
    found = object_in(request.project, TryOut.objects.select_related("kept_as"), pk=tryout_id)
    return _show(request, TryForm(initial={"text": found.text, "seed": found.seed}), found)


@require_POST
@project_page(Role.RESEARCHER)
def keep_tryout(request: ProjectRequest, tryout_id: int) -> HttpResponse:
    """Make the typed prompt one of the project's."""
    keep(tryout=object_in(request.project, TryOut.objects.all(), pk=tryout_id), by=request.user)
    return redirect("tryout", request.project.slug, tryout_id)


def _show(request: ProjectRequest, form: TryForm, found: TryOut | None) -> HttpResponse:
    answers = [_answer(key, title, found.answers.get(key, {})) for key, title in TITLES] if found else []
    earlier = request.project.tryouts.order_by("-pk")[:10]
    return project_render(request, "loop/try.html", "try", form=form, tryout=found, answers=answers, earlier=earlier)


def _answer(key: str, title: str, said: dict[str, object]) -> Answer:
    version = f"version {said['policy']}" if "policy" in said else ""
    note = f"best of 8 by the posterior, {version}" if key == "steered" else version
    text = str(said.get("text", ""))
    return Answer(key, title, note.rstrip(", "), render(text or "*(empty)*") if said else "")

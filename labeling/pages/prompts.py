"""The prompts of a project: listed, searched, added, switched off and on."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from labeling.access import object_in
from labeling.actions.queueing import add_prompts, set_prompt_active
from labeling.forms import PromptsForm
from labeling.models import Prompt, Role
from labeling.pages.doors import ProjectRequest, project_page, project_render
from labeling.queries.prompts import prompt_list

PAGE = 50


@project_page(Role.RESEARCHER)
def prompts(request: ProjectRequest) -> HttpResponse:
    """The list; a POST adds what was typed."""
    form = PromptsForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        texts, tags = form.cleaned_data["prompts"], form.cleaned_data["tags"]
        conversations = [[{"role": "user", "content": text}] for text in texts]
        placed = add_prompts(project=request.project, conversations=conversations, tags=tags, origin="page")
        added = len({prompt.id for prompt in placed if prompt.new})
        known = len(texts) - added
        messages.success(request, f"Added {added}." + (f" {known} were here already." if known else ""))
        return redirect("prompts", request.project.slug)
    search, split = request.GET.get("q", "").strip(), request.GET.get("split", "")
    page = Paginator(prompt_list(request.project, search=search, split=split), PAGE).get_page(request.GET.get("page"))
    return project_render(request, "projects/prompts.html", "prompts", form=form, page=page, q=search, split=split)


@require_POST
@project_page(Role.RESEARCHER)
def switch_prompt(request: ProjectRequest, prompt_id: int) -> HttpResponse:
    """Stop sampling responses to a prompt, or start again. What was judged stays."""
    prompt = object_in(request.project, Prompt.objects.all(), pk=prompt_id)
    set_prompt_active(prompt=prompt, active=not prompt.active, by=request.user)
    return redirect("prompts", request.project.slug)

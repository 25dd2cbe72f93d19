"""The addresses of the machines' pages."""

from django.urls import path

from training.pages import downloads, lineage, methods, overview, policies, projects, runs, tryouts

urlpatterns = [
    path("projects/new/", projects.new_project, name="new_project"),
    path("p/<slug:slug>/", overview.project, name="project"),
    path("p/<slug:slug>/settings/", projects.settings_page, name="settings"),
    path("p/<slug:slug>/pause/", projects.pause, name="pause"),
    path("p/<slug:slug>/archive/", projects.archive, name="archive"),
    path("p/<slug:slug>/erase/", projects.erase, name="erase"),
    path("p/<slug:slug>/runs/", runs.runs, name="runs"),
    path("p/<slug:slug>/runs/now/", runs.run_now, name="run_now"),
    path("p/<slug:slug>/runs/<int:run_id>/", runs.run, name="run"),
    path("p/<slug:slug>/runs/<int:run_id>/series.json", runs.series, name="series"),
    path("p/<slug:slug>/runs/<int:run_id>/cancel/", runs.cancel_run, name="cancel_run"),
    path("p/<slug:slug>/methods/", methods.methods, name="methods"),
    path("p/<slug:slug>/methods/choose/", methods.choose, name="choose_method"),
    path("p/<slug:slug>/policies/", policies.policies, name="policies"),
    path("p/<slug:slug>/policies/<int:number>/promote/", policies.promote, name="promote"),
    path("p/<slug:slug>/policies/<int:number>/roll-back/", policies.roll_back_to, name="roll_back"),
    path("p/<slug:slug>/policies/<int:number>/anchor/", policies.anchor, name="re_anchor"),
    path("p/<slug:slug>/policies/<int:number>/download/", downloads.policy, name="download_policy"),
    path("p/<slug:slug>/rewards/<int:number>/download/", downloads.reward, name="download_reward"),
    path("p/<slug:slug>/lineage/responses/<int:response_id>/", lineage.response_lineage, name="lineage"),
    path("p/<slug:slug>/lineage/judgments/<int:judgment_id>/", lineage.judgment_lineage, name="judgment_lineage"),
    path("p/<slug:slug>/try/", tryouts.try_it, name="try"),
    path("p/<slug:slug>/try/<int:tryout_id>/", tryouts.tryout, name="tryout"),
    path("p/<slug:slug>/try/<int:tryout_id>/keep/", tryouts.keep_tryout, name="keep_tryout"),
]

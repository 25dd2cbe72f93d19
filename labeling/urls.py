"""The addresses of people's work. Everything inside a project lies under /p/<slug>/."""

from django.urls import path

from labeling.pages import account, guidelines, history, home, judging, linking, members, prompts, reports

urlpatterns = [
    path("", home.home, name="home"),
    path("link/<str:secret>/", linking.owner_link, name="owner_link"),
    path("join/<str:secret>/", linking.join, name="join"),
    path("account/", account.account, name="account"),
    path("account/tokens/", account.new_token, name="new_token"),
    path("account/tokens/<int:token_id>/end/", account.end_token, name="end_token"),
    path("p/<slug:slug>/judge/", judging.judge, name="judge"),
    path("p/<slug:slug>/judge/keys/", judging.single_keys, name="single_keys"),
    path("p/<slug:slug>/judge/<uuid:lease_id>/", judging.verdict, name="verdict"),
    path("p/<slug:slug>/judge/<uuid:lease_id>/skip/", judging.skip, name="skip"),
    path("p/<slug:slug>/judge/<uuid:lease_id>/flag/", judging.flag, name="flag"),
    path("p/<slug:slug>/judge/<uuid:lease_id>/next/", judging.release, name="release"),
    path("p/<slug:slug>/judge/<uuid:lease_id>/renew/", judging.renew, name="renew"),
    path("p/<slug:slug>/judge/<uuid:lease_id>/draft/", judging.draft, name="draft"),
    path("p/<slug:slug>/judge/<uuid:lease_id>/notice/", judging.notice, name="notice"),
    path("p/<slug:slug>/judge/<uuid:lease_id>/undo/", history.undo, name="undo"),
    path("p/<slug:slug>/history/", history.history, name="history"),
    path("p/<slug:slug>/history/<int:judgment_id>/", history.amend, name="amend"),
    path("p/<slug:slug>/guidelines/", guidelines.guidelines, name="guidelines"),
    path("p/<slug:slug>/guidelines/edit/", guidelines.edit_guidelines, name="edit_guidelines"),
    path("p/<slug:slug>/prompts/", prompts.prompts, name="prompts"),
    path("p/<slug:slug>/prompts/<int:prompt_id>/switch/", prompts.switch_prompt, name="switch_prompt"),
    path("p/<slug:slug>/members/", members.members, name="members"),
    path("p/<slug:slug>/members/invite/", members.invite, name="invite"),
    path(
        "p/<slug:slug>/members/invitations/<int:invitation_id>/end/",
        members.end_invitation,
        name="end_invitation",
    ),
    path("p/<slug:slug>/members/<int:membership_id>/", members.change_member, name="change_member"),
    path("p/<slug:slug>/reports/", reports.reports, name="reports"),
    path("p/<slug:slug>/reports/<int:report_id>/decide/", reports.decide, name="decide_report"),
]

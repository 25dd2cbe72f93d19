"""What a reward method needs is told before any of them is loaded."""

import subprocess
import sys

import pytest

from tests.house.tree import ROOT
from training.learning.rewards import needs
from training.learning.rewards.methods import REWARD_METHODS


def test_only_methods_that_there_are_need_something() -> None:
    assert {*needs._NEED_OF, *needs._JUDGE_OF} <= set(REWARD_METHODS)
    assert {method.needs for method in REWARD_METHODS.values()} == set(needs.NEEDS)


@pytest.mark.slow
def test_the_methods_page_needs_no_torch() -> None:
    asked = "import sys, django; django.setup(); import training.pages.methods as page; "
    asked += "[page.lacking(key, ()) for key in page.REWARDS]; sys.exit('torch' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", asked], cwd=ROOT, env={"DJANGO_SETTINGS_MODULE": "tests.settings"}, check=False
    )
    assert told.returncode == 0

"""A stranger's way through Heed, in a real browser on the real site: the steps that the stories are made of."""

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.outages.running import Site, wait_until

Person = Callable[[str, str, str], str]  # (prompt, response A, response B) -> the key to press
RUN_SECONDS = 600.0
ANOTHER_TASK = "lease => (task => task && task.dataset.lease !== lease)(document.querySelector('#task'))"


def likes_exclamations(prompt: str, a: str, b: str) -> str:
    """A strong taste: the answer with more exclamation marks is much better."""
    difference = a.count("!") - b.count("!")
    return "4" if difference == 0 else "1" if difference > 0 else "7"


def sees_no_difference(prompt: str, a: str, b: str) -> str:
    """Somebody to whom every pair is about the same."""
    return "4"


@dataclass
class Story:
    """One browser's page on one site, and the project it is in."""

    site: Site
    page: Any
    slug: str = ""

    def url(self, rest: str = "") -> str:
        return f"{self.site.url}/p/{self.slug}/{rest}"

    def enter(self, link: str) -> None:
        """Open the owner's link and press its button."""
        self.page.goto(link)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("heading", name="Projects").wait_for()

    def begin_project(self, name: str, **settings: str) -> None:
        """Create a project on the starter policy and change some of its settings."""
        self.page.goto(f"{self.site.url}/projects/new/")
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("Guidelines", exact=True).fill("Prefer answers that are **glad** to help.")
        self.page.get_by_role("button", name="Create the project").click()
        self.page.get_by_role("heading", name=name).first.wait_for(timeout=60_000)
        self.slug = self.page.url.rstrip("/").rsplit("/", 1)[1]
        if settings:
            self.page.goto(self.url("settings/"))
            for field, value in settings.items():
                self.page.locator(f"[name={field}]").fill(value)
            self.page.get_by_role("button", name="Save").click()
            self.page.get_by_text("changed.").wait_for()

    def import_rows(self, file: Path) -> None:
        """Send a file in and wait until it is stored."""
        self.page.goto(self.url("import/"))
        self.page.locator("input[type=file]").set_input_files(str(file))
        self.page.get_by_role("button", name="Import", exact=True).click()
        self.page.locator("#imports .badge.good").first.wait_for(timeout=180_000)

    def judge(self, person: Person, most: int, until: Callable[[], bool] = lambda: False) -> int:
        """Judge by keyboard until `until` says so (asked every ten verdicts) or `most` verdicts are given."""
        given = 0
        while given < most and not (given % 10 == 0 and given and until()):
            if given % 10 == 0:
                self.page.goto(self.url("judge/"))
            self.page.locator("#task[data-lease]").wait_for(timeout=60_000)
            lease = self.page.locator("#task").get_attribute("data-lease")
            key = person(
                *(self.text(place) for place in (".task-prompt .prose", ".response.a .prose", ".response.b .prose"))
            )
            self.page.wait_for_timeout(320)  # keys are no verdicts within 300 ms of the page's change
            self.page.keyboard.press(key)
            self.page.wait_for_function(ANOTHER_TASK, arg=lease, timeout=60_000)
            given += 1
        return given

    def text(self, place: str) -> str:
        """What a part of the page says."""
        return str(self.page.locator(place).first.inner_text())

    def learned(self) -> int:
        """How many judgments the posterior has learned, as the project page says."""
        self.page.goto(self.url())
        tile = self.page.locator(".tile", has_text="Posterior has learned").locator("dd").first
        return int(tile.inner_text().replace(",", ""))

    def queue_head(self) -> list[str]:
        """What the queue would ask next."""
        self.page.goto(self.url())
        card = self.page.locator("section.card", has_text="What it wants to know next")
        return [str(line) for line in card.locator("li").all_inner_texts()]

    def tried(self, prompt: str, seed: int) -> dict[str, str]:
        """The three answers of `Try it`, by their titles."""
        self.page.goto(self.url("try/"))
        self.page.get_by_label("Prompt", exact=True).fill(prompt)
        self.page.get_by_label("Seed", exact=True).fill(str(seed))
        self.page.get_by_role("button", name="Answer").click()
        self.page.locator("#answers .card .prose").nth(2).wait_for(timeout=60_000)
        assert "best of 8 by the posterior" in self.text("#answers")
        cards = self.page.locator("#answers .card").all()
        return {card.locator("h3").inner_text(): card.locator(".prose").inner_text() for card in cards}

    def train(self) -> None:
        """Press the button and wait for the run's end, watching its page."""
        self.page.goto(self.url("runs/"))
        self.page.get_by_role("button", name="Retrain the policy now").click()
        self.page.locator("#run .badge.good, #run .badge.bad").wait_for(timeout=RUN_SECONDS * 1000)
        assert "Done" in self.text("#run .badge"), self.text("#run")

    def decision(self) -> str:
        """The state of version 2 once the gate has decided, else nothing."""
        other = self.page.context.new_page()
        try:
            other.goto(self.url("policies/"))
            card = other.locator("section.card", has=other.get_by_role("heading", name="Version 2", exact=True))
            if card.count() == 0:
                return ""
            badges = {str(text) for text in card.first.locator(".badge").all_inner_texts()}
            return next((state for state in ("Promoted", "Refused", "Undecided") if state in badges), "")
        finally:
            other.close()

    def exported(self, style: str = "trl") -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Ask for an export, wait, and download its rows and its manifest."""
        self.page.goto(self.url("export/"))
        self.page.locator("[name=format]").select_option(style)
        self.page.get_by_role("button", name="Export", exact=True).click()
        link = self.page.locator("#exports").get_by_role("link", name="Download").first
        link.wait_for(timeout=60_000)
        with self.page.expect_download() as file:
            link.click()
        with self.page.expect_download() as manifest:
            self.page.locator("#exports").get_by_role("link", name="Manifest").first.click()
        rows = gzip.decompress(Path(file.value.path()).read_bytes()).decode().splitlines()
        return [json.loads(row) for row in rows], json.loads(Path(manifest.value.path()).read_text(encoding="utf-8"))


def until_learned(story: Story, count: int, seconds: float = 60.0) -> None:
    """Wait until the posterior has taken in at least so many judgments."""
    wait_until(lambda: story.learned() >= count, seconds, f"{count} judgments in the posterior")


def number_in(text: str) -> int:
    """The first number of a text."""
    found = re.search(r"\d[\d,]*", text)
    assert found, text
    return int(found[0].replace(",", ""))

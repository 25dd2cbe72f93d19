"""`manage.py heed`: run everything, run one part, make an owner link, back up, restore."""

import contextlib
import os
import socket
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from alignment_site import backups, env, live, postgres, web
from alignment_site.patience import PATIENT
from alignment_site.ports import holder
from alignment_site.postgres_account import DatabaseTrouble
from alignment_site.serving import is_healthy
from alignment_site.supervisor import Part, Supervisor

PORT_SECONDS = 6.0  # a web process of a killed supervisor may take so long to let go of the port
READY_SECONDS = 60.0


class Command(BaseCommand):
    """`manage.py heed`: run everything or one part; links, backups."""

    help = "Run Heed. Without a word: the database, the web server and the worker, until Ctrl-C."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only", choices=["web", "worker", "db"], help="run one part by itself")
        words = parser.add_subparsers(dest="word", metavar="link | backup FILE | restore FILE")
        words.add_parser("link", help="print a one-time link that signs the owner in (valid for an hour)")
        saving = words.add_parser("backup", help="save the database and the files of HEED_HOME in FILE")
        saving.add_argument("file", type=Path)
        saving.add_argument("--database-only", action="store_true", help="leave models and other files out")
        restoring = words.add_parser("restore", help="replace everything by what FILE holds")
        restoring.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["word"]:
                with postgres.held():
                    getattr(self, options["word"])(options)
            else:
                self.run(options["only"])
        except DatabaseTrouble as trouble:
            raise CommandError(str(trouble)) from trouble

    # --- words

    def link(self, options: dict[str, Any]) -> None:
        self.stdout.write(owner_address())

    def backup(self, options: dict[str, Any]) -> None:
        size = backups.backup(options["file"], with_files=not options["database_only"])
        self.stdout.write(f"{options['file']}: {size / 1e6:.1f} MB")

    def restore(self, options: dict[str, Any]) -> None:
        connections.close_all()
        backups.restore(options["file"])
        self.stdout.write("Restored. The next `make up` brings the tables up to date.")

    # --- running

    def run(self, only: str | None) -> None:
        listener = self.listener() if only in (None, "web") else None
        cluster = None if env.text("DATABASE_URL") else postgres.bundled()
        if only == "db" and cluster is None:
            raise CommandError("DATABASE_URL names a database that Heed does not run: nothing to do for --only db.")
        with cluster.held() if cluster else contextlib.nullcontext():
            if only is None:
                prepare(self.stdout.write)
            live.close()
            connections.close_all()
            parts = web_parts(listener) if listener else []
            parts += [worker_part()] if only in (None, "worker") else []
            supervisor = Supervisor(parts, database=cluster)

            def announce() -> None:
                self.announce(only, supervisor)

            supervisor.run(when_started=announce)
        self.stdout.write("Heed has stopped.")

    def listener(self) -> socket.socket:
        deadline = time.monotonic() + PORT_SECONDS
        while True:
            try:
                return web.bind(env.host(), env.port())
            except OSError as error:
                if "in use" not in str(error):
                    raise CommandError(f"Cannot listen on {env.host()}:{env.port()}: {error.strerror}.") from error
                if time.monotonic() > deadline:
                    message = f"Port {env.port()} is taken by {holder(env.port())}. Stop it, or choose: PORT=8001"
                    raise CommandError(message) from error
                time.sleep(0.2)

    def announce(self, only: str | None, supervisor: Supervisor) -> None:
        if only in (None, "web"):
            wait_until_healthy(supervisor)
        if supervisor.stopping:
            return
        if only is None:
            self.stdout.write(f"\nHeed is at {settings.HEED_URL}\nSign in as its owner, once, within an hour:")
            self.stdout.write(f"  {owner_address()}\nCtrl-C stops everything.\n")
            connections.close_all()
        else:
            self.stdout.write(f"{only} runs. Ctrl-C stops it.")
        self.stdout.flush()


def web_parts(listener: socket.socket) -> list[Part]:
    """The web processes; they share one listening socket."""
    default = 2 if (os.cpu_count() or 1) > 1 else 1
    count = env.integer("HEED_WEB_PROCESSES", default, low=1, high=64)
    descriptor = listener.fileno()
    return [
        Part(
            name=f"web {number}",
            command=[sys.executable, "-m", "alignment_site.web"],
            environment={web.LISTEN_FD: str(descriptor)},
            descriptors=(descriptor,),
        )
        for number in range(1, count + 1)
    ]


def worker_part() -> Part:
    """The worker process."""
    command = [sys.executable, str(env.CHECKOUT / "manage.py"), "worker"]
    return Part(name="worker", command=command, environment=PATIENT)


def prepare(say: Callable[[str], Any]) -> None:
    """Bring the tables up to date, after a backup when there is something to lose; begin the starter project."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        if executor.loader.applied_migrations:
            say(f"Saving the database before migrating it: {backups.before_migrating()}")
        say("Preparing the tables …")
        call_command("migrate", verbosity=0, interactive=False)
    from labeling.models import Project

    if "seed" in get_commands() and not Project.objects.exists():
        say("Preparing the starter project …")
        call_command("seed")


def owner_address() -> str:
    """A fresh one-time link for the site's owner."""
    from labeling.actions.linking import create_owner_link

    return f"{settings.HEED_URL}/link/{create_owner_link()}/"


def wait_until_healthy(supervisor: Supervisor) -> None:
    """Return when a web process answers, or when somebody asked to stop."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(env.host(), env.host())
    shown = f"[{shown}]" if ":" in shown else shown
    deadline = time.monotonic() + READY_SECONDS
    while not supervisor.stopping and not is_healthy(f"http://{shown}:{env.port()}"):
        if time.monotonic() > deadline:
            raise CommandError("The web server does not answer: its messages above say why; so may manage.py doctor.")
        time.sleep(0.05)

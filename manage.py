#!/usr/bin/env python
"""Django's command line, with the database running for as long as the command needs it."""

import os
import sys
from contextlib import nullcontext

# These need no database, or look after it themselves.
WITHOUT_DATABASE = frozenset(
    "help version check compilemessages diffsettings collectstatic findstatic makemessages spectacular"
    " startapp doctor heed methods lab test".split()
)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alignment_site.settings")
    from alignment_site import lifeline, postgres
    from alignment_site.env import BadSetting
    from alignment_site.postgres_account import DatabaseTrouble

    supervised = lifeline.VARIABLE in os.environ  # then the supervisor looks after the database
    lifeline.hold_on()
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    wants_help = not {"-h", "--help"}.isdisjoint(sys.argv)
    try:
        with nullcontext() if supervised or wants_help or command in WITHOUT_DATABASE else postgres.held():
            from django.core.management import execute_from_command_line

            try:
                execute_from_command_line(sys.argv)
            except Exception as error:
                from alignment_site.migrating import behind

                if told := behind(error):
                    sys.exit(told)
                raise
            finally:
                if live := sys.modules.get("alignment_site.live"):
                    live.close()  # what it still has to tell needs the database
    except (BadSetting, DatabaseTrouble) as trouble:
        sys.exit(f"{trouble}")


if __name__ == "__main__":
    main()

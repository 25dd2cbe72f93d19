"""A child of the supervisor ends itself when the supervisor is gone, even after kill -9.

The supervisor holds the writing end of a pipe and never writes; the child reads. The read returns when the last
writing end is closed, which the kernel does for a killed process too.
"""

import os
import signal
import subprocess
import threading
import time

VARIABLE = "HEED_LIFELINE"
GRACE_SECONDS = 15

# Outlives the child for a moment: its standard input closes when the child has ended, however it ended.
SWEEP = 'read -r _; kill -s KILL -- "-$1"'


def hold_on() -> None:
    """Watch the pipe named by the environment, if there is one. The variable is not passed on to grandchildren."""
    number = os.environ.pop(VARIABLE, "")
    if number:
        descriptor = int(number)
        os.set_inheritable(descriptor, False)
        threading.Thread(target=_watch, args=[descriptor], name="lifeline", daemon=True).start()


def _watch(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    leads = os.getpgid(0) == os.getpid()  # the supervisor made it so: what it started goes with it
    if leads:
        command = ["sh", "-c", SWEEP, "sh", str(os.getpid())]
        quiet = subprocess.DEVNULL
        sweeper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    if leads:
        sweeper.kill()
        os.killpg(0, signal.SIGKILL)
    os._exit(1)

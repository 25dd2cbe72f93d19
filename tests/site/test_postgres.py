"""The life of the bundled PostgreSQL."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from alignment_site import env
from alignment_site.postgres import Cluster, Postmaster
from alignment_site.postgres_account import DatabaseTrouble


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One initialised cluster for the tests of this module: initdb is the slow part."""
    folder = tmp_path_factory.mktemp("cluster") / "postgres"
    yield folder
    Cluster(folder).stop()


@pytest.fixture
def cluster(shared_folder: Path) -> Iterator[Cluster]:
    cluster = Cluster(shared_folder)
    yield cluster
    cluster.stop()


def ask(cluster: Cluster, question: str) -> object:
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        return (connection.execute(question).fetchone() or [None])[0]


def wait_for_end(server: Postmaster, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while server.alive():
        assert time.monotonic() < deadline, "the server goes on"
        time.sleep(0.01)


def test_a_second_start_adopts_the_running_server(cluster: Cluster) -> None:
    first = cluster.start()
    assert Cluster(cluster.folder).start() == first


def test_what_was_written_is_there_after_a_stop_and_a_start(cluster: Cluster) -> None:
    first = cluster.start()
    with psycopg.connect(cluster.url()) as connection:
        connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    cluster.stop()
    assert not first.alive()
    assert cluster.running() is None
    cluster.start()
    assert ask(cluster, "SELECT n FROM kept") == 7


def test_the_server_is_durable_private_and_off_the_network(cluster: Cluster) -> None:
    cluster.start()
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        assert ask(cluster, f"SHOW {setting}") == "on"
    assert ask(cluster, "SHOW listen_addresses") == ""
    assert ask(cluster, "SHOW password_encryption") == "scram-sha-256"
    for path in (cluster.folder, cluster.data):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((cluster.folder / "password").stat().st_mode) == 0o600


def test_a_wrong_password_is_refused(cluster: Cluster) -> None:
    cluster.start()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(cluster.url(), password="guess")


@pytest.mark.slow
def test_kill_9_of_the_server_twice_in_a_row_loses_no_commit(cluster: Cluster) -> None:
    cluster.start()
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE counted (n int)")
    for number in range(2):
        server = cluster.start()
        with psycopg.connect(cluster.url(), autocommit=True) as connection:
            connection.execute("INSERT INTO counted VALUES (%s)", [number])
            os.kill(server.pid, signal.SIGKILL)
    cluster.start()
    assert ask(cluster, "SELECT count(*) FROM counted") == 2


@pytest.mark.slow
def test_a_busy_backend_of_a_killed_server_does_not_stop_the_next_start(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alignment_site.postgres.ORPHAN_SECONDS", 0.5)
    server = cluster.start()
    busy = psycopg.connect(cluster.url(), autocommit=True)
    backend = busy.info.backend_pid
    # A calculation that looks at nothing from outside until it ends.
    busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 200000000)")
    time.sleep(0.2)
    os.kill(server.pid, signal.SIGKILL)
    wait_for_end(server)
    assert cluster.start().pid != server.pid
    # Whoever inherits orphans may be slow to collect the dead ones.
    assert not psutil.pid_exists(backend) or psutil.Process(backend).status() == psutil.STATUS_ZOMBIE
    busy.close()


def test_a_lock_file_whose_pid_now_belongs_to_another_program_is_not_believed(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        lock_file = cluster.data / "postmaster.pid"
        lock_file.write_text(
            f"{stranger.pid}\n{cluster.data}\n{int(time.time())}\n5432\n{cluster.socket_folder}\n\n 1 1\nready\n"
        )
        assert cluster.running() is None
        assert cluster.start().pid != stranger.pid
        assert stranger.poll() is None
        stranger.kill()


def test_the_last_of_two_users_stops_the_server(cluster: Cluster) -> None:
    with cluster.held() as server:
        with Cluster(cluster.folder).held() as same:
            assert same == server
        assert server.alive()
    assert not server.alive()


def test_a_killed_user_lets_go_of_the_server(cluster: Cluster) -> None:
    hold = "import sys, time; from pathlib import Path; from alignment_site.postgres import Cluster\n"
    hold += "with Cluster(Path(sys.argv[1])).held() as s: print(s.pid, flush=True); time.sleep(60)"
    command = [sys.executable, "-c", hold, str(cluster.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=env.CHECKOUT) as user:
        assert user.stdout is not None
        pid = int(user.stdout.readline())
        user.kill()
    with cluster.held() as server:
        assert server.pid == pid  # adopted
    assert not server.alive()


@pytest.mark.slow
def test_a_path_of_150_bytes_with_spaces_and_signs_works(tmp_path: Path) -> None:
    name = "a folder, with “signs” and 'spaces' "
    folder = tmp_path / (name + "x" * (150 - len(os.fsencode(tmp_path / name)) - len("/postgres"))) / "postgres"
    assert len(os.fsencode(folder)) == 150
    cluster = Cluster(folder)
    with cluster.held():
        assert ask(cluster, "SELECT current_database()") == "heed"
        assert len(os.fsencode(cluster.socket_folder)) < 90
        assert stat.S_IMODE(Path(cluster.socket_folder).stat().st_mode) == 0o700


@pytest.mark.slow
def test_a_killed_initdb_leaves_nothing_that_passes_for_data(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "postgres")
    half = cluster.data.with_name("data.new")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with cluster.held():
        assert ask(cluster, "SELECT 1") == 1


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "postgres", extra_settings=(("shared_buffers", "nonsense"),))
    with pytest.raises(DatabaseTrouble, match="shared_buffers"):
        cluster.start()

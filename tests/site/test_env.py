"""Settings from the environment: typed, declared, and refused in words."""

from pathlib import Path

import pytest

from alignment_site import env, settings


@pytest.mark.parametrize("value", ["1", "true", "Yes", " on "])
def test_a_flag_is_on_by_the_usual_words(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HEED_DEBUG", value)
    assert env.flag("HEED_DEBUG")


@pytest.mark.parametrize("value", ["0", "false", "No", "off", ""])
def test_a_flag_is_off_by_the_usual_words_and_by_nothing(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HEED_DEBUG", value)
    assert not env.flag("HEED_DEBUG")
    assert not env.flag("HEED_DEBUG", default=True) or value == ""


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("HEED_DEBUG", "perhaps", lambda: env.flag("HEED_DEBUG")),
        ("PORT", "http", env.port),
        ("PORT", "0", env.port),
        ("PORT", "65536", env.port),
        ("HEED_LOG_LEVEL", "loud", lambda: env.choice("HEED_LOG_LEVEL", "info", ("info", "error"))),
        ("HEED_URL", "heed.example.org", env.public_url),
        ("DATABASE_URL", "mysql://x", lambda: env.url("DATABASE_URL", ("postgresql",))),
    ],
)
def test_a_wrong_value_names_the_setting(monkeypatch: pytest.MonkeyPatch, name: str, value: str, read: object) -> None:
    monkeypatch.setenv(name, value)
    assert callable(read)
    with pytest.raises(env.BadSetting, match=name):
        read()


def test_a_name_that_is_not_declared_is_a_bug() -> None:
    with pytest.raises(KeyError):
        env.text("HEED_SOMETHING_NEW")


def test_the_public_address_follows_host_and_port_unless_a_proxy_has_another(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEED_HOST", "PORT", "HEED_URL"):
        monkeypatch.delenv(name, raising=False)
    assert env.public_url() == "http://127.0.0.1:8000"
    monkeypatch.setenv("HEED_HOST", "0.0.0.0")
    monkeypatch.setenv("PORT", "9000")
    assert env.public_url() == "http://127.0.0.1:9000"
    monkeypatch.setenv("HEED_HOST", "::1")
    assert env.public_url() == "http://[::1]:9000"
    monkeypatch.setenv("HEED_URL", "https://heed.example.org/")
    assert env.public_url() == "https://heed.example.org"
    assert "heed.example.org" in env.allowed_hosts(env.public_url())


def test_two_sites_on_one_machine_do_not_share_cookies() -> None:
    one, two = env.cookie_names("http://127.0.0.1:8000"), env.cookie_names("http://127.0.0.1:8001")
    assert len({*one, *two}) == 4
    assert env.cookie_names("https://heed.example.org") == ("heed_session", "heed_csrf")


def test_the_home_is_absolute_whatever_the_working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEED_HOME", "somewhere")
    monkeypatch.chdir(tmp_path)
    assert env.home() == tmp_path / "somewhere"
    monkeypatch.delenv("HEED_HOME")
    assert env.home() == env.CHECKOUT / ".heed"


def test_secrets_are_made_once_and_private() -> None:
    for name in ("secret-key", "metrics-token"):
        path = settings.HEED_HOME / name
        assert path.stat().st_mode & 0o777 == 0o600
        assert len(path.read_text().strip()) >= 50

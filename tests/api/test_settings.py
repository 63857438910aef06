"""What a start needs, and what forbids one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api.settings import Environment, Settings, SettingsError, load
from infra.settings_reference import table

PRODUCTION = {
    "OIDC_ISSUER": "https://id.example/",
    "SAFERWEHO_BASE_URL": "https://watch.example",
    "DATABASE_URL": "postgresql://api:s3cret@db.example/saferweho",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)
    monkeypatch.delenv("SAFERWEHO_SECRETS_DIR", raising=False)
    return monkeypatch


def loaded(environment: pytest.MonkeyPatch, *needs: str, **values: str) -> Settings:
    for name, value in values.items():
        environment.setenv(name, value)
    return load(needs)


def refused(environment: pytest.MonkeyPatch, *needs: str, **values: str) -> str:
    with pytest.raises(SettingsError) as error:
        loaded(environment, *needs, **values)
    return str(error.value)


def test_production_is_the_default_and_has_nothing_to_fall_back_to(environment: pytest.MonkeyPatch) -> None:
    message = refused(environment, "DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS")
    for name in ("OIDC_ISSUER", "SAFERWEHO_BASE_URL", "DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"):
        assert f"{name}: is not" in message


def test_a_whole_production_environment_starts(environment: pytest.MonkeyPatch) -> None:
    settings = loaded(environment, "DATABASE_URL", **PRODUCTION)
    assert settings.env is Environment.PRODUCTION
    assert settings.issuer == "https://id.example/"  # compared byte by byte with the token's
    assert settings.read_url == settings.write_url == PRODUCTION["DATABASE_URL"]
    assert not settings.uses_development_issuer
    assert not settings.shows_schema


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OIDC_ISSUER", "http://id.example"),
        ("SAFERWEHO_TRUSTED_PROXIES", "the-proxy"),
        ("SAFERWEHO_BASE_URL", "http://watch.example"),
        ("SAFERWEHO_FAILPOINT", "relay.after_send"),
        ("SAFERWEHO_EMBEDDED", "postgres"),
    ],
)
def test_production_refuses_what_is_for_development(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    assert f"{name}: " in refused(environment, **{**PRODUCTION, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SAFERWEHO_ENV", "dev"),
        ("SAFERWEHO_PORT", "99999"),
        ("SAFERWEHO_PORT", "http"),
        ("DATABASE_URL", "mysql://api:s3cret@db.example/x"),
        ("KAFKA_BOOTSTRAP_SERVERS", "broker"),
        ("OIDC_ISSUER", "id.example"),
        ("SAFERWEHO_TOPIC_PREFIX", "safer weho"),
        ("SAFERWEHO_SESSION_MINUTES", "0"),
        ("SAFERWEHO_LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_is_told_by_name_and_not_repeated(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    message = refused(environment, **{**PRODUCTION, name: value})
    assert re.search(rf"^  {name}: ", message, re.M)
    assert "s3cret" not in message


def test_a_secret_is_never_printed(environment: pytest.MonkeyPatch) -> None:
    secrets = {
        "OIDC_CLIENT_SECRET": "s3cret-1",
        "SAFERWEHO_GATEWAY_KEY": "s3cret-2",
        "SAFERWEHO_SESSION_KEY": "s3cret-3",
    }
    settings = loaded(environment, **PRODUCTION, **secrets)
    assert "s3cret" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_development_has_an_issuer_of_its_own_on_loopback_alone(environment: pytest.MonkeyPatch) -> None:
    settings = loaded(environment, SAFERWEHO_ENV="development", SAFERWEHO_BASE_URL="http://127.0.0.1:9000/")
    assert (settings.uses_development_issuer, settings.issuer) == (True, "http://127.0.0.1:9000/dev-issuer")
    assert "loopback" in refused(environment, SAFERWEHO_BASE_URL="http://192.168.1.7:9000")
    named = loaded(environment, SAFERWEHO_BASE_URL="http://192.168.1.7:9000", OIDC_ISSUER="https://id.example")
    assert (named.uses_development_issuer, named.issuer) == (False, "https://id.example")


def test_secrets_may_be_mounted_as_files(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "OIDC_CLIENT_SECRET").write_text("s3cret\n")
    settings = loaded(environment, **PRODUCTION, SAFERWEHO_SECRETS_DIR=str(tmp_path))
    assert settings.oidc_client_secret is not None
    assert settings.oidc_client_secret.get_secret_value() == "s3cret"
    assert "SAFERWEHO_SECRETS_DIR: " in refused(environment, SAFERWEHO_SECRETS_DIR=str(tmp_path / "nowhere"))


def test_an_empty_value_is_none(environment: pytest.MonkeyPatch) -> None:
    assert "OIDC_ISSUER: is not set" in refused(environment, **{**PRODUCTION, "OIDC_ISSUER": ""})


def test_every_setting_is_described() -> None:
    for field in Settings.model_fields.values():
        assert field.description
        assert f"| `{field.alias}` |" in table()


def test_brokers_that_want_a_user_are_given_one_or_the_start_is_refused(environment: pytest.MonkeyPatch) -> None:
    message = refused(environment, **PRODUCTION, KAFKA_SECURITY_PROTOCOL="SASL_SSL", KAFKA_SASL_USERNAME="relay")
    assert "KAFKA_SASL_PASSWORD" in message
    environment.setenv("KAFKA_SASL_PASSWORD", "s3cret")
    security = loaded(environment).kafka_security
    assert security["sasl_plain_username"] == "relay"
    assert "s3cret" not in repr(loaded(environment))

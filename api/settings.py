"""Every setting of every process, out of the environment, checked before anything starts.

One list for all processes, so that they can share one environment file; a process names the settings it cannot do
without (`load(needs=…)`). Production is the default and fails closed: it has no embedded part, no development issuer
and no failpoint to fall back to. The README's reference is generated from this class.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class KafkaSecurity(StrEnum):
    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_SSL = "SASL_SSL"


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class SettingsError(Exception):
    """The environment is not fit to start with. `problems` has a line for each setting and no secret."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("the settings do not allow a start:\n" + "\n".join(f"  {line}" for line in problems))
        self.problems = tuple(problems)


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("is not a web address; accepted: https://host[:port][/path] without query or fragment")
    return value


def _postgresql(value: str) -> str:
    # libpq also takes key=value strings; one spelling is easier to document and to check. The value is not repeated
    # in the message: it holds a password.
    if urlsplit(value).scheme not in ("postgresql", "postgres"):
        raise ValueError("is not a PostgreSQL address; accepted: postgresql://user:password@host:port/database")
    return value


def _postgresql_secret(value: SecretStr) -> SecretStr:
    return SecretStr(_postgresql(value.get_secret_value()))


def _long_secret(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < 32:
        raise ValueError("is too short; accepted: 32 characters or more (openssl rand -hex 32)")
    return value


def _mailbox(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in ("imaps", "imap+starttls", "imap") or not parts.hostname or not parts.username:
        raise ValueError("is not a mailbox; accepted: imaps://user:password@host[:port][/folder]")
    return value


def _brokers(value: str) -> str:
    for broker in value.split(","):
        host, colon, port = broker.strip().rpartition(":")
        if not (host and colon and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError("is not a list of brokers; accepted: host:port[,host:port…]")
    return value


def _topic_prefix(value: str) -> str:
    # Kafka's own rule for topic names (KIP-41: letters, digits, '.', '_', '-'), with room left for ".checkpoints".
    if not (0 < len(value) <= 200 and value.isascii() and value.replace("-", "").replace("_", "").isalnum()):
        raise ValueError("cannot begin a topic's name; accepted: 1 to 200 letters, digits, '-' and '_'")
    return value


def _networks(value: str) -> str:
    for network in filter(None, map(str.strip, value.split(","))):
        try:
            ip_network(network)
        except ValueError:
            raise ValueError(
                "is not a list of addresses; accepted: addresses and networks, 10.0.0.7,10.1.0.0/16"
            ) from None
    return value


def _vault(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme and (parts.scheme != "s3" or not parts.hostname or parts.query or parts.username):
        raise ValueError("is no vault; accepted: a folder, or s3://bucket[/prefix]")
    return value


def _part_of_an_hour(value: int) -> int:
    if value < 1 or 60 % value:
        raise ValueError("is no part of an hour; accepted: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30 or 60 minutes")
    return value


def _words(value: object) -> object:
    return frozenset(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


Issuer = Annotated[str, AfterValidator(_web_address)]  # compared byte by byte, so a last slash stays
WebAddress = Annotated[str, AfterValidator(_web_address), AfterValidator(lambda url: url.rstrip("/"))]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_postgresql_secret)]
Words = Annotated[frozenset[str], NoDecode, BeforeValidator(_words)]
Port = Annotated[int, Field(ge=0, le=65535)]


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Settings(BaseSettings):
    """Read with `load()`; attributes are the lower-case names, the environment's names are in each field's alias."""

    model_config = SettingsConfigDict(
        case_sensitive=True, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True, frozen=True
    )

    # -- where and what --
    env: Environment = Field(
        Environment.PRODUCTION,
        alias="SAFERWEHO_ENV",
        description="`production`, or `development`, which `saferweho dev` sets for its own processes.",
    )
    home: Path = Field(
        Path(".saferweho"),
        alias="SAFERWEHO_HOME",
        description="Folder of all data that is not in PostgreSQL or Kafka: keys, flight logs, the embedded parts.",
    )
    host: str = Field(
        "127.0.0.1",
        alias="SAFERWEHO_HOST",
        description="Address the API listens on, the drone gateway and `saferweho media`.",
    )
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = Field(
        "",
        alias="SAFERWEHO_TRUSTED_PROXIES",
        description="Addresses or networks of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are "
        "believed, separated by commas; none: the record names whoever connects.",
    )
    port: Port = Field(8080, alias="SAFERWEHO_PORT", description="Port the API listens on; 0 takes any free one.")
    health_host: str = Field(
        "127.0.0.1",
        alias="SAFERWEHO_HEALTH_HOST",
        description="Address of this process's `/health` and `/metrics`, for who watches over it from elsewhere.",
    )
    health_port: Port = Field(
        0,
        alias="SAFERWEHO_HEALTH_PORT",
        description="Port of this process's `/health` and `/metrics`; 0: any free one, which the log names.",
    )
    base_url: WebAddress = Field(
        "http://127.0.0.1:8080",
        alias="SAFERWEHO_BASE_URL",
        description="Address under which people reach the pages; `https` in production.",
    )
    log_level: LogLevel = Field(
        LogLevel.INFO, alias="SAFERWEHO_LOG_LEVEL", description="`debug`, `info`, `warning` or `error`."
    )
    otlp_endpoint: WebAddress | None = Field(
        None,
        alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="Collector of traces over OTLP/HTTP; none: none leave.",
    )

    # -- store and log --
    database_url: DatabaseUrl | None = Field(
        None,
        alias="DATABASE_URL",
        description="PostgreSQL of the event store, as the role of this process: `postgresql://user:password@host/db`.",
    )
    read_database_url: DatabaseUrl | None = Field(
        None,
        alias="READ_DATABASE_URL",
        description="PostgreSQL of the read models, as a reader; without it `DATABASE_URL`.",
    )
    keys_database_url: DatabaseUrl | None = Field(
        None,
        alias="SAFERWEHO_KEYS_DATABASE_URL",
        description="PostgreSQL of the key store, as the role of this process; in production a server of its own, "
        "whose backups are kept for a short time; in development without it `DATABASE_URL`.",
    )
    key_encryption_keys: Path | None = Field(
        None,
        alias="SAFERWEHO_KEY_ENCRYPTION_KEYS",
        description="File (mode 0600) of the keys that wrap those in the key store; required in production; in "
        "development without it one of the home.",
    )
    key_backup_days: int = Field(
        35,
        ge=0,
        le=400,
        alias="SAFERWEHO_KEY_BACKUP_DAYS",
        description="How many days a backup or the WAL of the key store is kept: after that a destroyed key is gone "
        "for good, and the record says so.",
    )
    bootstrap_servers: Annotated[str, AfterValidator(_brokers)] | None = Field(
        None, alias="KAFKA_BOOTSTRAP_SERVERS", description="Kafka brokers, `host:port[,host:port…]`."
    )
    topic_prefix: Annotated[str, AfterValidator(_topic_prefix)] = Field(
        "saferweho", alias="SAFERWEHO_TOPIC_PREFIX", description="What the names of the topics begin with."
    )
    kafka_security_protocol: KafkaSecurity = Field(
        KafkaSecurity.PLAINTEXT,
        alias="KAFKA_SECURITY_PROTOCOL",
        description="`PLAINTEXT`, `SSL` or `SASL_SSL`; how this process speaks to the brokers.",
    )
    kafka_ca_file: Path | None = Field(
        None, alias="KAFKA_SSL_CAFILE", description="Certificates of the authorities that sign the brokers' own."
    )
    kafka_sasl_mechanism: str = Field(
        "SCRAM-SHA-512", alias="KAFKA_SASL_MECHANISM", description="With `SASL_SSL`: how this process signs on."
    )
    kafka_sasl_username: str | None = Field(None, alias="KAFKA_SASL_USERNAME", description="With `SASL_SSL`: as whom.")
    kafka_sasl_password: SecretStr | None = Field(
        None, alias="KAFKA_SASL_PASSWORD", description="With `SASL_SSL`: that user's password."
    )
    embedded: Words = Field(
        frozenset(),
        alias="SAFERWEHO_EMBEDDED",
        description="Set by `saferweho dev`: which of `postgres,kafka` it started itself. Refused in production.",
    )

    # -- who --
    oidc_issuer: Issuer | None = Field(
        None, alias="OIDC_ISSUER", description="The OpenID Connect issuer of the agency; required in production."
    )
    oidc_audience: str = Field("saferweho", alias="OIDC_AUDIENCE", description="Audience that access tokens must name.")
    oidc_client_id: str = Field(
        "saferweho-pages", alias="OIDC_CLIENT_ID", description="Client under which the pages sign people in."
    )
    oidc_client_secret: SecretStr | None = Field(
        None, alias="OIDC_CLIENT_SECRET", description="Secret of that client, where the issuer gave one."
    )
    oidc_scopes: str = Field(
        "openid profile", alias="OIDC_SCOPES", description="Scopes the pages ask for, separated by spaces."
    )
    oidc_person_claim: str = Field(
        "sub", alias="OIDC_PERSON_CLAIM", description="Claim that holds the person's id as enrolled here."
    )
    oidc_step_up_acr: str = Field(
        "urn:saferweho:acr:step-up",
        alias="OIDC_STEP_UP_ACR",
        description="`acr` that the issuer gives after a second factor was shown again (step-up).",
    )
    session_key: SecretStr | None = Field(
        None,
        alias="SAFERWEHO_SESSION_KEY",
        description="Key of the pages' session cookie: 32 bytes, base64url; `new,old` while changing it. "
        "Without it one is made in the home, which suits a single machine.",
    )
    session_minutes: int = Field(
        480, ge=5, le=1440, alias="SAFERWEHO_SESSION_MINUTES", description="Longest sign-on of the pages, in minutes."
    )

    # -- drones and dispatch --
    gateway_url: WebAddress = Field(
        "http://127.0.0.1:8090", alias="SAFERWEHO_GATEWAY_URL", description="Where the drone gateway takes orders."
    )
    gateway_key: SecretStr | None = Field(
        None, alias="SAFERWEHO_GATEWAY_KEY", description="Secret shared by the API and the drone gateway."
    )
    drone_links: str = Field(
        "",
        alias="SAFERWEHO_DRONE_LINKS",
        description="Drones and their links, separated by commas: `DRONE@ADDRESS#SYSTEM_ID`, where ADDRESS is "
        "`udpin:HOST:PORT`, `udpout:HOST:PORT`, `tcp:HOST:PORT` or `serial:DEVICE:BAUD`.",
    )
    airspace_authority: str | None = Field(
        None,
        alias="SAFERWEHO_AIRSPACE_AUTHORITY",
        description="The station's own waiver or COA, for launches that name none: `coa:NUMBER:VERSION:YYYY-MM-DD`.",
    )
    separation: str | None = Field(
        None,
        alias="SAFERWEHO_SEPARATION",
        description="How the station sees and avoids other aircraft: `detect_and_avoid:SYSTEM` or "
        "`visual_observer:NAME`.",
    )
    drone_keys: Path | None = Field(
        None, alias="SAFERWEHO_DRONE_KEYS", description="File (mode 0600) of the drones' MAVLink 2 signing keys."
    )
    cad_keys: Path | None = Field(
        None, alias="SAFERWEHO_CAD_KEYS", description="File (mode 0600) of the keys with which dispatch sends calls."
    )

    scim_keys: Path | None = Field(
        None,
        alias="SAFERWEHO_SCIM_KEYS",
        description="File (mode 0600) of the keys with which the personnel system sends joiners, movers and leavers.",
    )

    conditions: Path | None = Field(
        None,
        alias="SAFERWEHO_CONDITIONS",
        description="Folder of `weather.json`, `airspace.json` and `traffic.json`, which say go or no-go; without it "
        "they are unknown unless a request names them.",
    )

    # -- cameras and footage --
    cameras: Path | None = Field(
        None,
        alias="SAFERWEHO_CAMERAS",
        description="File (mode 0600) of where cameras are reached: `NAME rtsp://user:password@host/path`, NAME being "
        "the camera's secret in the inventory, or its id; a drone's camera is `drone-` and the drone's id.",
    )
    vault: Annotated[str, AfterValidator(_vault)] | None = Field(
        None,
        alias="SAFERWEHO_VAULT",
        description="Where sealed footage is kept: a folder, or `s3://bucket[/prefix]`; without it `vault` in the "
        "home.",
    )
    vault_quota_gb: float = Field(
        0, ge=0, alias="SAFERWEHO_VAULT_QUOTA_GB", description="GB of footage the vault may hold; 0: what fits."
    )
    masked_megapixels_per_s: float = Field(
        0,
        ge=0,
        alias="SAFERWEHO_MASKED_MEGAPIXELS_PER_S",
        description="How much this machine masks at once, in million pixels a second (1280 by 720 at 30 pictures: "
        "28); a picture beyond that is refused. 0: 75 for every core.",
    )
    media_connections: int = Field(
        512,
        ge=1,
        alias="SAFERWEHO_MEDIA_CONNECTIONS",
        description="Live pictures that are watched at once, over one connection each; one beyond that is refused.",
    )
    media_connections_each: int = Field(
        64,
        ge=1,
        alias="SAFERWEHO_MEDIA_CONNECTIONS_EACH",
        description="Live pictures that one person watches at once; one beyond that is refused.",
    )
    scrub_mb_per_s: int = Field(
        10,
        ge=0,
        le=10_000,
        alias="SAFERWEHO_SCRUB_MB_PER_S",
        description="How fast the recorder reads the vault again to find what broke, in MB a second; 0: not at all.",
    )
    s3_endpoint: WebAddress | None = Field(
        None,
        alias="SAFERWEHO_S3_ENDPOINT",
        description="Address of the vault's object storage where it is not Amazon's own; `https` in production.",
    )
    s3_region: str = Field("us-west-2", alias="SAFERWEHO_S3_REGION", description="Region of the vault's bucket.")
    s3_access_key: str | None = Field(
        None, alias="SAFERWEHO_S3_ACCESS_KEY", description="Id of the access key to the vault's bucket."
    )
    s3_secret_key: SecretStr | None = Field(
        None, alias="SAFERWEHO_S3_SECRET_KEY", description="The secret of that access key."
    )
    exports: Annotated[str, AfterValidator(_vault)] | None = Field(
        None,
        alias="SAFERWEHO_EXPORTS",
        description="Where finished exports are kept, sealed, until they are fetched: a folder, or "
        "`s3://bucket[/prefix]` with the vault's address and keys; without it `exports` in the home.",
    )
    export_days: int = Field(
        30,
        ge=1,
        le=3650,
        alias="SAFERWEHO_EXPORT_DAYS",
        description="How many days a finished export is kept to be fetched; what was fetched is the receiver's.",
    )
    export_signer: Path | None = Field(
        None,
        alias="SAFERWEHO_EXPORT_SIGNER",
        description="File (mode 0600) of the agency's own key (P-256) and certificates for signing exports, in PEM; "
        "without it the installation makes a root of its own.",
    )
    footage_minutes: Annotated[int, AfterValidator(_part_of_an_hour)] = Field(
        60,
        alias="SAFERWEHO_FOOTAGE_MINUTES",
        description="Length of a piece of footage, which goes on the record at its end and has a key of its own; a "
        "part of an hour.",
    )

    # -- showing pictures --
    media_url: WebAddress = Field(
        "http://127.0.0.1:8091",
        alias="SAFERWEHO_MEDIA_URL",
        description="Address under which people reach the pictures, which `saferweho media` serves; `https` in "
        "production.",
    )
    media_port: Port = Field(
        8091, alias="SAFERWEHO_MEDIA_PORT", description="Port that `saferweho media` listens on; 0 takes any free one."
    )
    media_key: Annotated[SecretStr, AfterValidator(_long_secret)] | None = Field(
        None,
        alias="SAFERWEHO_MEDIA_KEY",
        description="Secret shared by the API, which gives out tickets to pictures, and `saferweho media`, which takes "
        "them: 32 characters or more.",
    )

    # -- plate readers --
    alpr_url: str | None = Field(
        None, alias="SAFERWEHO_ALPR_URL", description="Provider of plate reads; none: searches find nobody to ask."
    )
    alpr_key: SecretStr | None = Field(None, alias="SAFERWEHO_ALPR_KEY", description="The provider's bearer key.")
    alpr_name: str = Field(
        "plate readers", alias="SAFERWEHO_ALPR_NAME", description="The provider's name, as it goes on the record."
    )

    # -- telling people --
    smtp_url: SecretStr | None = Field(
        None,
        alias="SAFERWEHO_SMTP_URL",
        description="Mail server for notifications: `smtp+starttls://`, `smtps://` or `smtp://`, then "
        "`[user:password@]host[:port]`; none: nobody is written to.",
    )
    mail_from: str = Field(
        "watch-center@localhost", alias="SAFERWEHO_MAIL_FROM", description="Address that notifications come from."
    )
    imap_url: Annotated[SecretStr, AfterValidator(_mailbox)] | None = Field(
        None,
        alias="SAFERWEHO_IMAP_URL",
        description="Mailbox that the public writes to: `imaps://`, `imap+starttls://` or `imap://`, then "
        "`user:password@host[:port][/folder]`; none: nothing is taken in by mail.",
    )
    webhooks: Path | None = Field(
        None,
        alias="SAFERWEHO_WEBHOOKS",
        description="File (mode 0600) of machines to be told, one a line: `NAME URL whsec_BASE64`.",
    )
    alarm_mail: str = Field(
        "",
        alias="SAFERWEHO_ALARM_MAIL",
        description="Addresses, separated by commas, that the scheduler writes to when the record itself fails.",
    )
    least_free_percent: int = Field(
        10, ge=0, le=90, alias="SAFERWEHO_LEAST_FREE_PERCENT", description="Free disk space below which IT is told."
    )

    # -- GraphQL --
    introspection: bool | None = Field(
        None,
        alias="SAFERWEHO_INTROSPECTION",
        description="Whether `/graphql` describes itself; without it: in development only.",
    )

    # -- tests of faults --
    failpoint: str | None = Field(
        None,
        alias="SAFERWEHO_FAILPOINT",
        description="Where to die, for the fault tests. Refused in production.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # Mounted secrets (one file a setting, as containers give them) count after the environment.
        return init_settings, env_settings, file_secret_settings

    @property
    def development(self) -> bool:
        return self.env is Environment.DEVELOPMENT

    @property
    def read_url(self) -> str | None:
        """libpq address of the read models."""
        url = self.read_database_url or self.database_url
        return url.get_secret_value() if url else None

    @property
    def write_url(self) -> str | None:
        """libpq address of the event store."""
        return self.database_url.get_secret_value() if self.database_url else None

    @property
    def keys_url(self) -> str:
        """libpq address of the key store. Raises SettingsError where production names none."""
        url = self.keys_database_url or (self.database_url if self.development else None)
        if url is None:
            raise SettingsError(
                [
                    "SAFERWEHO_KEYS_DATABASE_URL: is not set; accepted: the PostgreSQL of the key store, in production "
                    "a server of its own"
                ]
            )
        return url.get_secret_value()

    @property
    def footage_vault(self) -> str:
        """A folder, or s3://bucket/prefix."""
        return self.vault or str(self.home / "vault")

    @property
    def kept_exports(self) -> str:
        """A folder, or s3://bucket/prefix."""
        return self.exports or str(self.home / "exports")

    @property
    def uses_development_issuer(self) -> bool:
        """Only in development, only on loopback, only with no other issuer."""
        return self.development and self.oidc_issuer is None and is_loopback(self.base_url)

    @property
    def kafka_security(self) -> dict[str, object]:
        """How Kafka clients authenticate, under the names of kafka-python; empty for plain connections."""
        if self.kafka_security_protocol is KafkaSecurity.PLAINTEXT:
            return {}
        found: dict[str, object] = {"security_protocol": self.kafka_security_protocol.value}
        if self.kafka_ca_file:
            found["ssl_cafile"] = str(self.kafka_ca_file)
        if self.kafka_security_protocol is KafkaSecurity.SASL_SSL:
            password = self.kafka_sasl_password
            found |= {
                "sasl_mechanism": self.kafka_sasl_mechanism,
                "sasl_plain_username": self.kafka_sasl_username or "",
                "sasl_plain_password": password.get_secret_value() if password else "",
            }
        return found

    @property
    def issuer(self) -> str:
        """Issuer whose tokens are accepted. Raises SettingsError when there is none."""
        if self.oidc_issuer:
            return self.oidc_issuer
        if self.uses_development_issuer:
            return f"{self.base_url}/dev-issuer"
        raise SettingsError(["OIDC_ISSUER: is not set; accepted: the https address of your OpenID Connect issuer"])

    @property
    def shows_schema(self) -> bool:
        return self.development if self.introspection is None else self.introspection

    def problems(self, needs: Sequence[str] = ()) -> list[str]:
        """What forbids a start, a line for each setting, in words that say what to do."""
        names = {field.alias: name for name, field in type(self).model_fields.items()}
        found = [
            f"{alias}: is not set; {type(self).model_fields[names[alias]].description}"
            for alias in needs
            if not getattr(self, names[alias])
        ]
        if self.kafka_security_protocol is KafkaSecurity.SASL_SSL and not (
            self.kafka_sasl_username and self.kafka_sasl_password
        ):
            found.append("KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD: are not both set; accepted with SASL_SSL: both")
        if self.development:
            if self.oidc_issuer is None and not is_loopback(self.base_url):
                found.append(
                    "SAFERWEHO_BASE_URL: the development issuer works on loopback alone; "
                    "accepted: http://127.0.0.1:PORT, or set OIDC_ISSUER"
                )
            return found
        if self.oidc_issuer is None:
            found.append(
                "OIDC_ISSUER: is not set, and production has no issuer of its own; "
                "accepted: the https address of your OpenID Connect issuer"
            )
        elif urlsplit(self.oidc_issuer).scheme != "https":
            found.append("OIDC_ISSUER: is not https; accepted in production: an https address")
        if urlsplit(self.base_url).scheme != "https":
            found.append("SAFERWEHO_BASE_URL: is not https; accepted in production: the https address of the pages")
        if urlsplit(self.media_url).scheme != "https" and self.media_key is not None:
            found.append("SAFERWEHO_MEDIA_URL: is not https; accepted in production: the https address of the pictures")
        box = self.imap_url.get_secret_value() if self.imap_url else ""
        if urlsplit(box).scheme == "imap" and not is_loopback(box):
            found.append("SAFERWEHO_IMAP_URL: is not encrypted; accepted in production: imaps:// or imap+starttls://")
        if self.failpoint:
            found.append("SAFERWEHO_FAILPOINT: is for the fault tests; accepted in production: unset")
        if self.embedded:
            found.append("SAFERWEHO_EMBEDDED: embedded parts are for development; accepted in production: unset")
        return found


def load(needs: Sequence[str] = (), *, secrets_dir: Path | None = None) -> Settings:
    """The settings of this process. `needs`: environment names this process cannot do without.

    Raises SettingsError with every problem at once.
    """
    folder = secrets_dir or (Path(given) if (given := os.environ.get("SAFERWEHO_SECRETS_DIR")) else None)
    if folder is not None and not folder.is_dir():
        raise SettingsError([f"SAFERWEHO_SECRETS_DIR: {folder} is not a folder; accepted: a folder of secret files"])
    options: dict[str, Any] = {"_secrets_dir": folder}
    try:
        settings = Settings(**options)
    except ValidationError as error:
        raise SettingsError([_line(problem["loc"], problem["msg"]) for problem in error.errors()]) from None
    if problems := settings.problems(needs):
        raise SettingsError(problems)
    return settings


def _line(place: tuple[int | str, ...], message: str) -> str:
    return f"{place[0]}: {message.removeprefix('Value error, ')}"

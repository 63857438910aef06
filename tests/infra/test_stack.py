"""The embedded servers keep what was written, and never outlive the process that started them."""

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from infra.stack import jars
from infra.stack import postgres as postgres_module
from infra.stack.jars import broker_jars, default_cache
from infra.stack.kafka import EmbeddedKafka
from infra.stack.postgres import EmbeddedPostgres
from infra.stack.processes import StackError, free_port, port_is_free, spawn, stop, unprivileged_user, wait_until

pytestmark = pytest.mark.slow

PYTHON = Path(sys.executable)


@pytest.fixture
def own_postgres(stack_home: Path, request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    """A server that a test may stop and kill."""
    server = EmbeddedPostgres(stack_home / request.node.name[:40] / "postgres")
    yield server
    server.stop()


def rows(url: str) -> list[tuple[int]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT n FROM kept ORDER BY n").fetchall()


def write(url: str, n: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [n])


def test_postgres_keeps_its_address_and_data_over_a_restart_and_a_crash(own_postgres: EmbeddedPostgres) -> None:
    own_postgres.start()
    url, socket_url = own_postgres.url, own_postgres.socket_url
    write(url, 1)
    own_postgres.restart()
    write(socket_url, 2)
    own_postgres.kill()
    own_postgres.start()
    assert own_postgres.url == url
    assert rows(url) == [(1,), (2,)]


def test_another_server_object_finds_the_same_data(own_postgres: EmbeddedPostgres) -> None:
    own_postgres.start()
    write(own_postgres.url, 1)
    own_postgres.stop()
    with EmbeddedPostgres(own_postgres.data) as again:
        assert rows(again.url) == [(1,)]


def test_the_superusers_password_is_needed_and_readable_by_its_owner_alone(own_postgres: EmbeddedPostgres) -> None:
    own_postgres.start()
    password_file = own_postgres.data / "superuser-password"
    assert stat.S_IMODE(password_file.stat().st_mode) == 0o600
    wrong = own_postgres.url.replace(password_file.read_text().strip(), "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_a_second_server_on_the_same_cluster_is_refused(
    own_postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_postgres.start()
    monkeypatch.setattr(postgres_module, "DYING_S", 0.1)
    with pytest.raises(StackError, match=f"in use by PostgreSQL process {own_postgres.pid}"):
        EmbeddedPostgres(own_postgres.data).start()


def test_a_pid_file_left_by_a_crash_does_not_stop_the_start(own_postgres: EmbeddedPostgres) -> None:
    own_postgres.start()
    own_postgres.stop()
    (own_postgres.data / "cluster" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    own_postgres.start()
    own_postgres.restart()


def test_root_runs_postgres_as_nobody_where_namespaces_are_forbidden(
    stack_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:
        monkeypatch.setattr(postgres_module, "unprivileged_user", lambda: "nobody")
    with EmbeddedPostgres(stack_home / "as-nobody") as server:
        assert psutil.Process(server.pid).uids().effective != 0
        write(server.url, 1)
        server.restart()
        assert rows(server.url) == [(1,)]


def test_root_is_told_which_folder_is_closed_to_nobody(
    own_postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        assert unprivileged_user() == "same"
        return
    monkeypatch.setattr(postgres_module, "unprivileged_user", lambda: "nobody")
    closed = own_postgres.data.parents[1]
    mode = closed.stat().st_mode
    closed.chmod(0o700)
    with pytest.raises(StackError, match=f"{closed} is closed to others"):
        EmbeddedPostgres(own_postgres.data).start()
    closed.chmod(mode)


def test_a_broken_configuration_is_shown_with_the_end_of_the_log(own_postgres: EmbeddedPostgres) -> None:
    own_postgres.start()
    own_postgres.stop()
    with (own_postgres.data / "cluster" / "postgresql.conf").open("a") as configuration:
        configuration.write("max_wal_size = 'plenty'\n")
    with pytest.raises(StackError, match=r'invalid value for parameter "max_wal_size"'):
        own_postgres.start()


def test_each_test_has_a_database_of_its_own(database_url: str, pg_admin_url: str) -> None:
    write(database_url, 1)
    assert rows(database_url) == [(1,)]
    with psycopg.connect(pg_admin_url) as admin:
        assert admin.execute("SELECT to_regclass('kept')").fetchone() == (None,)


def make_topic(broker: EmbeddedKafka, name: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    admin.close()


def send(broker: EmbeddedKafka, topic: str, value: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
    producer.send(topic, value).get(timeout=30)
    producer.close()


def values(broker: EmbeddedKafka, topic: str) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, group_id=None, auto_offset_reset="earliest")
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    end = consumer.end_offsets([partition])[partition]
    found: list[bytes] = []

    def read_all() -> bool:
        found.extend(record.value for records in consumer.poll(500).values() for record in records)
        return bool(len(found) >= end)

    assert wait_until(read_all, 60)
    consumer.close()
    return found


def test_kafka_serves_the_session(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    make_topic(kafka, topic_prefix + "kept")
    send(kafka, topic_prefix + "kept", b"one")
    assert values(kafka, topic_prefix + "kept") == [b"one"]


def test_kafka_keeps_its_address_and_data_over_a_restart_a_crash_and_a_taken_port(stack_home: Path) -> None:
    with EmbeddedKafka(stack_home / "own-kafka", default_cache(), heap_mb=256) as broker:
        address = broker.bootstrap
        make_topic(broker, "kept")
        send(broker, "kept", b"one")
        broker.restart()
        send(broker, "kept", b"two")
        broker.kill()
        broker.start()
        assert broker.bootstrap == address
        assert values(broker, "kept") == [b"one", b"two"]
        broker.stop()
        with socket.socket() as thief:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            thief.bind(("127.0.0.1", int(address.split(":")[1])))
            thief.listen()
            broker.start()
            assert broker.bootstrap != address
            assert values(broker, "kept") == [b"one", b"two"]


def test_a_jar_that_is_not_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "_download", lambda folder, pinned: None)
    with pytest.raises(StackError, match=r"\.jar is not the file pinned in kafka-jars\.sha256"):
        broker_jars(tmp_path)


PARENT = """
import sys
from pathlib import Path
from infra.stack.kafka import EmbeddedKafka
from infra.stack.jars import default_cache
from infra.stack.postgres import EmbeddedPostgres
from concurrent.futures import ThreadPoolExecutor
home = Path(sys.argv[1])
kafka = EmbeddedKafka(home / "kafka", default_cache(), heap_mb=256)
servers = [EmbeddedPostgres(home / "postgres", fsync=False), kafka]
with ThreadPoolExecutor() as pool:
    list(pool.map(lambda server: server.start(), servers))
print(*(server.pid for server in servers), flush=True)
sys.stdin.read()
"""


def test_a_killed_parent_leaves_no_server(stack_home: Path) -> None:
    parent = subprocess.Popen(
        [PYTHON, "-c", PARENT, str(stack_home / "orphans")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    servers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
    assert len(servers) == 2
    family = servers + [child for server in servers for child in server.children(recursive=True)]
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == []


def test_a_child_outlives_the_thread_that_started_it_but_not_a_stop(tmp_path: Path) -> None:
    child = spawn([PYTHON, "-c", "import signal; signal.pause()"], tmp_path / "log")
    assert child.poll() is None
    assert stop(child, (signal.SIGTERM, 60)) == -signal.SIGTERM


def test_a_child_that_ignores_the_polite_signal_is_killed(tmp_path: Path) -> None:
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    child = spawn([PYTHON, "-c", stubborn], tmp_path / "log")
    assert wait_until(lambda: "deaf" in (tmp_path / "log").read_text(), 60)
    assert stop(child, (signal.SIGTERM, 0.2)) == -signal.SIGKILL


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    child = spawn(["/no/such/program"], tmp_path / "log")
    assert child.wait(60) == 1
    assert "/no/such/program can't be started: No such file or directory" in (tmp_path / "log").read_text()


def test_a_port_with_a_listener_is_not_free() -> None:
    port = free_port()
    assert port_is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not port_is_free(port)

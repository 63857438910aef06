"""`saferweho`: every process and every task of running the watch center.

Exit codes: 0 good, 1 the checked thing is not good, 2 wrong use. Figures are printed as JSON with `--json`.
"""

from __future__ import annotations

from typing import Any

import click

from api.cli import cameras, footage, looking_after, processes, set_up

EPILOG = "Settings come from the environment; the README lists every one."
OURS = ("adapters", "api", "application", "domain", "infra", "projections")


def _in_words(error: Exception) -> str | None:
    """What is wrong and what to do, where that is known; None for what only a traceback explains."""
    import psycopg
    from kafka.errors import KafkaError

    from adapters.event_store.connection import explain

    if isinstance(error, psycopg.OperationalError):
        return f"PostgreSQL (DATABASE_URL): {explain(error)}"
    if isinstance(error, psycopg.Error):
        return f"PostgreSQL: {explain(error)}"
    if isinstance(error, KafkaError):
        return f"Kafka (KAFKA_BOOTSTRAP_SERVERS): {error}"
    if isinstance(error, OSError) or type(error).__module__.partition(".")[0] in OURS:
        return str(error)
    return None


class _Verbs(click.Group):
    """What is away or not as it must be is told in a line, with exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            words = _in_words(error)
            if words is None:
                raise
            raise click.ClickException(words) from error


@click.group(
    cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}, epilog=EPILOG
)
@click.version_option(package_name="saferweho")
def main() -> None:
    """Safer WeHo's watch center: nobody sees anything without leaving a record that anyone can verify.

    \b
    saferweho dev                         everything on this machine, with a demonstration
    saferweho token --as watch_operator   a bearer token for scripts (development)
    saferweho reconcile                   do store, log and read models agree?
    """


for verb in (*processes.VERBS, *set_up.VERBS, *footage.VERBS, *cameras.VERBS, *looking_after.VERBS):
    main.add_command(verb)

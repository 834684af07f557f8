"""Rows of webhooks and of what is on its way to them."""

import asyncio
import json
from typing import Any

from msgspec import Struct

from hub.store.writer import Writer, together

KEPT = 100
"""Deliveries of one webhook whose outcome is kept."""

_COLUMNS = 'id, hook, "user", event, body, state, tries, due, created, finished, status, error'
_ADD = f"""INSERT INTO deliveries ({_COLUMNS}) SELECT ?,?,?,?,?,?,?,?,?,?,?,?
    WHERE EXISTS (SELECT 1 FROM webhooks WHERE id = ?)"""  # noqa: S608
_PRUNE = """DELETE FROM deliveries WHERE hook = ? AND state != 'waiting' AND created < (SELECT created
    FROM deliveries WHERE hook = ? AND state != 'waiting' ORDER BY created DESC LIMIT 1 OFFSET ?)"""


class WebhookRow(Struct, frozen=True):
    """An address of `user` that is told of `events`; `created` in unix milliseconds, `wanted` the webhooks
    room's JSON of which jobs it is told of."""

    id: str
    user: str
    url: str
    events: tuple[str, ...]
    created: int
    wanted: str = "{}"


class DeliveryRow(Struct, frozen=True):
    """An event on its way to a webhook: `state` waiting, delivered or failed; `tries` so far; `due` when the
    next one is, all times in unix milliseconds; `body` None once it is over; `status` of the last answer,
    0 for none; `error` a sentence or ""."""

    id: str
    hook: str
    user: str
    event: str
    body: bytes | None
    state: str
    tries: int
    due: int
    created: int
    finished: int | None = None
    status: int = 0
    error: str = ""


class Webhooks:
    """Functions of both tables."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def add(self, row: WebhookRow) -> asyncio.Future[int]:
        """Write a new webhook."""
        values = (row.id, row.user, row.url, json.dumps(row.events), row.created, row.wanted)
        sql = 'INSERT INTO webhooks (id, "user", url, events, created, wanted) VALUES (?,?,?,?,?,?)'
        return self._writer.execute(sql, values)

    def delete(self, hook: str) -> asyncio.Future[int]:
        """Remove a webhook with all that was on its way to it; 1 when there was one."""
        return self._writer.write(
            together(
                lambda db: db.execute("DELETE FROM deliveries WHERE hook = ?", (hook,)),
                lambda db: db.execute("DELETE FROM webhooks WHERE id = ?", (hook,)).rowcount,
            )
        )

    def all(self) -> list[WebhookRow]:
        """Every user's, oldest first: read once, at the start."""
        sql = 'SELECT id, "user", url, events, created, wanted FROM webhooks ORDER BY created'
        return [
            WebhookRow(row[0], row[1], row[2], tuple(json.loads(row[3])), row[4], row[5])
            for row in self._writer.many(sql)
        ]

    def send(self, row: DeliveryRow) -> asyncio.Future[int]:
        """Write a delivery; 1 once it is durable, 0 when its webhook is gone."""
        values: tuple[Any, ...] = (
            row.id,
            row.hook,
            row.user,
            row.event,
            row.body,
            row.state,
            row.tries,
            row.due,
            row.created,
            row.finished,
            row.status,
            row.error,
            row.hook,
        )
        return self._writer.execute(_ADD, values)

    def postpone(self, delivery: str, due: int, tries: int, status: int, error: str) -> asyncio.Future[int]:
        """Write that a try failed and when the next one is."""
        sql = "UPDATE deliveries SET due = ?, tries = ?, status = ?, error = ? WHERE id = ?"
        return self._writer.execute(sql, (due, tries, status, error, delivery))

    def finish(self, row: DeliveryRow) -> asyncio.Future[int]:
        """Write the outcome; the oldest outcomes of its webhook beyond `KEPT` go."""
        values = (row.state, row.tries, row.finished, row.status, row.error, row.id)
        sql = (
            "UPDATE deliveries SET body = NULL, state = ?, tries = ?, finished = ?, status = ?, error = ? "
            "WHERE id = ?"
        )
        return self._writer.write(
            together(
                lambda db: db.execute(sql, values),
                lambda db: db.execute(_PRUNE, (row.hook, row.hook, KEPT - 1)),
            )
        )

    def waiting(self) -> list[tuple[str, str, str, int]]:
        """(id, hook, user, due) of every delivery that is not over, oldest first: read at the start."""
        sql = "SELECT id, hook, \"user\", due FROM deliveries WHERE state = 'waiting' ORDER BY created"
        return [(row[0], row[1], row[2], row[3]) for row in self._writer.many(sql)]

    def delivery(self, delivery: str) -> DeliveryRow | None:
        """One delivery, or None."""
        row = self._writer.one(f"SELECT {_COLUMNS} FROM deliveries WHERE id = ?", (delivery,))  # noqa: S608
        return None if row is None else DeliveryRow(*row)

    def of_hook(self, hook: str, limit: int) -> list[DeliveryRow]:
        """The newest deliveries of a webhook, without their bodies."""
        columns = _COLUMNS.replace("body", "NULL")
        sql = f"SELECT {columns} FROM deliveries WHERE hook = ? ORDER BY created DESC LIMIT ?"  # noqa: S608
        return [DeliveryRow(*row) for row in self._writer.many(sql, (hook, limit))]

"""Webhooks: addresses of the caller that are told what happens to the caller's jobs."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.webhooks import Hooks
from hub.wire import Body, own

FLAG = "manage_webhooks"
FILTER = (
    "`filter`: an object of lists; what is told passes each of them. `models`: names, or folders with a `/` "
    "at their end. `states`: of `done`, `failed`, `cancelled`, for `ended` alone. `sessions`: ids or their "
    "first eight characters. `words`: all of them stand in the prompt."
)


class WebhookView(Struct, frozen=True):
    """A webhook: `events` it is told, `created` in unix seconds, how many deliveries wait for a try, how many
    events since the start were not sent because too many waited, and the `filter` as it was given."""

    webhook: str
    url: str
    events: list[str]
    created: float
    waiting: int
    dropped: int
    filter: dict[str, list[str]]


class WebhooksOut(Struct, frozen=True):
    """The caller's webhooks, oldest first."""

    webhooks: list[WebhookView]


class WebhookIn(Struct, frozen=True):
    """Which webhook."""

    webhook: Annotated[str, Meta(description="The webhook's id.")]


class NewWebhookIn(Struct, frozen=True):
    """Whom to tell of what."""

    url: Annotated[str, Meta(description="The address that is sent a POST.")]
    raw: Annotated[Body, Meta(description=FILTER)]
    events: Annotated[
        list[str],
        Meta(
            max_length=16,
            description="Of `queued`, `imaged`, `image_failed`, `image_cancelled`, `ended`; none: all.",
        ),
    ] = []


class NewWebhookOut(Struct, frozen=True):
    """The new webhook's id, and the secret its signatures are made with: shown this once."""

    webhook: str
    secret: str
    events: list[str]


class DeletedOut(Struct, frozen=True):
    """The webhook is gone, with everything that was on its way to it."""

    success: bool = True


class TrialOut(Struct, frozen=True):
    """Whether the receiver took it, the status of its answer (0: none came), what was wrong, the time."""

    delivered: bool
    status: int
    error: str
    milliseconds: int


class LogIn(Struct, frozen=True):
    """Which webhook's deliveries."""

    webhook: Annotated[str, Meta(description="The webhook's id.")]
    limit: Annotated[int, Meta(ge=1, le=100, description="How many at most.")] = 100


class DeliveryView(Struct, frozen=True):
    """A delivery: `state` waiting, delivered or failed; `tries` so far; times in unix seconds, `due` that of
    the next try; the last answer's `status` (0: none came), and what was wrong."""

    delivery: str
    event: str
    state: str
    tries: int
    created: float
    due: float | None
    finished: float | None
    status: int
    error: str


class LogOut(Struct, frozen=True):
    """Deliveries, newest first."""

    deliveries: list[DeliveryView]


@own("/webhooks", permission=FLAG)
async def list_webhooks(caller: Caller, hooks: Hooks) -> WebhooksOut:
    """The caller's webhooks."""
    return WebhooksOut(
        [
            WebhookView(
                row.id,
                row.url,
                list(row.events),
                row.created / 1000,
                hooks.waiting(row.id),
                hooks.dropped(row.id),
                msgspec.to_builtins(hooks.wanted(row.id)),
            )
            for row in hooks.of(caller.user)
        ]
    )


@own("/webhooks/create", permission=FLAG)
async def create_webhook(caller: Caller, given: NewWebhookIn, hooks: Hooks) -> NewWebhookOut:
    """Name an address that is told what happens to the caller's jobs from now on."""
    row, secret = await hooks.create(caller.user, given.url, tuple(given.events), given.raw.get("filter"))
    return NewWebhookOut(row.id, secret, list(row.events))


@own("/webhooks/delete", permission=FLAG)
async def delete_webhook(caller: Caller, given: WebhookIn, hooks: Hooks) -> DeletedOut:
    """Remove a webhook of the caller."""
    await hooks.delete(caller.user, given.webhook)
    return DeletedOut()


@own("/webhooks/test", permission=FLAG, active=True)
async def test_webhook(caller: Caller, given: WebhookIn, hooks: Hooks) -> TrialOut:
    """Send the event `test` to a webhook of the caller now, once, and wait for what comes of it."""
    trial = await hooks.test(caller.user, given.webhook)
    return TrialOut(200 <= trial.status < 300, trial.status, trial.error, trial.milliseconds)


@own("/webhooks/deliveries", permission=FLAG)
async def list_deliveries(caller: Caller, given: LogIn, hooks: Hooks) -> LogOut:
    """What was sent to a webhook of the caller, and what came of it."""
    return LogOut(
        [
            DeliveryView(
                row.id,
                row.event,
                row.state,
                row.tries,
                row.created / 1000,
                row.due / 1000 if row.state == "waiting" else None,
                None if row.finished is None else row.finished / 1000,
                row.status,
                row.error,
            )
            for row in hooks.log(caller.user, given.webhook, given.limit)
        ]
    )

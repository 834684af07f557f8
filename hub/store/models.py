"""The tables. Private to the store: other rooms see the frozen rows of its functions.

Times are unix milliseconds. There are no foreign keys on purpose: a user's rows are removed by name in one
transaction, and a table rebuild of a migration can then never cascade into another table.
A column added later needs `db_default`, or migrating a table that has rows fails. The docstrings become
comments of the tables and must hold no semicolon: Tortoise 1.1.9 cuts the statement there.
"""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class UserTable(Model):
    """One account. `roles` and `settings` are JSON texts (a list of names, dotted key to value)."""

    name = fields.CharField(max_length=100, primary_key=True)
    password = fields.TextField(db_default="")
    password_by_admin = fields.BooleanField(db_default=False)
    roles = fields.TextField(db_default="[]")
    settings = fields.TextField(db_default="{}")
    created = fields.BigIntField(db_default=0)
    last_active = fields.BigIntField(db_default=0)
    oauth_email = fields.TextField(db_default="")

    class Meta:
        table = "users"


class IdentityTable(Model):
    """Who an OpenID Connect issuer knows as `subject`, and which account that is here."""

    id = fields.IntField(primary_key=True)
    issuer = fields.CharField(max_length=400)
    subject = fields.CharField(max_length=255)
    user = fields.CharField(max_length=100, db_index=True)
    created = fields.BigIntField(db_default=0)

    class Meta:
        table = "identities"
        unique_together = (("issuer", "subject"),)


class DepartureTable(Model):
    """An account that is being deleted, until nothing of it is left. `id` names the folder its pictures wait
    in, `aside` whether they are kept there."""

    name = fields.CharField(max_length=100, primary_key=True)
    id = fields.CharField(max_length=32)
    aside = fields.BooleanField(db_default=False)
    begun = fields.BigIntField(db_default=0)

    class Meta:
        table = "departures"


class SessionTable(Model):
    """One browser tab or client. `digest` is the SHA-256 of the session id in hex, which is itself never
    kept."""

    digest = fields.CharField(max_length=64, primary_key=True)
    user = fields.CharField(max_length=100)
    token = fields.CharField(max_length=32, db_default="")
    created = fields.BigIntField(db_default=0)
    last_used = fields.BigIntField(db_default=0)
    address = fields.TextField(db_default="")
    user_agent = fields.TextField(db_default="")

    class Meta:
        table = "sessions"


class TokenTable(Model):
    """One sign-in or personal API token. `digest` is the SHA-256 of its secret, in hex. `flags` is a JSON
    list of the only flags it has, or empty for all of its user's, `expires` 0 for never."""

    id = fields.CharField(max_length=32, primary_key=True)
    user = fields.CharField(max_length=100)
    digest = fields.CharField(max_length=64)
    reason = fields.TextField(db_default="")
    created = fields.BigIntField(db_default=0)
    last_active = fields.BigIntField(db_default=0)
    address = fields.TextField(db_default="")
    user_agent = fields.TextField(db_default="")
    flags = fields.TextField(db_default="")
    expires = fields.BigIntField(db_default=0)

    class Meta:
        table = "tokens"


class RoleTable(Model):
    """One role. Lists are JSON texts. Of the queue's limits 0 is none."""

    id = fields.CharField(max_length=100, primary_key=True)
    name = fields.TextField(db_default="")
    description = fields.TextField(db_default="")
    flags = fields.TextField(db_default="[]")
    model_whitelist = fields.TextField(db_default="[]")
    model_blacklist = fields.TextField(db_default="[]")
    max_outpath_depth = fields.IntField(db_default=5)
    max_t2i_simultaneous = fields.IntField(db_default=32)
    allow_unsafe_outpaths = fields.BooleanField(db_default=False)
    automatic = fields.BooleanField(db_default=False)
    check_content = fields.BooleanField(db_default=False)
    max_images_at_once = fields.IntField(db_default=0)
    max_queued = fields.IntField(db_default=0)
    max_per_day = fields.IntField(db_default=0)
    max_pixels = fields.BigIntField(db_default=0)
    max_steps = fields.IntField(db_default=0)
    max_files = fields.BigIntField(db_default=0)
    max_storage_mib = fields.BigIntField(db_default=0)

    class Meta:
        table = "roles"


class PresetTable(Model):
    """One preset of a user. `key` is the lower-case title, `preview` JPEG bytes or null."""

    id = fields.IntField(primary_key=True)
    user = fields.CharField(max_length=100)
    key = fields.TextField()
    title = fields.TextField()
    author = fields.TextField(db_default="")
    description = fields.TextField(db_default="")
    is_starred = fields.BooleanField(db_default=False)
    param_map = fields.TextField(db_default="{}")
    preview = fields.BinaryField(null=True)
    preview_path = fields.TextField(db_default="")
    preview_metadata = fields.TextField(db_default="")
    edits = fields.IntField(db_default=0)

    class Meta:
        table = "presets"
        unique_together = (("user", "key"),)


class UserDataTable(Model):
    """Small texts by (user, kind, name): stars, preset links, keys. The user "" is the server itself."""

    id = fields.IntField(primary_key=True)
    user = fields.CharField(max_length=100)
    kind = fields.CharField(max_length=100)
    name = fields.TextField()
    text = fields.TextField(db_default="")
    updated = fields.BigIntField(db_default=0)

    class Meta:
        table = "user_data"
        unique_together = (("user", "kind", "name"),)


class JobTable(Model):
    """One accepted request. `request` is the jobs room's encoding of it, emptied once nothing can be drawn
    from it any more. `place` orders a user's jobs (0: by number), `made` counts the pictures of an ended job.
    `ends` has a line of JSON for each image that was cancelled or failed."""

    id = fields.CharField(max_length=32, primary_key=True)
    user = fields.CharField(max_length=100)
    session = fields.CharField(max_length=64, db_default="")
    request_id = fields.BigIntField()
    state = fields.CharField(max_length=16, db_index=True)
    images = fields.IntField()
    created = fields.BigIntField()
    finished = fields.BigIntField(null=True)
    request = fields.BinaryField(null=True)
    error = fields.TextField(db_default="")
    priority = fields.IntField(db_default=0)
    place = fields.BigIntField(db_default=0)
    made = fields.IntField(null=True)
    ends = fields.TextField(db_default="")

    class Meta:
        table = "jobs"
        unique_together = (("user", "request_id"),)
        indexes = (Index(fields=("user", "created"), name="idx_jobs_user_created"),)


class ImageTable(Model):
    """One finished picture. `path` is relative to the user's output folder, with '/'."""

    id = fields.BigIntField(primary_key=True)
    job = fields.CharField(max_length=32, db_index=True)
    index = fields.IntField()
    user = fields.CharField(max_length=100)
    path = fields.TextField()
    created = fields.BigIntField()
    model = fields.TextField(db_default="")
    prompt = fields.TextField(db_default="")
    metadata = fields.TextField(null=True)
    width = fields.IntField(db_default=0)
    height = fields.IntField(db_default=0)
    bytes = fields.BigIntField(db_default=0)
    starred = fields.BooleanField(db_default=False)

    class Meta:
        table = "images"
        unique_together = (("user", "path"),)
        indexes = (Index(fields=("user", "created", "id")),)


class WebhookTable(Model):
    """An address that is told what happens to a user's jobs. `events` is a JSON list of names, `wanted` JSON
    of which jobs it is told of."""

    id = fields.CharField(max_length=32, primary_key=True)
    user = fields.CharField(max_length=100, db_index=True)
    url = fields.TextField()
    events = fields.TextField(db_default="[]")
    created = fields.BigIntField(db_default=0)
    wanted = fields.TextField(db_default="{}")

    class Meta:
        table = "webhooks"


class DeliveryTable(Model):
    """One event on its way to a webhook. `body` is what is sent, emptied once that is over."""

    id = fields.CharField(max_length=32, primary_key=True)
    hook = fields.CharField(max_length=32)
    user = fields.CharField(max_length=100, db_index=True)
    event = fields.CharField(max_length=32)
    body = fields.BinaryField(null=True)
    state = fields.CharField(max_length=16, db_index=True)
    tries = fields.IntField(db_default=0)
    due = fields.BigIntField(db_default=0)
    created = fields.BigIntField(db_default=0)
    finished = fields.BigIntField(null=True)
    status = fields.IntField(db_default=0)
    error = fields.TextField(db_default="")

    class Meta:
        table = "deliveries"
        indexes = (Index(fields=("hook", "created"), name="idx_deliveries_hook_created"),)


class EngineTable(Model):
    """One configured engine. `settings` is JSON of what differs from its type's defaults, `secrets` the
    encrypted JSON of those that are never shown."""

    id = fields.IntField(primary_key=True)
    type = fields.CharField(max_length=100)
    title = fields.TextField(db_default="")
    enabled = fields.BooleanField(db_default=True)
    settings = fields.TextField(db_default="{}")
    secrets = fields.TextField(db_default="")

    class Meta:
        table = "engines"


class RunTable(Model):
    """One grid or image batch that is not over. `plan` is its room's encoding of all that is to be done."""

    id = fields.CharField(max_length=32, primary_key=True)
    user = fields.CharField(max_length=100, db_index=True)
    session = fields.CharField(max_length=64, db_default="")
    kind = fields.CharField(max_length=16)
    created = fields.BigIntField(db_default=0)
    plan = fields.BinaryField()

    class Meta:
        table = "runs"

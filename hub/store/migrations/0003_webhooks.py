from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("store", "0002_queue")]

    operations = [
        ops.CreateModel(
            name="WebhookTable",
            fields=[
                ("id", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=32)),
                ("user", fields.CharField(db_index=True, max_length=100)),
                ("url", fields.TextField(unique=False)),
                ("events", fields.TextField(db_default="[]", unique=False)),
                ("created", fields.BigIntField(db_default=0)),
            ],
            options={
                "table": "webhooks",
                "app": "store",
                "pk_attr": "id",
                "table_description": "An address that is told what happens to a user's jobs. `events` is a JSON list of names.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DeliveryTable",
            fields=[
                ("id", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=32)),
                ("hook", fields.CharField(max_length=32)),
                ("user", fields.CharField(db_index=True, max_length=100)),
                ("event", fields.CharField(max_length=32)),
                ("body", fields.BinaryField(null=True)),
                ("state", fields.CharField(db_index=True, max_length=16)),
                ("tries", fields.IntField(db_default=0)),
                ("due", fields.BigIntField(db_default=0)),
                ("created", fields.BigIntField(db_default=0)),
                ("finished", fields.BigIntField(null=True)),
                ("status", fields.IntField(db_default=0)),
                ("error", fields.TextField(db_default="", unique=False)),
            ],
            options={
                "table": "deliveries",
                "app": "store",
                "pk_attr": "id",
                "indexes": [Index(fields=["hook", "created"], name="idx_deliveries_hook_created")],
                "table_description": "One event on its way to a webhook. `body` is what is sent, emptied once that is over.",
            },
            bases=["Model"],
        ),
    ]

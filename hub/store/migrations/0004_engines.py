from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("store", "0003_webhooks")]

    operations = [
        ops.CreateModel(
            name="EngineTable",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("type", fields.CharField(max_length=100)),
                ("title", fields.TextField(db_default="", unique=False)),
                ("enabled", fields.BooleanField(db_default=True)),
                ("settings", fields.TextField(db_default="{}", unique=False)),
                ("secrets", fields.TextField(db_default="", unique=False)),
            ],
            options={
                "table": "engines",
                "app": "store",
                "pk_attr": "id",
                "table_description": "One configured engine. `settings` is JSON of what differs from its type's defaults, `secrets` the encrypted JSON of those that are never shown.",
            },
            bases=["Model"],
        ),
    ]

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("store", "0007_departures")]

    operations = [
        ops.CreateModel(
            name="RunTable",
            fields=[
                ("id", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=32)),
                ("user", fields.CharField(db_index=True, max_length=100)),
                ("session", fields.CharField(db_default="", max_length=64)),
                ("kind", fields.CharField(max_length=16)),
                ("created", fields.BigIntField(db_default=0)),
                ("plan", fields.BinaryField()),
            ],
            options={
                "table": "runs",
                "app": "store",
                "pk_attr": "id",
                "table_description": "One grid or image batch that is not over. `plan` is its room's encoding of all that is to be done.",
            },
            bases=["Model"],
        ),
    ]

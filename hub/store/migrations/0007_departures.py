from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("store", "0006_tokens_and_storage")]

    operations = [
        ops.AddField(
            model_name="UserTable",
            name="oauth_email",
            field=fields.TextField(db_default="", unique=False),
        ),
        ops.CreateModel(
            name="IdentityTable",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("issuer", fields.CharField(max_length=400)),
                ("subject", fields.CharField(max_length=255)),
                ("user", fields.CharField(db_index=True, max_length=100)),
                ("created", fields.BigIntField(db_default=0)),
            ],
            options={
                "table": "identities",
                "app": "store",
                "pk_attr": "id",
                "unique_together": (("issuer", "subject"),),
                "table_description": "Who an OpenID Connect issuer knows as `subject`, and which account that is here.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DepartureTable",
            fields=[
                ("name", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=100)),
                ("id", fields.CharField(max_length=32)),
                ("aside", fields.BooleanField(db_default=False)),
                ("begun", fields.BigIntField(db_default=0)),
            ],
            options={
                "table": "departures",
                "app": "store",
                "pk_attr": "name",
                "table_description": "An account that is being deleted, until nothing of it is left. `id` names the folder its pictures wait in, `aside` whether they are kept there.",
            },
            bases=["Model"],
        ),
    ]

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("store", "0004_engines")]

    operations = [
        ops.AddField(
            model_name="WebhookTable", name="wanted", field=fields.TextField(db_default="{}", unique=False)
        ),
    ]

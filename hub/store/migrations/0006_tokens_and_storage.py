from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("store", "0005_webhook_filter")]

    operations = [
        ops.AddField("TokenTable", "flags", fields.TextField(db_default="", unique=False)),
        ops.AddField("TokenTable", "expires", fields.BigIntField(db_default=0)),
        ops.AddField("RoleTable", "max_files", fields.BigIntField(db_default=0)),
        ops.AddField("RoleTable", "max_storage_mib", fields.BigIntField(db_default=0)),
    ]

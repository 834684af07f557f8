from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("store", "0008_runs")]

    operations = [
        ops.AddField("RoleTable", "check_content", fields.BooleanField(db_default=False)),
    ]

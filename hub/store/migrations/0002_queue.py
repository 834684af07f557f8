from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("store", "0001_initial")]

    operations = [
        ops.AddField("RoleTable", "max_images_at_once", fields.IntField(db_default=0)),
        ops.AddField("RoleTable", "max_queued", fields.IntField(db_default=0)),
        ops.AddField("RoleTable", "max_per_day", fields.IntField(db_default=0)),
        ops.AddField("RoleTable", "max_pixels", fields.BigIntField(db_default=0)),
        ops.AddField("RoleTable", "max_steps", fields.IntField(db_default=0)),
        ops.AddField("JobTable", "priority", fields.IntField(db_default=0)),
        ops.AddField("JobTable", "place", fields.BigIntField(db_default=0)),
        ops.AddField("JobTable", "made", fields.IntField(null=True)),
        ops.AddField("JobTable", "ends", fields.TextField(db_default="", unique=False)),
        ops.AddIndex("JobTable", Index(fields=("user", "created"), name="idx_jobs_user_created")),
    ]

"""What row-level security does not bind: nobody has it. The policies themselves: test_database.py."""

import psycopg
import pytest

from oblivion_platform.database.roles import RELAY, SERVICE_ROLES
from oblivion_platform.testing import FreshDatabase

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
UNBOUND = ("TRUNCATE", "REFERENCES", "TRIGGER")
OWNERS_VIEWS = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')
      AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)
"""
OWNERS_FUNCTIONS = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"


@pytest.mark.parametrize("role", [*SERVICE_ROLES, RELAY])
def test_no_role_may_empty_a_table_or_refer_to_its_rows(database: FreshDatabase, role: str) -> None:
    with psycopg.connect(database.admin_url) as admin:
        tables = [name for (name,) in admin.execute(TABLES).fetchall()]
        held = [
            (table, right)
            for table in tables
            for right in UNBOUND
            if admin.execute("SELECT has_table_privilege(%s, %s, %s)", (role, table, right)).fetchone()
            != (False,)
        ]
    assert "inbound_events" in tables
    assert held == []


def test_no_view_and_no_function_reads_with_its_owners_rights(database: FreshDatabase) -> None:
    with psycopg.connect(database.admin_url) as admin:
        assert admin.execute(OWNERS_VIEWS).fetchall() == []
        assert admin.execute(OWNERS_FUNCTIONS).fetchall() == []

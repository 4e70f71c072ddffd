"""A source of webhooks that a later version brings: its installations and secrets are rows like any other."""

from uuid import uuid4

import psycopg

from oblivion_platform.testing import FreshDatabase


def test_the_tables_take_a_source_that_no_migration_names(database: FreshDatabase) -> None:
    tenant, integration = uuid4(), uuid4()
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("INSERT INTO tenants (id, slug, name) VALUES (%s, 'acme', 'Acme')", (tenant,))
        admin.execute(
            "INSERT INTO integrations (id, tenant_id, source, external_id) VALUES (%s, %s, 'forge', 'octo')",
            (integration, tenant),
        )
        admin.execute(
            "INSERT INTO signing_secrets (id, tenant_id, integration_id, source, lookup_key, ciphertext)"
            " VALUES (%s, %s, %s, 'forge', 'forge:octo', %s)",
            (uuid4(), tenant, integration, b"sealed"),
        )
        found = admin.execute("SELECT source FROM signing_secrets WHERE lookup_key = 'forge:octo'").fetchall()
    assert found == [("forge",)]

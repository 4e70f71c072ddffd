-- Tools: connections to tool servers, their pinned definitions, their calls. Row-level security as in 0001.

-- One tool server of a tenant: a built-in provider, or any MCP server by URL (`provider` is `mcp`).
CREATE TABLE mcp_connections (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    -- What its tools' names begin with: `{name}__{tool}`.
    name text NOT NULL CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$'),
    provider text NOT NULL,
    -- Of an MCP server; of a built-in provider, in place of the vendor's own address.
    url text,
    -- What the provider's form asks for, and no secret.
    settings jsonb NOT NULL DEFAULT '{}',
    -- What it returns counts as said by a member, and what it says of its tools is believed.
    is_trusted boolean NOT NULL DEFAULT false,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled', 'deleted')),
    -- What the last test or failure said: {ok, detail, account, rights, rate_limit_left, at}.
    health jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK (provider <> 'mcp' OR url IS NOT NULL),
    UNIQUE (tenant_id, id)
);
CREATE UNIQUE INDEX mcp_connections_name ON mcp_connections (tenant_id, name) WHERE state <> 'deleted';

-- A tool as it was first seen. While what its server says of it differs, it is not offered.
CREATE TABLE tool_pins (
    tenant_id uuid NOT NULL REFERENCES tenants,
    connection_id uuid NOT NULL,
    tool text NOT NULL,
    definition_hash text NOT NULL,
    pinned_at timestamptz NOT NULL DEFAULT now(),
    pinned_by text NOT NULL,
    PRIMARY KEY (tenant_id, connection_id, tool),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES mcp_connections (tenant_id, id)
);

-- Every use of a connection's credential. Names of arguments, never their values.
CREATE TABLE tool_calls (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    connection_id uuid NOT NULL,
    tool text NOT NULL,
    caller text NOT NULL,
    run_id uuid,
    -- The lowest of the people whose words were in the run's context: member, guest, outsider.
    trust text NOT NULL,
    is_write boolean NOT NULL,
    arguments text[] NOT NULL DEFAULT '{}',
    -- The answer that allowed it; an answer allows one call.
    approval_id uuid,
    state text NOT NULL DEFAULT 'started' CHECK (state IN ('started', 'succeeded', 'failed')),
    code text,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    elapsed_ms integer,
    FOREIGN KEY (tenant_id, connection_id) REFERENCES mcp_connections (tenant_id, id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id)
);
CREATE INDEX tool_calls_of_run ON tool_calls (tenant_id, run_id) WHERE run_id IS NOT NULL;
CREATE INDEX tool_calls_listing ON tool_calls (tenant_id, at DESC, id);
CREATE UNIQUE INDEX tool_calls_approval ON tool_calls (tenant_id, approval_id) WHERE approval_id IS NOT NULL;

-- A connection's key or token stands among the other credentials.
ALTER TABLE credentials ADD COLUMN connection_id uuid;
ALTER TABLE credentials ADD FOREIGN KEY (tenant_id, connection_id) REFERENCES mcp_connections (tenant_id, id);
ALTER TABLE credentials ALTER COLUMN integration_id DROP NOT NULL;
ALTER TABLE credentials ADD CONSTRAINT credentials_of_one CHECK (num_nonnulls(integration_id, connection_id) = 1);
ALTER TABLE credentials DROP CONSTRAINT credentials_kind_check;
ALTER TABLE credentials ADD CONSTRAINT credentials_kind_check CHECK (
    kind IN ('slack_bot_token', 'clickup_token', 'connection_secret')
    AND (kind = 'connection_secret') = (connection_id IS NOT NULL));
CREATE UNIQUE INDEX credentials_one_per_connection ON credentials (tenant_id, connection_id) WHERE state = 'live'
    AND connection_id IS NOT NULL;

-- Whoever keeps a tenant's connections or their tools in memory drops them when it hears of it.
CREATE FUNCTION oblivion_announce_connections() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('mcp_connections', NEW.tenant_id::text);
    RETURN NULL;
END $$;
CREATE TRIGGER mcp_connections_changed
    AFTER INSERT OR UPDATE OF name, provider, url, settings, is_trusted, state, updated_at ON mcp_connections
    FOR EACH ROW EXECUTE FUNCTION oblivion_announce_connections();

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['mcp_connections', 'tool_pins', 'tool_calls']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_isolation ON %I USING (tenant_id = oblivion_tenant())
                        WITH CHECK (tenant_id = oblivion_tenant())', name);
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA public TO oblivion_mcp_hub;
GRANT SELECT ON alembic_version TO oblivion_mcp_hub;
-- Of the credentials the hub opens those of connections, and no other.
CREATE POLICY hub_opens_its_own ON credentials AS RESTRICTIVE TO oblivion_mcp_hub
    USING (connection_id IS NOT NULL) WITH CHECK (connection_id IS NOT NULL);
GRANT SELECT ON tenants, tenant_keys, users, agents, runs, mcp_connections, tool_pins, tool_calls, credentials,
    approvals, web_sessions TO oblivion_mcp_hub;
GRANT SELECT (id, tenant_id, public_jwk, state) ON signing_keys TO oblivion_mcp_hub;
GRANT SELECT (tenant_id, session_id, seq, role, user_id, run_id) ON session_messages TO oblivion_mcp_hub;
GRANT INSERT ON mcp_connections, tool_pins, tool_calls, credentials, audit_log TO oblivion_mcp_hub;
GRANT UPDATE ON mcp_connections, tool_pins TO oblivion_mcp_hub;
GRANT UPDATE (state, last_used_at) ON credentials TO oblivion_mcp_hub;
GRANT UPDATE (state, code, elapsed_ms) ON tool_calls TO oblivion_mcp_hub;
GRANT UPDATE (last_seen_at) ON web_sessions TO oblivion_mcp_hub;
-- A step of a run that says which tools are missing, and nothing else of the run.
GRANT UPDATE (last_seq, presented_seq) ON runs TO oblivion_mcp_hub;
GRANT SELECT, INSERT ON run_events TO oblivion_mcp_hub;
GRANT DELETE ON tool_pins TO oblivion_mcp_hub, oblivion_cli;

GRANT SELECT (connection_id) ON credentials TO oblivion_gateway;
GRANT SELECT ON mcp_connections, tool_pins, tool_calls TO oblivion_gateway;
GRANT SELECT, INSERT, UPDATE ON mcp_connections, tool_pins TO oblivion_cli;
GRANT SELECT ON tool_calls TO oblivion_cli;

-- The tenant that the current transaction works for. Unset reads as NULL, and NULL matches no row.
CREATE FUNCTION oblivion_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('oblivion.tenant', true), '')::uuid;

CREATE TABLE tenants (
    id uuid PRIMARY KEY,
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended')),
    -- Raw bodies of inbound events are purged after this many days; dedupe keys stay.
    retention_days integer NOT NULL DEFAULT 30 CHECK (retention_days BETWEEN 1 AND 3650),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A tenant's data keys, wrapped by the master key. `id` is named in the header of every ciphertext.
CREATE TABLE tenant_keys (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    wrapped_key bytea NOT NULL,
    state text NOT NULL DEFAULT 'current' CHECK (state IN ('current', 'previous')),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX tenant_keys_one_current ON tenant_keys (tenant_id) WHERE state = 'current';

CREATE TABLE users (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    name text NOT NULL,
    email text,
    role text NOT NULL DEFAULT 'user' CHECK (role IN ('admin', 'user', 'guest')),
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id)
);

-- Who a user is elsewhere: provider `slack` (subject `T…:U…`), `clickup` (user id), `oidc` (issuer and sub).
CREATE TABLE user_identities (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    user_id uuid NOT NULL,
    provider text NOT NULL,
    subject text NOT NULL,
    display_name text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    UNIQUE (tenant_id, provider, subject)
);

-- A Slack app in one team, or a ClickUp workspace. `external_id` is the team id; `app_id` Slack's api_app_id.
CREATE TABLE integrations (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    source text NOT NULL CHECK (source IN ('slack', 'clickup')),
    external_id text NOT NULL,
    app_id text,
    name text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    -- What the code that talks to it must know and that is no secret: bot user, workspace URL, webhook id.
    config jsonb NOT NULL DEFAULT '{}',
    -- What the watchdog saw last: {status, detail, checked_at, blind_since}.
    health jsonb NOT NULL DEFAULT '{}',
    -- Everything up to here has been seen, by webhook or by a gap-filling fetch.
    seen_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, source, external_id),
    UNIQUE (tenant_id, id)
);

-- What ingestion needs to prove a sender, sealed under a key ring of its own (OBLIVION_SIGNING_KEY).
-- `lookup_key` is what an unverified request names: `slack:{api_app_id}:{team}` or `clickup:{webhook_id}`.
CREATE TABLE signing_secrets (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    integration_id uuid NOT NULL,
    source text NOT NULL CHECK (source IN ('slack', 'clickup')),
    kind text NOT NULL DEFAULT 'signing_secret' CHECK (kind IN ('signing_secret', 'app_token')),
    lookup_key text NOT NULL,
    ciphertext bytea NOT NULL,
    state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'retired')),
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant_id, integration_id) REFERENCES integrations (tenant_id, id)
);
CREATE INDEX signing_secrets_lookup ON signing_secrets (lookup_key) WHERE state = 'live';
CREATE INDEX signing_secrets_integration ON signing_secrets (integration_id) WHERE state = 'live';

CREATE FUNCTION oblivion_announce_signing_secret() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('signing_secrets', coalesce(NEW.lookup_key, OLD.lookup_key));
    RETURN NULL;
END $$;
CREATE TRIGGER signing_secrets_changed AFTER INSERT OR UPDATE OR DELETE ON signing_secrets
    FOR EACH ROW EXECUTE FUNCTION oblivion_announce_signing_secret();

CREATE TABLE credentials (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    integration_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('slack_bot_token', 'clickup_token')),
    ciphertext bytea NOT NULL,
    state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'retired')),
    expires_at timestamptz,
    last_used_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant_id, integration_id) REFERENCES integrations (tenant_id, id)
);
CREATE UNIQUE INDEX credentials_one_live ON credentials (tenant_id, integration_id, kind) WHERE state = 'live';

-- The inbox. `id` is derived from tenant, source and dedupe key, so a repeat collides with the first.
-- No foreign keys: the row is written before anything else is looked at, by a role that can only insert.
CREATE TABLE inbound_events (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    integration_id uuid NOT NULL,
    source text NOT NULL,
    event_type text NOT NULL,
    -- Events of one subject are handled one at a time: `task:{id}` or `thread:{channel}:{thread ts}`.
    subject text NOT NULL,
    dedupe_key text NOT NULL,
    priority smallint NOT NULL,
    -- How it came: `http`, `socket` (Slack Socket Mode) or `gap` (fetched through the API afterwards).
    transport text NOT NULL CHECK (transport IN ('http', 'socket', 'gap')),
    content_type text NOT NULL DEFAULT 'application/json',
    -- Raw, as received; NULL once purged.
    body bytea,
    traceparent text,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL DEFAULT 'received' CHECK (state IN ('received', 'done', 'ignored', 'dead', 'discarded')),
    outcome text,
    attempts integer NOT NULL DEFAULT 0,
    -- [{at, code, message, attempt}], oldest first.
    failures jsonb NOT NULL DEFAULT '[]',
    processed_at timestamptz
);
-- Without id, or the planner takes it for looking up one waiting event and reads all that wait.
CREATE INDEX inbound_events_waiting ON inbound_events (received_at) WHERE state = 'received';
CREATE INDEX inbound_events_subject ON inbound_events (tenant_id, subject) WHERE state = 'received';
CREATE INDEX inbound_events_listing ON inbound_events (tenant_id, received_at DESC, id);

CREATE TABLE project_mappings (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    clickup_integration_id uuid NOT NULL,
    clickup_list_id text NOT NULL,
    clickup_list_name text NOT NULL DEFAULT '',
    slack_integration_id uuid NOT NULL,
    slack_channel_id text NOT NULL,
    slack_channel_name text NOT NULL DEFAULT '',
    options jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'unlinked')),
    -- [{at, code, message}] of the newest problem, such as `not_in_channel`; NULL when all is well.
    problem jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant_id, clickup_integration_id) REFERENCES integrations (tenant_id, id),
    FOREIGN KEY (tenant_id, slack_integration_id) REFERENCES integrations (tenant_id, id),
    UNIQUE (tenant_id, id)
);
CREATE UNIQUE INDEX project_mappings_one_link ON project_mappings
    (tenant_id, clickup_integration_id, clickup_list_id, slack_integration_id, slack_channel_id)
    WHERE state = 'active';
CREATE INDEX project_mappings_channel ON project_mappings (tenant_id, slack_integration_id, slack_channel_id)
    WHERE state = 'active';

-- One ClickUp task shown as one Slack message.
CREATE TABLE task_mappings (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    project_mapping_id uuid NOT NULL,
    clickup_task_id text NOT NULL,
    clickup_task_name text NOT NULL DEFAULT '',
    slack_channel_id text NOT NULL,
    -- NULL until Slack has answered the first post.
    slack_ts text,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'deleted')),
    -- Of what is shown, or on its way to be shown; an edit that changes nothing visible sends nothing.
    content_hash text NOT NULL DEFAULT '',
    -- ClickUp's date_updated (ms) of the state shown; an older state never overwrites a newer one.
    task_updated_ms bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant_id, project_mapping_id) REFERENCES project_mappings (tenant_id, id),
    UNIQUE (tenant_id, project_mapping_id, clickup_task_id),
    UNIQUE (tenant_id, id)
);
CREATE UNIQUE INDEX task_mappings_message ON task_mappings (tenant_id, slack_channel_id, slack_ts)
    WHERE slack_ts IS NOT NULL;
CREATE INDEX task_mappings_task ON task_mappings (tenant_id, clickup_task_id);

-- One comment and its copy: a ClickUp comment shown in the thread, or a thread reply written to the task.
CREATE TABLE mirror_events (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    task_mapping_id uuid NOT NULL,
    origin text NOT NULL CHECK (origin IN ('slack', 'clickup')),
    -- Slack ts or ClickUp comment id of the original, and of the copy once it exists.
    origin_id text NOT NULL,
    copy_id text,
    -- Orders the states of the original: Slack `edited.ts` or ts, ClickUp's date (ms). An older one never wins.
    origin_version text NOT NULL DEFAULT '',
    content_hash text NOT NULL,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'deleted')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant_id, task_mapping_id) REFERENCES task_mappings (tenant_id, id),
    UNIQUE (tenant_id, task_mapping_id, origin, origin_id),
    UNIQUE (tenant_id, id)
);
CREATE INDEX mirror_events_copy ON mirror_events (tenant_id, copy_id) WHERE copy_id IS NOT NULL;

-- Everything that leaves. Effects of one destination leave in the order of `seq`.
CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    integration_id uuid NOT NULL,
    destination text NOT NULL,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    -- A later pending effect with the same key takes the place of an earlier one.
    coalesce_key text,
    priority smallint NOT NULL,
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'sending', 'sent', 'superseded', 'dead', 'discarded')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- While `sending`: nobody else touches it before this. Past it, the answer was lost.
    lease_until timestamptz,
    -- The answer of an attempt was lost: look it up before repeating it.
    unanswered boolean NOT NULL DEFAULT false,
    failures jsonb NOT NULL DEFAULT '[]',
    result jsonb,
    event_id uuid,
    task_mapping_id uuid,
    mirror_event_id uuid,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz,
    FOREIGN KEY (tenant_id, integration_id) REFERENCES integrations (tenant_id, id),
    FOREIGN KEY (tenant_id, task_mapping_id) REFERENCES task_mappings (tenant_id, id),
    FOREIGN KEY (tenant_id, mirror_event_id) REFERENCES mirror_events (tenant_id, id)
);
CREATE INDEX outbox_destination ON outbox (tenant_id, destination, seq) WHERE state IN ('pending', 'sending');
CREATE INDEX outbox_due ON outbox (next_attempt_at) WHERE state IN ('pending', 'sending');
-- What an effect replaces, takes back or waits for belongs to the same task.
CREATE INDEX outbox_unsettled ON outbox (tenant_id, task_mapping_id) WHERE state IN ('pending', 'sending', 'dead');
CREATE INDEX outbox_listing ON outbox (tenant_id, created_at DESC, id);

CREATE TABLE audit_log (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL DEFAULT '',
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_listing ON audit_log (tenant_id, at DESC, id);

-- Row-level security: forced, so that it binds the owner too. One policy for all: the transaction's tenant.
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tenant_keys', 'users', 'user_identities', 'integrations', 'signing_secrets',
        'credentials', 'inbound_events', 'project_mappings', 'task_mappings', 'mirror_events', 'outbox', 'audit_log']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_isolation ON %I USING (tenant_id = oblivion_tenant())
                        WITH CHECK (tenant_id = oblivion_tenant())', name);
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA public TO oblivion_ingestion, oblivion_router_worker, oblivion_cli, oblivion_relay;
GRANT SELECT ON alembic_version TO oblivion_ingestion, oblivion_router_worker, oblivion_cli;

-- Door 1: ingestion inserts into the inbox, for any tenant, and can read none of it.
GRANT INSERT (id, tenant_id, integration_id, source, event_type, subject, dedupe_key, priority, transport,
              content_type, body, traceparent) ON inbound_events TO oblivion_ingestion;
CREATE POLICY ingestion_inserts ON inbound_events FOR INSERT TO oblivion_ingestion WITH CHECK (state = 'received');

-- Door 2: relays and sweepers see which work waits, never what it says.
GRANT SELECT (id, tenant_id, state, priority, received_at) ON inbound_events TO oblivion_relay;
CREATE POLICY relay_sees_waiting ON inbound_events FOR SELECT TO oblivion_relay USING (state = 'received');
GRANT SELECT (id, tenant_id, state, destination, next_attempt_at, lease_until) ON outbox TO oblivion_relay;
CREATE POLICY relay_sees_waiting ON outbox FOR SELECT TO oblivion_relay USING (state IN ('pending', 'sending'));

-- A webhook names its tenant only through its secret, so ingestion reads sealed secrets of every tenant.
GRANT SELECT (id, tenant_id, integration_id, source, kind, lookup_key, ciphertext, state)
    ON signing_secrets TO oblivion_ingestion;
CREATE POLICY ingestion_finds_secret ON signing_secrets FOR SELECT TO oblivion_ingestion USING (state = 'live');

GRANT SELECT ON tenants, tenant_keys, users, user_identities, integrations, credentials, inbound_events,
    project_mappings, task_mappings, mirror_events, outbox TO oblivion_router_worker;
GRANT INSERT ON inbound_events, task_mappings, mirror_events, outbox, audit_log, signing_secrets
    TO oblivion_router_worker;
GRANT SELECT (id, tenant_id, integration_id, source, kind, lookup_key, state, created_at), UPDATE (state)
    ON signing_secrets TO oblivion_router_worker;
GRANT UPDATE (state, outcome, attempts, failures, processed_at, body) ON inbound_events TO oblivion_router_worker;
GRANT UPDATE ON task_mappings, mirror_events, outbox TO oblivion_router_worker;
GRANT UPDATE (problem, slack_channel_name) ON project_mappings TO oblivion_router_worker;
GRANT UPDATE (config, health, seen_until, updated_at) ON integrations TO oblivion_router_worker;
GRANT UPDATE (last_used_at) ON credentials TO oblivion_router_worker;

GRANT SELECT, INSERT, UPDATE ON tenants, tenant_keys, users, user_identities, integrations, signing_secrets,
    credentials, project_mappings TO oblivion_cli;
GRANT SELECT ON inbound_events, task_mappings, mirror_events, outbox, audit_log TO oblivion_cli;
GRANT UPDATE (state, outcome, attempts, failures, processed_at) ON inbound_events TO oblivion_cli;
GRANT UPDATE (state, attempts, next_attempt_at, failures, lease_until) ON outbox TO oblivion_cli;
GRANT INSERT ON audit_log TO oblivion_cli;

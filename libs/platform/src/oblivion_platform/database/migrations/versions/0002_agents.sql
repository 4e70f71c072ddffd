-- Agents, sessions, runs, routing, sign-in. Row-level security as in 0001.

-- Owns tenants and the queue board; set by the command line only.
ALTER TABLE users ADD COLUMN is_operator boolean NOT NULL DEFAULT false;
-- What the tenant's people may set about their own: {time_zone, …}.
ALTER TABLE users ADD COLUMN preferences jsonb NOT NULL DEFAULT '{}';
-- Settings of a tenant that are no integration's: {unknown_users: refuse|guest, runs_per_day_max, …}.
ALTER TABLE tenants ADD COLUMN settings jsonb NOT NULL DEFAULT '{}';

-- A person's signed-in browser. The cookie is `{tenant}.{random}`; only a hash of the random part is here.
CREATE TABLE web_sessions (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    user_id uuid NOT NULL,
    secret_hash bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    UNIQUE (tenant_id, secret_hash)
);

-- Keys that sign this tenant's tokens: a key can only speak for its own tenant. `id` is the `kid`.
CREATE TABLE signing_keys (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    public_jwk jsonb NOT NULL,
    private_ciphertext bytea NOT NULL,
    -- `next` is published before it signs; `previous` still verifies; `retired` no more.
    state text NOT NULL DEFAULT 'current' CHECK (state IN ('next', 'current', 'previous', 'retired')),
    created_at timestamptz NOT NULL DEFAULT now(),
    rotated_at timestamptz
);
CREATE UNIQUE INDEX signing_keys_one_current ON signing_keys (tenant_id) WHERE state = 'current';

-- Whoever keeps keys in memory drops a tenant's when it hears of it.
CREATE FUNCTION oblivion_announce_signing_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('signing_keys', NEW.tenant_id::text);
    RETURN NULL;
END $$;
CREATE TRIGGER signing_keys_changed AFTER INSERT OR UPDATE ON signing_keys
    FOR EACH ROW EXECUTE FUNCTION oblivion_announce_signing_keys();

CREATE TABLE agents (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    name text NOT NULL CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    origin text NOT NULL CHECK (origin IN ('squad', 'resource', 'api')),
    -- The AgentDefinition of the contracts.
    definition jsonb NOT NULL,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    muted_until timestamptz,
    mute_reason text,
    last_seen_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, name),
    UNIQUE (tenant_id, id)
);

-- Names that people write; of an agent's definition, unique among all agents of the tenant.
CREATE TABLE agent_aliases (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    agent_id uuid NOT NULL,
    -- Case folded, without `@`.
    alias text NOT NULL,
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id),
    UNIQUE (tenant_id, alias)
);

CREATE TABLE client_secrets (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    agent_id uuid NOT NULL,
    -- The secret's first characters: tells which one a person holds.
    prefix text NOT NULL,
    -- HMAC-SHA256 under a key derived from the master key.
    secret_hash bytea NOT NULL,
    state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'retired')),
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    expires_at timestamptz,
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id)
);
CREATE INDEX client_secrets_live ON client_secrets (tenant_id, agent_id) WHERE state = 'live';

-- Where messages go before any guessing: an admin's override, or a channel's default agent.
CREATE TABLE route_rules (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    kind text NOT NULL CHECK (kind IN ('override', 'default')),
    -- '' for the whole tenant, or `slack:{integration}:{channel}`.
    scope text NOT NULL DEFAULT '',
    agent_id uuid NOT NULL,
    task text,
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id),
    UNIQUE (tenant_id, kind, scope)
);

-- Caches of the registry drop a tenant's part when they hear of it.
CREATE FUNCTION oblivion_announce_agents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('agents', coalesce(NEW.tenant_id, OLD.tenant_id)::text);
    RETURN NULL;
END $$;
CREATE TRIGGER agents_changed AFTER INSERT OR DELETE OR UPDATE OF definition, state ON agents
    FOR EACH ROW EXECUTE FUNCTION oblivion_announce_agents();
-- A channel of its own: it happens often, and concerns nobody but who takes agents' messages.
CREATE FUNCTION oblivion_announce_mute() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('agent_mutes', NEW.tenant_id::text);
    RETURN NULL;
END $$;
CREATE TRIGGER agents_muted AFTER UPDATE OF muted_until ON agents
    FOR EACH ROW WHEN (NEW.muted_until IS DISTINCT FROM OLD.muted_until)
    EXECUTE FUNCTION oblivion_announce_mute();
CREATE FUNCTION oblivion_announce_tenant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('agents', NEW.id::text);
    RETURN NULL;
END $$;
CREATE TRIGGER tenant_suspended AFTER UPDATE OF state ON tenants
    FOR EACH ROW EXECUTE FUNCTION oblivion_announce_tenant();
CREATE TRIGGER route_rules_changed AFTER INSERT OR UPDATE OR DELETE ON route_rules
    FOR EACH ROW EXECUTE FUNCTION oblivion_announce_agents();

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    user_id uuid,
    source text NOT NULL,
    -- `slack:{integration}:{channel}:{thread ts}` or `clickup:{integration}:{task}`.
    thread text,
    title text NOT NULL DEFAULT '',
    agent_id uuid,
    task text,
    workflow jsonb NOT NULL DEFAULT '{}',
    preferences jsonb NOT NULL DEFAULT '{}',
    visible_in_slack boolean NOT NULL DEFAULT false,
    -- Grows with every change; a cache never replaces a higher one by a lower.
    version bigint NOT NULL DEFAULT 1,
    last_message_seq bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    archived_at timestamptz,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id),
    UNIQUE (tenant_id, id)
);
CREATE UNIQUE INDEX sessions_thread ON sessions (tenant_id, thread) WHERE thread IS NOT NULL;
CREATE INDEX sessions_listing ON sessions (tenant_id, updated_at DESC, id);

CREATE TABLE session_messages (
    tenant_id uuid NOT NULL REFERENCES tenants,
    session_id uuid NOT NULL,
    seq bigint NOT NULL,
    role text NOT NULL CHECK (role IN ('user', 'agent', 'system')),
    author text NOT NULL DEFAULT '',
    user_id uuid,
    body text NOT NULL,
    source text NOT NULL,
    -- What it is where it was said, such as a Slack ts: the same message is stored once.
    source_ref text,
    run_id uuid,
    -- The run at work that this question was put to; unread by its end, it becomes a run of its own, shown there.
    asked_run_id uuid,
    place jsonb NOT NULL DEFAULT '{}',
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, session_id, seq),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id)
);
CREATE UNIQUE INDEX session_messages_ref ON session_messages (tenant_id, session_id, source_ref)
    WHERE source_ref IS NOT NULL;

CREATE TABLE workflows (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    name text NOT NULL,
    -- The WorkflowDefinition of the contracts.
    definition jsonb NOT NULL,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled', 'deleted')),
    next_run_at timestamptz,
    last_run_id uuid,
    last_run_at timestamptz,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id)
);
CREATE UNIQUE INDEX workflows_name ON workflows (tenant_id, name) WHERE state <> 'deleted';
CREATE INDEX workflows_due ON workflows (next_run_at) WHERE state = 'active' AND next_run_at IS NOT NULL;

CREATE TABLE runs (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    session_id uuid NOT NULL,
    parent_run_id uuid,
    -- How often work was delegated on the way here.
    hops integer NOT NULL DEFAULT 0,
    source text NOT NULL CHECK (source IN ('slack', 'clickup', 'api', 'terminal', 'web', 'workflow', 'delegation')),
    state text NOT NULL DEFAULT 'queued' CHECK (state IN
        ('queued', 'routed', 'assigned', 'running', 'waiting', 'succeeded', 'failed', 'cancelled')),
    waiting_for text CHECK (waiting_for IN ('agent', 'approval')),
    user_id uuid,
    requested_by text NOT NULL DEFAULT '',
    -- One live run at a time: the session's thread, or `session:{id}`.
    thread text NOT NULL,
    prompt text NOT NULL,
    -- What was asked for by name, before routing: {agent, task}.
    wanted jsonb NOT NULL DEFAULT '{}',
    agent_id uuid,
    task text,
    category text NOT NULL DEFAULT 'medium' CHECK (category IN ('quick', 'medium', 'complex')),
    priority smallint NOT NULL DEFAULT 1,
    -- From the first assignment on; NULL before.
    deadline_at timestamptz,
    context jsonb NOT NULL DEFAULT '{}',
    carried_state jsonb NOT NULL DEFAULT '{}',
    skills text[] NOT NULL DEFAULT '{}',
    allowed_tools text[],
    -- The holder: grows with each assignment; what comes with a lower one is refused.
    fence integer NOT NULL DEFAULT 0,
    holder text,
    gateway text,
    lease_until timestamptz,
    acknowledged_at timestamptz,
    -- Assignments that ended without an answer.
    lost_leases integer NOT NULL DEFAULT 0,
    -- Failures that nobody foresaw while it was brought forward: [{code, message, at}, …].
    failures jsonb NOT NULL DEFAULT '[]',
    checkpoint bytea,
    percent smallint,
    progress text,
    result text,
    failure jsonb,
    usage jsonb NOT NULL DEFAULT '{}',
    cost_usd double precision NOT NULL DEFAULT 0,
    cancel_requested_by text,
    -- Sequence of the newest row in run_events, and of the newest that was shown where the work came from.
    last_seq bigint NOT NULL DEFAULT 0,
    presented_seq bigint NOT NULL DEFAULT 0,
    -- Where it is shown: {integration_id, channel, thread_ts, question_ts, progress_ts, task_id, …}.
    place jsonb NOT NULL DEFAULT '{}',
    event_id uuid,
    workflow_id uuid,
    traceparent text,
    -- When a sweep shall look after it, whatever Redis remembers.
    wake_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    routed_at timestamptz,
    assigned_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    indexed_at timestamptz,
    archived_at timestamptz,
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    UNIQUE (tenant_id, id)
);
CREATE UNIQUE INDEX runs_one_live ON runs (tenant_id, thread)
    WHERE state IN ('routed', 'assigned', 'running', 'waiting');
CREATE INDEX runs_thread_queue ON runs (tenant_id, thread, created_at) WHERE state = 'queued';
CREATE UNIQUE INDEX runs_event ON runs (tenant_id, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX runs_listing ON runs (tenant_id, created_at DESC, id);
CREATE INDEX runs_of_agent ON runs (tenant_id, agent_id, finished_at DESC);
CREATE INDEX runs_given ON runs (tenant_id, agent_id, created_at);
CREATE INDEX runs_of_user ON runs (tenant_id, user_id, created_at DESC, id DESC);
CREATE INDEX runs_parent ON runs (tenant_id, parent_run_id) WHERE parent_run_id IS NOT NULL;
CREATE INDEX runs_live ON runs (wake_at)
    WHERE state IN ('queued', 'routed', 'assigned', 'running', 'waiting');
-- Dead letters, until somebody retries or discards them.
CREATE INDEX runs_dead ON runs (tenant_id, finished_at)
    WHERE state = 'failed' AND failure ->> 'code' = 'unforeseen' AND archived_at IS NULL;
CREATE INDEX runs_unshown ON runs (tenant_id) WHERE presented_seq < last_seq;
CREATE INDEX runs_unindexed ON runs (finished_at) WHERE state = 'succeeded' AND indexed_at IS NULL;

CREATE TABLE run_events (
    tenant_id uuid NOT NULL REFERENCES tenants,
    run_id uuid NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL,
    data jsonb NOT NULL,
    PRIMARY KEY (tenant_id, run_id, seq),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id)
);

CREATE TABLE approvals (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    run_id uuid NOT NULL,
    -- The same key in the same run is the same question.
    key text NOT NULL,
    question text NOT NULL,
    detail text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'denied', 'expired')),
    asked_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    answered_at timestamptz,
    answered_by uuid,
    answered_by_name text NOT NULL DEFAULT '',
    comment text NOT NULL DEFAULT '',
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id),
    UNIQUE (tenant_id, run_id, key)
);
CREATE INDEX approvals_pending ON approvals (tenant_id, asked_at) WHERE state = 'pending';

CREATE TABLE route_decisions (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    run_id uuid NOT NULL,
    stage text NOT NULL,
    agent_id uuid,
    task text,
    score double precision,
    reason text NOT NULL DEFAULT '',
    candidates jsonb NOT NULL DEFAULT '[]',
    elapsed_us integer NOT NULL DEFAULT 0,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id)
);
CREATE INDEX route_decisions_run ON route_decisions (tenant_id, run_id);
CREATE INDEX route_decisions_listing ON route_decisions (tenant_id, at DESC, id);

-- What people thought of an answer and of who gave it; of one person's several on a run the last counts.
CREATE TABLE route_labels (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    run_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('wrong_agent', 'right_agent', 'good', 'bad')),
    -- The agent that it should have been.
    agent_id uuid,
    user_id uuid,
    labelled_by text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id),
    UNIQUE (tenant_id, run_id, labelled_by, kind)
);

-- An answer that a repeated request gets again. `principal` is who asked.
CREATE TABLE idempotency_keys (
    tenant_id uuid NOT NULL REFERENCES tenants,
    principal text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    -- NULL while the first request runs.
    status integer,
    body bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, principal, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

CREATE TABLE stats_minutely (
    tenant_id uuid NOT NULL REFERENCES tenants,
    minute timestamptz NOT NULL,
    metric text NOT NULL,
    -- An agent's name, a provider, a state; '' where the metric has none.
    label text NOT NULL DEFAULT '',
    count bigint NOT NULL DEFAULT 0,
    sum double precision NOT NULL DEFAULT 0,
    max double precision NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, minute, metric, label)
);

-- What a run shows in Slack and ClickUp leaves like everything else.
ALTER TABLE outbox ADD COLUMN run_id uuid;
ALTER TABLE outbox ADD FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id);
CREATE INDEX outbox_of_run ON outbox (tenant_id, run_id) WHERE run_id IS NOT NULL;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['web_sessions', 'signing_keys', 'agents', 'agent_aliases', 'client_secrets',
        'route_rules', 'sessions', 'session_messages', 'workflows', 'runs', 'run_events', 'approvals',
        'route_decisions', 'route_labels', 'idempotency_keys', 'stats_minutely']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_isolation ON %I USING (tenant_id = oblivion_tenant())
                        WITH CHECK (tenant_id = oblivion_tenant())', name);
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA public TO oblivion_gateway;
GRANT SELECT ON alembic_version TO oblivion_gateway;

-- Door 2 again: which runs and workflows wait for somebody, never what they say.
GRANT SELECT (id, tenant_id, state, priority, wake_at, last_seq, presented_seq, gateway, finished_at, indexed_at)
    ON runs TO oblivion_relay;
CREATE POLICY relay_sees_waiting ON runs FOR SELECT TO oblivion_relay
    USING (state NOT IN ('succeeded', 'failed', 'cancelled') OR presented_seq < last_seq OR indexed_at IS NULL);
-- What a suspended tenant has waits until it is active again.
GRANT SELECT (id, state) ON tenants TO oblivion_relay;
GRANT SELECT (id, tenant_id, state, next_run_at) ON workflows TO oblivion_relay;
CREATE POLICY relay_sees_waiting ON workflows FOR SELECT TO oblivion_relay USING (state = 'active');

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['inbound_events', 'outbox', 'runs', 'workflows']
    LOOP
        EXECUTE format('CREATE POLICY relay_serves_active ON %I AS RESTRICTIVE FOR SELECT TO oblivion_relay
                        USING (tenant_id IN (SELECT id FROM tenants WHERE state = ''active''))', name);
    END LOOP;
END $$;

-- Public halves of signing keys are public: /.well-known/jwks.json shows those of every tenant.
GRANT SELECT (id, tenant_id, public_jwk, state) ON signing_keys TO oblivion_relay;
CREATE POLICY relay_sees_public_keys ON signing_keys FOR SELECT TO oblivion_relay USING (state <> 'retired');

GRANT SELECT ON tenants, tenant_keys, users, user_identities, integrations, inbound_events, project_mappings,
    task_mappings, mirror_events, outbox, audit_log, web_sessions, signing_keys, agents, agent_aliases,
    client_secrets, route_rules, sessions, session_messages, workflows, runs, run_events, approvals,
    route_decisions, route_labels, idempotency_keys, stats_minutely TO oblivion_gateway;
GRANT SELECT (id, tenant_id, integration_id, kind, state, expires_at, last_used_at, created_at)
    ON credentials TO oblivion_gateway;
GRANT INSERT ON users, user_identities, project_mappings, audit_log, tenant_keys TO oblivion_gateway;
GRANT UPDATE (name, email, role, state, preferences) ON users TO oblivion_gateway;
GRANT UPDATE (display_name) ON user_identities TO oblivion_gateway;
GRANT UPDATE (options, state, problem, slack_channel_name, clickup_list_name, updated_at)
    ON project_mappings TO oblivion_gateway;
GRANT UPDATE (state, outcome, attempts, failures, processed_at) ON inbound_events TO oblivion_gateway;
GRANT UPDATE (state, attempts, next_attempt_at, failures, lease_until) ON outbox TO oblivion_gateway;
GRANT INSERT, UPDATE ON web_sessions, signing_keys, agents, agent_aliases, client_secrets, route_rules, sessions,
    session_messages, workflows, runs, run_events, approvals, route_decisions, route_labels, idempotency_keys,
    stats_minutely TO oblivion_gateway;
GRANT DELETE ON agent_aliases, route_rules, idempotency_keys, web_sessions TO oblivion_gateway;

GRANT SELECT ON agents, agent_aliases, route_rules, sessions, session_messages, workflows, runs, run_events,
    approvals, route_decisions, route_labels, stats_minutely TO oblivion_router_worker;
GRANT INSERT ON users, user_identities TO oblivion_router_worker;
GRANT UPDATE (display_name) ON user_identities TO oblivion_router_worker;
GRANT INSERT, UPDATE ON sessions, session_messages, runs, run_events, approvals, route_decisions, route_labels,
    stats_minutely, project_mappings TO oblivion_router_worker;
GRANT UPDATE (next_run_at, last_run_id, last_run_at) ON workflows TO oblivion_router_worker;

GRANT SELECT, INSERT, UPDATE ON agents, agent_aliases, client_secrets, route_rules, signing_keys, web_sessions,
    workflows TO oblivion_cli;
GRANT DELETE ON agent_aliases, route_rules, web_sessions TO oblivion_cli;
GRANT SELECT ON sessions, session_messages, runs, run_events, approvals, route_decisions, route_labels,
    stats_minutely TO oblivion_cli;
GRANT INSERT ON sessions, session_messages, runs, run_events, route_labels TO oblivion_cli;
GRANT UPDATE ON sessions, runs, approvals TO oblivion_cli;

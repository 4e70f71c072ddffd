-- Connections that sign in by OAuth or show a token that the hub signs, and keys that are sealed anew.

ALTER TABLE mcp_connections ADD COLUMN auth text NOT NULL DEFAULT 'secret'
    CHECK (auth IN ('secret', 'oauth', 'signed_identity'));
-- What is known of its sign-in, and no secret: {state, detail, at, by, ends_at, scopes, plan}.
ALTER TABLE mcp_connections ADD COLUMN sign_in jsonb NOT NULL DEFAULT '{}';

-- `oauth_client`: the app that asks for the user's consent. `oauth_tokens`: what it was given.
ALTER TABLE credentials DROP CONSTRAINT credentials_kind_check;
ALTER TABLE credentials ADD CONSTRAINT credentials_kind_check CHECK (
    kind IN ('slack_bot_token', 'clickup_token', 'connection_secret', 'oauth_client', 'oauth_tokens')
    AND (kind IN ('connection_secret', 'oauth_client', 'oauth_tokens')) = (connection_id IS NOT NULL));
DROP INDEX credentials_one_per_connection;
CREATE UNIQUE INDEX credentials_one_per_connection ON credentials (tenant_id, connection_id, kind)
    WHERE state = 'live' AND connection_id IS NOT NULL;
-- Tokens that are renewed take the place of those before: nobody needs old ones.
GRANT UPDATE (ciphertext, expires_at) ON credentials TO oblivion_mcp_hub;

-- A sign-in under way: bound to the connection, the user who began it, and a state that only they were told.
CREATE TABLE oauth_flows (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    connection_id uuid NOT NULL,
    user_id uuid NOT NULL,
    state_hash bytea NOT NULL,
    -- PKCE's; gone once the browser is back.
    verifier_ciphertext bytea,
    -- Where it was begun, and where the code is to be redeemed; no secret.
    plan jsonb NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'returned', 'connected', 'failed')),
    detail text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    FOREIGN KEY (tenant_id, connection_id) REFERENCES mcp_connections (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    UNIQUE (tenant_id, state_hash)
);
ALTER TABLE oauth_flows ENABLE ROW LEVEL SECURITY;
ALTER TABLE oauth_flows FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON oauth_flows USING (tenant_id = oblivion_tenant())
    WITH CHECK (tenant_id = oblivion_tenant());
GRANT SELECT, INSERT, DELETE, UPDATE (state, detail, verifier_ciphertext) ON oauth_flows TO oblivion_mcp_hub;

-- `tokens` open our own doors; `identity` tells others who asks, and opens none of ours.
ALTER TABLE signing_keys ADD COLUMN purpose text NOT NULL DEFAULT 'tokens'
    CHECK (purpose IN ('tokens', 'identity'));
DROP INDEX signing_keys_one_current;
CREATE UNIQUE INDEX signing_keys_one_current ON signing_keys (tenant_id, purpose) WHERE state = 'current';
GRANT SELECT (purpose) ON signing_keys TO oblivion_relay;
-- The hub signs identities, and has no key that would open anything.
CREATE POLICY hub_signs_identities ON signing_keys AS RESTRICTIVE TO oblivion_mcp_hub
    USING (purpose = 'identity') WITH CHECK (purpose = 'identity');
GRANT SELECT, INSERT, UPDATE (state, rotated_at) ON signing_keys TO oblivion_mcp_hub;

-- A data key that nothing is sealed under any more goes.
GRANT DELETE ON tenant_keys TO oblivion_cli;
GRANT SELECT, UPDATE (verifier_ciphertext) ON oauth_flows TO oblivion_cli;
GRANT SELECT (tenant_id, body) ON idempotency_keys TO oblivion_cli;

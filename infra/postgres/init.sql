-- Runs once, on an empty data directory, in the database `oblivion_db` that the image has made.
-- The roles: nobody logs in before the database's Job gives each its password (docs/operate/database.md).
CREATE ROLE oblivion_owner         NOLOGIN NOINHERIT;
CREATE ROLE oblivion_ingestion     NOLOGIN NOINHERIT;
CREATE ROLE oblivion_router_worker NOLOGIN NOINHERIT;
CREATE ROLE oblivion_gateway       NOLOGIN NOINHERIT;
CREATE ROLE oblivion_mcp_hub       NOLOGIN NOINHERIT;
CREATE ROLE oblivion_cli           NOLOGIN NOINHERIT;
CREATE ROLE oblivion_relay         NOLOGIN NOINHERIT;
ALTER SCHEMA public OWNER TO oblivion_owner;

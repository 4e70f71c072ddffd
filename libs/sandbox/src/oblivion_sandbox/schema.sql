-- Everything the stand-ins know. Rows of messages, tasks and comments are never removed but by a reset:
-- a fault run counts every one that was ever created, also those deleted since.
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE IF NOT EXISTS rules (
    id INTEGER PRIMARY KEY,
    side TEXT NOT NULL,
    subject TEXT NOT NULL,
    match TEXT NOT NULL,
    action TEXT NOT NULL,
    details TEXT NOT NULL,
    times INTEGER,
    probability REAL NOT NULL,
    seed INTEGER NOT NULL,
    applied INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY,
    side TEXT NOT NULL,
    target TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_status INTEGER,
    last_error TEXT,
    copy_of INTEGER,
    shaped INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    settled_ms INTEGER
);
CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (side, due_ms, id) WHERE state = 'waiting';

CREATE TABLE IF NOT EXISTS slack_users (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    real_name TEXT NOT NULL,
    is_bot INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS slack_channels (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    creator TEXT NOT NULL,
    created_s INTEGER NOT NULL,
    archived INTEGER NOT NULL DEFAULT 0,
    last_ts_us INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS slack_members (
    channel TEXT NOT NULL,
    user TEXT NOT NULL,
    PRIMARY KEY (channel, user)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS slack_messages (
    channel TEXT NOT NULL,
    ts TEXT NOT NULL,
    thread_ts TEXT,
    broadcast INTEGER NOT NULL DEFAULT 0,
    author TEXT NOT NULL,
    via TEXT NOT NULL,
    body TEXT NOT NULL,
    revisions INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (channel, ts)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS slack_threads ON slack_messages (channel, thread_ts, ts) WHERE thread_ts IS NOT NULL;
CREATE TABLE IF NOT EXISTS slack_reactions (
    channel TEXT NOT NULL,
    ts TEXT NOT NULL,
    name TEXT NOT NULL,
    user TEXT NOT NULL,
    PRIMARY KEY (channel, ts, name, user)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS slack_ephemerals (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    user TEXT NOT NULL,
    ts TEXT NOT NULL,
    body TEXT NOT NULL
);
-- What makes a person other than a full member: fields that replace those of their user object.
CREATE TABLE IF NOT EXISTS slack_traits (user TEXT PRIMARY KEY, fields TEXT NOT NULL) WITHOUT ROWID;
-- A direct conversation between a person and the app; its channel has a row in slack_channels too.
CREATE TABLE IF NOT EXISTS slack_dms (channel TEXT PRIMARY KEY, user TEXT NOT NULL UNIQUE) WITHOUT ROWID;
-- Agent sessions, statuses and suggested prompts of threads.
CREATE TABLE IF NOT EXISTS slack_sessions (
    channel TEXT NOT NULL,
    thread_ts TEXT NOT NULL,
    status TEXT NOT NULL,
    title TEXT NOT NULL,
    PRIMARY KEY (channel, thread_ts)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS slack_statuses (
    channel TEXT NOT NULL,
    thread_ts TEXT NOT NULL,
    status TEXT NOT NULL,
    loading TEXT NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (channel, thread_ts)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS slack_prompts (
    channel TEXT NOT NULL,
    thread_ts TEXT NOT NULL,
    title TEXT NOT NULL,
    prompts TEXT NOT NULL,
    PRIMARY KEY (channel, thread_ts)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS slack_streams (
    channel TEXT NOT NULL,
    ts TEXT NOT NULL,
    state TEXT NOT NULL,
    plan INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (channel, ts)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS slack_views (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    user TEXT NOT NULL,
    external_id TEXT,
    hash TEXT NOT NULL,
    previous_id TEXT,
    state TEXT NOT NULL,
    body TEXT NOT NULL,
    opened_us INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS slack_response_urls (
    id TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    user TEXT NOT NULL,
    message_ts TEXT,
    thread_ts TEXT,
    ephemeral INTEGER NOT NULL,
    uses_left INTEGER NOT NULL,
    until_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS slack_feedback (
    channel TEXT NOT NULL,
    ts TEXT NOT NULL,
    action_id TEXT NOT NULL,
    user TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (channel, ts, action_id, user)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS clickup_users (
    id INTEGER NOT NULL UNIQUE,
    username TEXT NOT NULL,
    email TEXT NOT NULL,
    color TEXT NOT NULL,
    token TEXT NOT NULL UNIQUE,
    disabled INTEGER NOT NULL DEFAULT 0,
    token_revoked INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS clickup_spaces (id TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS clickup_folders (id TEXT PRIMARY KEY, space_id TEXT NOT NULL, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS clickup_lists (
    id TEXT PRIMARY KEY,
    space_id TEXT NOT NULL,
    folder_id TEXT,
    name TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS clickup_tasks (
    id TEXT PRIMARY KEY,
    list_id TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    closed INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    via TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS clickup_tasks_of_list ON clickup_tasks (list_id, created_ms);
CREATE TABLE IF NOT EXISTS clickup_comments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0,
    via TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS clickup_comments_of_task ON clickup_comments (task_id, created_ms);
-- A reply is a comment too; here is which one it answers.
CREATE TABLE IF NOT EXISTS clickup_replies (comment_id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS clickup_replies_of ON clickup_replies (parent_id);
CREATE TABLE IF NOT EXISTS clickup_webhooks (
    id TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    events TEXT NOT NULL,
    space_id TEXT,
    folder_id TEXT,
    list_id TEXT,
    task_id TEXT,
    secret TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'active',
    fail_count INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS slack_files (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    content BLOB
);
-- Everything of Notion, Linear, Jira and Google Calendar.
CREATE TABLE IF NOT EXISTS documents (
    seq INTEGER PRIMARY KEY,
    side TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (side, kind, id)
);

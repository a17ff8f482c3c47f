-- An application, for queries.yaml to have figures of: jobs, an audit log, and tokens that language models took.
SET pg_stat_statements.track = 'none';
\set password `cat /run/secrets/postgres_app_password`
CREATE ROLE app LOGIN PASSWORD :'password';
CREATE SCHEMA AUTHORIZATION app;
SET ROLE app;

CREATE TABLE app.job_queue (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'completed', 'failed')),
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX ON app.job_queue (finished_at);
CREATE INDEX ON app.job_queue (created_at) WHERE finished_at IS NULL;

CREATE TABLE app.audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    action text NOT NULL,
    source text NOT NULL,
    outcome text NOT NULL
);
CREATE INDEX ON app.audit_log (at);

CREATE TABLE app.token_usage (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    model text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('input', 'output')),
    tokens bigint NOT NULL
);
CREATE INDEX ON app.token_usage (at);

-- What queries.yaml reads, how much of the sequences is used up, and nothing else.
GRANT USAGE ON SCHEMA app TO exporter;
GRANT SELECT ON app.job_queue, app.audit_log, app.token_usage TO exporter;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA app TO exporter;

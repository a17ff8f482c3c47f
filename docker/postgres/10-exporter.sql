-- The role of the exporter: it sees statistics of everything, and rows of nothing.
-- Its password is to be kept by nobody.
SET pg_stat_statements.track = 'none';
\set password `cat /run/secrets/postgres_exporter_password`
CREATE ROLE exporter LOGIN PASSWORD :'password' CONNECTION LIMIT 5;
GRANT pg_monitor TO exporter;
CREATE EXTENSION pg_stat_statements;

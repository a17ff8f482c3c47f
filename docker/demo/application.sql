\set queue random(1, 3)
\set chance random(1, 100)
\set tokens random(100, 4000)
INSERT INTO app.job_queue (queue) VALUES ((ARRAY['mails', 'reports', 'imports'])[:queue]);
UPDATE app.job_queue SET state = CASE WHEN :chance <= 5 THEN 'failed' ELSE 'completed' END, finished_at = now()
    WHERE id = (SELECT id FROM app.job_queue WHERE finished_at IS NULL AND created_at < now() - interval '1 second'
        ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED);
INSERT INTO app.audit_log (action, source, outcome)
    VALUES ('webhook', (ARRAY['payments', 'repository', 'mail'])[:queue], CASE WHEN :chance <= 3 THEN 'rejected' ELSE 'accepted' END);
INSERT INTO app.token_usage (model, direction, tokens)
    VALUES ('large', 'input', :tokens), ('large', 'output', :tokens / 4);
DELETE FROM app.job_queue WHERE finished_at < now() - interval '1 day';
DELETE FROM app.audit_log WHERE at < now() - interval '1 day';
DELETE FROM app.token_usage WHERE at < now() - interval '2 days';

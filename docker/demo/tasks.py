"""A Celery application whose tasks take a while and sometimes fail."""

import os
import pathlib
import random
import time

import celery


def redis_url(database):
    password = pathlib.Path(os.environ["REDIS_PASSWORD_FILE"]).read_text().strip()
    host = os.environ["REDIS_HOST"]
    port = os.environ.get("REDIS_PORT", "6379")
    return f"redis://app:{password}@{host}:{port}/{database}"


app = celery.Celery("tasks", broker=redis_url(0))
app.conf.update(
    # The exporter tells queues and waiting times by these events.
    task_send_sent_event=True,
    task_ignore_result=True,
    task_routes={"tasks.render_report": {"queue": "reports"}},
    broker_connection_retry_on_startup=True,
)


@app.task
def send_mail():
    time.sleep(random.uniform(0.01, 0.2))


@app.task
def render_report():
    time.sleep(random.uniform(0.2, 1))
    if random.random() < 0.1:
        raise ValueError("a report without rows")

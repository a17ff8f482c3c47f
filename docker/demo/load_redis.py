"""Sends tasks to the worker and looks pages up in a cache, a few times a second."""

import random
import time

import redis
import tasks

cache = redis.Redis.from_url(tasks.redis_url(1))
while True:
    tasks.send_mail.delay()
    if random.random() < 0.3:
        tasks.render_report.delay()
    page = f"page:{random.randrange(50)}"
    if cache.get(page) is None:
        cache.set(page, random.randbytes(1000), ex=20)
    time.sleep(0.3)

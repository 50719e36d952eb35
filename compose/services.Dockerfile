# All Python services and the block store in one image, with the etcd that its monitors stand on. Build context: the repository's root.
FROM debian:trixie-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && cd /tmp && apt-get download etcd-server && dpkg-deb -x etcd-server_*.deb etcd \
 && rm -rf /var/lib/apt/lists/*
ARG PIP_INDEX_URL=""
ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_DEFAULT_TIMEOUT=120
COPY requirements/services.txt /tmp/services.txt
RUN for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL; do eval "value=\$$name"; [ -n "$value" ] || unset "$name"; done \
 && python3 -m venv /opt/quorate \
 && /opt/quorate/bin/pip install --quiet --only-binary :all: -r /tmp/services.txt \
 && /opt/quorate/bin/pip uninstall --quiet --yes pip \
 && find /opt/quorate -depth -type d -name tests -exec rm -rf {} + \
 && /opt/quorate/bin/python -m compileall -q -j 0 /opt/quorate

FROM debian:trixie-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends libfaketime python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin \
 && python3 -m compileall -q -j 0 /usr/lib/python3.13 \
 && groupadd --system --gid 10001 quorate \
 && useradd --system --uid 10001 --gid quorate --no-create-home --shell /usr/sbin/nologin quorate \
 && install -d -o quorate -g quorate -m 0750 /var/lib/quorate \
 && install -d /etc/quorate
COPY --from=build /opt/quorate /opt/quorate
COPY --from=build /tmp/etcd/usr/bin/etcd /usr/bin/etcd
COPY --chmod=0755 compose/start-monitor compose/at-its-clock /usr/local/bin/
# Pydantic would look through every installed package for plugins of its own.
ENV PATH=/opt/quorate/bin:$PATH PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 MALLOC_ARENA_MAX=2 \
    PYDANTIC_DISABLE_PLUGINS=__all__
WORKDIR /app
COPY environment /app/environment
COPY storage /app/storage
COPY services /app/services
RUN python3 -m compileall -q -j 0 /app
USER quorate
STOPSIGNAL SIGTERM
ENTRYPOINT ["at-its-clock"]
CMD ["python", "-c", "raise SystemExit('name a service: python -m services.identity, ...')"]

# The name server of one region: PowerDNS, and beside it the program that knows who is healthy. Build context: this folder.
FROM debian:trixie-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends pdns-backend-remote pdns-server python3-minimal \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /etc/powerdns/pdns.d/* \
 && groupadd --system --gid 10007 nameserver \
 && useradd --system --uid 10007 --gid nameserver --no-create-home --shell /usr/sbin/nologin nameserver \
 && install -d -o nameserver -g nameserver -m 0750 /run/nameserver
COPY pdns.conf /etc/powerdns/pdns.conf
COPY health /opt/quorate/health
COPY nameserver /opt/quorate/nameserver
ENV PYTHONPATH=/opt/quorate PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER nameserver
STOPSIGNAL SIGTERM
ENTRYPOINT ["python3", "-S", "-m", "nameserver"]

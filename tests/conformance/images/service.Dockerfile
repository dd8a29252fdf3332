FROM debian:bookworm-slim
COPY probe /usr/local/bin/probe
COPY serve.sh /serve.sh
USER daemon
WORKDIR /var/tmp
ENV KIND=service
HEALTHCHECK --interval=200ms --timeout=5s --retries=2 CMD test -e /tmp/healthy
STOPSIGNAL SIGUSR1
ENTRYPOINT ["/bin/sh", "/serve.sh"]
CMD ["by default"]

# A server with a client in the image, an entrypoint, and a health check.
FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends redis-server \
 && rm -rf /var/lib/apt/lists/*
USER redis
WORKDIR /var/lib/redis
HEALTHCHECK --interval=1s --timeout=5s --retries=3 CMD redis-cli ping
ENTRYPOINT ["redis-server", "--protected-mode", "no"]
CMD ["--save", ""]

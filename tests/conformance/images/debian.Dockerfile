FROM debian:bookworm-slim
COPY probe /usr/local/bin/probe
COPY things.sh /tmp/things.sh
RUN sh /tmp/things.sh && rm /tmp/things.sh

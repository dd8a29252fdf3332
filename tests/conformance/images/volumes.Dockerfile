FROM debian:bookworm-slim
COPY probe /usr/local/bin/probe
RUN mkdir -p /data/below/deep /owned /linked/target \
    && echo content >/data/file && ln -s file /data/link && mkfifo /data/pipe \
    && chmod 0640 /data/file && chmod 1777 /data/below && chown 12:34 /data/below/deep \
    && ln /data/file /data/second && probe setcap /usr/local/bin/probe 400 \
    && cp -a /usr/local/bin/probe /data/with-capability \
    && chown 1000:1001 /owned && chmod 0700 /owned && ln -s /linked/target /linked/link
VOLUME ["/data", "/owned", "/not/there/yet", "/linked/link"]
WORKDIR /data/below

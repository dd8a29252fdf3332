FROM debian:bookworm-slim
COPY probe /usr/local/bin/probe
RUN echo 'app:x:1500:1501::/home/app:/bin/sh' >>/etc/passwd \
    && printf 'app:x:1501:\nextra:x:1502:app\n' >>/etc/group \
    && mkdir -p /home/app/own && chown 1500:1501 /home/app /home/app/own
USER app
WORKDIR /home/app/made/by/image

FROM debian:bookworm-slim
COPY probe /usr/local/bin/probe
ENV PATH=/opt/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/set/by/image \
    HOSTNAME=named-by-image \
    EMPTY= \
    SPACES="a  b" \
    EQUAL=a=b \
    QUOTES='"it'"'"'s"'
RUN mkdir -p /opt/bin && printf '#!/bin/sh\necho "entry: $*"\nexec "$@"\n' >/opt/bin/entry && chmod 0755 /opt/bin/entry
WORKDIR /srv/made
ENTRYPOINT ["entry"]
CMD ["echo", "the", "command"]
STOPSIGNAL SIGUSR1

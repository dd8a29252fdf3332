FROM scratch
COPY probe /probe

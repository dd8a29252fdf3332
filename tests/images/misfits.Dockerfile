# What goes wrong with services: the argument says what.
FROM debian:bookworm-slim
RUN printf '%s\n' '#!/bin/sh' \
    'forever() { while :; do sleep 0.1; done; }' \
    'case "$1" in' \
    'dies) echo "no configuration" >&2; exit 1 ;;' \
    'told) echo ready; while [ ! -e /tmp/end ]; do sleep 0.1; done; exit 9 ;;' \
    'silent) forever ;;' \
    'deaf) trap "" TERM; echo ready; forever ;;' \
    'polite) trap "echo bye; exit 143" TERM; echo ready; forever ;;' \
    'floods) yes "one line of many" | head -c 10000000; echo ready; forever ;;' \
    'esac' > /misfit \
 && chmod 755 /misfit
HEALTHCHECK --interval=1s --retries=1 CMD echo 'nobody is at home'; exit 1
ENTRYPOINT ["/misfit"]
CMD ["silent"]

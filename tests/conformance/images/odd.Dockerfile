FROM debian:bookworm-slim
COPY probe /usr/local/bin/probe
RUN mkdir -p /opt/etc /dev/left /proc/left /sys/left /run/left || true; \
    rm -rf /tmp /var/tmp; mkdir /opt/tmp; ln -s /opt/tmp /tmp; \
    rm -f /etc/mtab; echo left >/etc/mtab; \
    rm /etc/passwd; ln -s /opt/etc/passwd /etc/passwd; \
    echo 'root:x:0:0:root:/moved:/bin/sh' >/opt/etc/passwd; \
    echo 'moved:x:77:78::/home/moved:/bin/sh' >>/opt/etc/passwd; \
    ln -s usr/local /local; chmod 0711 /

# A web server with a page, a header of its own, a redirect and an answer that fails.
FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends nginx-light \
 && rm -rf /var/lib/apt/lists/* /etc/nginx/sites-enabled/*
RUN echo '<h1>Ahoy</h1>' > /var/www/html/index.html \
 && printf '%s\n' 'server {' \
    '  listen 80;' \
    '  root /var/www/html;' \
    '  location = /old { return 302 /index.html; }' \
    '  location = /broken { return 503; }' \
    '  location = /echo { add_header X-Host $http_host; add_header X-Agent $http_x_agent; return 200 $request_method; }' \
    '}' > /etc/nginx/conf.d/page.conf \
 && ln -sf /dev/stdout /var/log/nginx/access.log \
 && ln -sf /dev/stderr /var/log/nginx/error.log
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]

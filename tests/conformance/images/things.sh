# Users, groups, and programs that can't be executed for one reason or another.
set -eu
cat >>/etc/passwd <<'EOF'
worker:x:2000:2001:A worker:/home/worker:/bin/sh
homeless:x:2002:2002:::/bin/sh
other-root:x:0:0:another root:/var/lib/other:/bin/sh
3000:x:3001:3001:a name like a number:/home/number:/bin/sh
nonsense
broken:x:nan:nan:::
EOF
cat >>/etc/group <<'EOF'
workers:x:2001:
helpers:x:2010:worker,daemon
friends:x:2011:nobody-there,worker,root
4000:x:4001:
EOF
mkdir -p /home/worker /opt/first /opt/second /opt/locked /opt/a/b
chown 2000:2001 /home/worker
cd /opt
printf 'echo never\n' >not-executable
printf '#!/no/such/interpreter\n' >bad-interpreter
printf '#!\n' >no-interpreter
printf '\001\002\003\004' >bad-format
: >empty
printf 'echo no shebang\n' >no-shebang
printf '#!/bin/sh\necho script "$0" "$@"\n' >script
printf '#!/bin/sh -e\nfalse\necho never\n' >script-with-option
printf '#!/opt/script\n' >script-of-script
printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\267\000\001\000\000\000' >other-machine
chmod 0755 bad-interpreter no-interpreter bad-format empty no-shebang script script-with-option script-of-script other-machine
chmod 0644 not-executable
cp script only-root
chmod 0700 only-root
chmod 0700 locked
cp script locked/script
cp not-executable first/tool
cp script second/tool
mkdir first/folder
cp script second/folder
ln -s script link
ln -s nowhere dangling
ln -s loop loop
ln -s /opt/second to-second

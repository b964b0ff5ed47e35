# SPDX-License-Identifier: GPL-2.0-or-later
"""The peers of the lab: real servers that the gateway's two sides talk to.

Each function starts one of them in a namespace; the lab's Ground ends it.
"""

import glob
import os
import pathlib
import pwd
import textwrap

import dns.message
import dns.query

from netns import run, wait_for

GIT_HTTP_BACKEND = "/usr/lib/git-core/git-http-backend"
FASTCGI_PARAMS = "/etc/nginx/fastcgi_params"


def git_environment(folder):
    """Git as on a fresh machine: nobody's configuration but the lab's own."""
    pathlib.Path(folder).mkdir(exist_ok=True)
    config = pathlib.Path(folder, "gitconfig")
    if not config.exists():
        config.write_text(textwrap.dedent("""\
            [user]
                name = Lab
                email = lab@example.net
            [core]
                compression = 0
            [safe]
                directory = *
            [gc]
                auto = 0
            [init]
                defaultBranch = main
            """))
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": str(config),
            "GIT_TERMINAL_PROMPT": "0"}


def git_commit_noise(work, mebibytes, name, env):
    """Commit `mebibytes` of random, so incompressible, bytes to the work tree `work`."""
    for i in range(mebibytes):
        pathlib.Path(work, f"{name}-{i:03}.bin").write_bytes(os.urandom(1 << 20))
    run("git", "-C", work, "add", ".", env=env)
    run("git", "-C", work, "commit", "-q", "-m", f"{mebibytes} MiB of noise: {name}", env=env)


def git_repository(folder, mebibytes=52):
    """Make a bare repository of `mebibytes`, to be served as git/big.git below `folder`."""
    env = git_environment(folder)
    work, bare = pathlib.Path(folder, "work"), pathlib.Path(folder, "git", "big.git")
    run("git", "init", "-q", work, env=env)
    git_commit_noise(work, mebibytes, "noise", env)
    run("git", "clone", "-q", "--bare", work, bare, env=env)
    run("git", "-C", bare, "repack", "-q", "-a", "-d", env=env)
    run("git", "-C", bare, "config", "http.receivepack", "true", env=env)
    run("rm", "-r", work)
    return bare


def certificates(folder, names):
    """Make a certificate authority (ca.pem) and a server certificate for `names`."""
    folder.mkdir()
    ca, ca_key = folder / "ca.pem", folder / "ca.key"
    cert, key, request, extensions = (folder / f for f in
                                      ("server.pem", "server.key", "server.csr", "ext"))
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    run("openssl", "req", "-x509", *curve, "-keyout", ca_key, "-out", ca, "-days", "2",
        "-subj", "/CN=gate64 lab authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    run("openssl", "req", *curve, "-keyout", key, "-out", request, "-subj", f"/CN={names[0]}")
    # RFC 5280 4.2: Python from 3.13 on insists.
    extensions.write_text("subjectAltName=" + ",".join(f"DNS:{n}" for n in names) +
                          "\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    run("openssl", "x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key,
        "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", cert)
    return ca, cert, key


def start_nsd(ns, address, zones, name=None):
    """Authoritative DNS for `zones` on one address: a dictionary, name to the text of a zone
    file without origin, or to a whole file. `name` tells several in one namespace apart."""
    folder = ns.ground.path(f"nsd-{name or ns.role}")
    folder.mkdir()
    config = textwrap.dedent(f"""\
        server:
            ip-address: {address}
            do-ip6: no
            server-count: 1
            username: ""
            database: ""
            pidfile: ""
            zonesdir: "{folder}"
            zonelistfile: "{folder}/zone.list"
            xfrdfile: "{folder}/xfrd.state"
            xfrdir: "{folder}"
            hide-version: yes
            rrl-ratelimit: 0
        remote-control:
            control-enable: no
        """)
    for number, (zone, file) in enumerate(zones.items()):
        if isinstance(file, str):
            text, file = file, folder / f"{number}.zone"
            file.write_text(f"$ORIGIN {zone}\n$TTL 60\n" + textwrap.dedent(text))
        run("nsd-checkzone", zone, file)
        config += f"zone:\n    name: \"{zone}\"\n    zonefile: \"{file}\"\n"
    (folder / "nsd.conf").write_text(config)
    process = ns.spawn("nsd", "-d", "-c", folder / "nsd.conf", log=folder / "log")

    def answers():
        assert process.poll() is None, (folder / "log").read_text()
        query = dns.message.make_query(next(iter(zones)), "SOA")
        try:
            with ns.entered():
                return dns.query.udp(query, address, timeout=0.2).answer
        except (dns.exception.Timeout, OSError):
            return None
    wait_for(answers, f"nsd on {address} answers")
    return process


def start_nginx(ns, servers, name=None):
    """nginx with the given server blocks; return its access log. `name` tells several in one
    namespace apart."""
    folder = ns.ground.path(f"nginx-{name or ns.role}")
    folder.mkdir()
    spool = "\n".join(f"{kind}_temp_path {folder}/{kind};"
                      for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(textwrap.dedent("""\
        user root;
        worker_processes 1;
        daemon off;
        pid {folder}/pid;
        error_log {folder}/error.log warn;
        events {{ worker_connections 1024; }}
        http {{
            default_type text/plain;
            log_format lab '$remote_addr "$request" $status $body_bytes_sent';
            access_log {folder}/access.log lab;
            {spool}
            {servers}
        }}
        """).format(folder=folder, spool=spool, servers=textwrap.dedent(servers)))
    process = ns.spawn("nginx", "-c", folder / "nginx.conf", "-e", folder / "error.log",
                       log=folder / "log")

    def listens():
        assert process.poll() is None, (folder / "log").read_text()
        return (folder / "pid").exists()	# written once the listeners are bound
    wait_for(listens, f"nginx on {ns.role} listens")
    return folder / "access.log"


def start_git_backend(ns, git_root):
    """fcgiwrap with git's own HTTP backend; return the nginx location that uses it."""
    socket = ns.ground.path(f"{ns.role}-git.sock")
    ns.spawn("fcgiwrap", "-c", "2", "-s", f"unix:{socket}", "-p", GIT_HTTP_BACKEND,
             log=ns.ground.path(f"{ns.role}-fcgiwrap.log"),
             env=git_environment(ns.ground.folder))
    wait_for(socket.exists, "fcgiwrap listens")
    return textwrap.dedent(f"""\
        location ~ ^/git(/.*)$ {{
            include {FASTCGI_PARAMS};
            fastcgi_pass unix:{socket};
            fastcgi_param SCRIPT_FILENAME {GIT_HTTP_BACKEND};
            fastcgi_param GIT_PROJECT_ROOT {git_root};
            fastcgi_param GIT_HTTP_EXPORT_ALL "";
            fastcgi_param PATH_INFO $1;
            fastcgi_buffering off;
            fastcgi_request_buffering off;
            client_max_body_size 0;
        }}
        """)


def start_postgres(ns, address, certificate, key, port=5432):
    """PostgreSQL with TLS, for user lab without a password; return its log, in which each line
    begins with the client's address."""
    folder, user = ns.ground.path(f"postgres-{ns.role}"), pwd.getpwnam("postgres")
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
    as_user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
    folder.mkdir()
    for file, source in (("cert.pem", certificate), ("key.pem", key)):
        (folder / file).write_bytes(source.read_bytes())
        (folder / file).chmod(0o600)
    for path in (folder, folder / "cert.pem", folder / "key.pem"):
        os.chown(path, user.pw_uid, user.pw_gid)
    run(*as_user, f"{programs}/initdb", "--no-sync", "--no-locale", "-E", "UTF8",
        "-A", "trust", "-U", "lab", "-D", folder / "data", cwd="/")
    with open(folder / "data/pg_hba.conf", "a", encoding="ascii") as hba:
        hba.write("host all all ::/0 trust\n")
    settings = {"listen_addresses": address, "port": port, "unix_socket_directories": "",
                "ssl": "on", "ssl_cert_file": folder / "cert.pem",
                "ssl_key_file": folder / "key.pem", "fsync": "off",
                "log_connections": "on", "log_line_prefix": "%h "}
    log = folder / "log"
    process = ns.spawn(*as_user, f"{programs}/postgres", "-D", folder / "data",
                       *(f"--{name}={value}" for name, value in settings.items()),
                       log=log, cwd="/")

    def listens():
        assert process.poll() is None, log.read_text()
        return "ready to accept connections" in log.read_text()
    wait_for(listens, f"PostgreSQL on {ns.role} listens", 30)
    return log

"""The files of a stack that are made from something: certificates, credentials, configuration, nginx."""

import json
import os
import pathlib
import resource
import secrets
import shutil
import subprocess

import services
from layout import AS_ROOT, CHECKOUT, folder, reachable, write

SANDBOX = "sandbox.localhost"

# Who is given nothing has no limit. The others are for tests and the demo, which give them to their users.
PLANS = """[free]
free = yes

[tiny]
posts_per_month = 2
accounts = 1
storage_mb = 1

[small]
price_live = price_1SmallLive
price_test = price_1SmallTest
posts_per_month = 100
accounts = 2
storage_mb = 50
rate_factor = 2

[large]
price_live = price_1LargeLive
price_test = price_1LargeTest
rate_factor = 10
"""


CONTROLLER = {"name": "Example & Sons Ltd.", "address": "1 Harbour Street, Dublin, Ireland", "email": "privacy@example.com",
              "authority": "the Data Protection Commission, Dublin", "law": "the law of Ireland",
              "legal_basis": "the General Data Protection Regulation (EU) 2016/679"}


def openssl(*args):
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {args[0]}: {done.stderr.strip()}")


def certificates(at):
    """An own CA, and a leaf for the names of the stack. Kept over restarts, so that a browser trusts it once."""
    folder(at.tls, 0o711)
    if at.ca.exists() and (at.tls / "leaf.key").exists():
        return
    ca_key, leaf_key, request, extensions = (at.tls / n for n in ("ca.key", "leaf.key", "leaf.csr", "leaf.ext"))
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *new_key, "-days", 3650, "-subj", "/CN=MarketingCLI development CA",
            "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", ca_key, "-out", at.home / "ca.crt.new")
    openssl("req", *new_key, "-subj", "/CN=localhost", "-keyout", leaf_key, "-out", request)
    extensions.write_text(f"subjectAltName=DNS:localhost,DNS:{SANDBOX},IP:127.0.0.1,IP:::1\n"
                          "extendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", request, "-CA", at.home / "ca.crt.new", "-CAkey", ca_key, "-CAcreateserial",
            "-CAserial", at.tls / "ca.srl", "-days", 800, "-extfile", extensions, "-out", at.tls / "leaf.crt")
    ca_key.chmod(0o600)
    if AS_ROOT:
        os.chown(leaf_key, 0, services.GID_NGINX)
    leaf_key.chmod(0o640)
    (at.home / "ca.crt.new").chmod(0o644)
    (at.home / "ca.crt.new").replace(at.ca)


def credentials(at):
    """credentials/<database name>/<credential>: what LoadCredential= gives on a server. Made once."""
    rings = {name: f"1 {secrets.token_hex(32)}\n" for name in ("token-keys", "totp-keys")}
    shared = {**rings, "journal-key": f"{secrets.token_hex(32)}\n", "tiktok-client-secret": secrets.token_hex(20), "smtp-password": "", "s3-secret-key": secrets.token_hex(20),
              "stripe-api-key": f"rk_test_{secrets.token_hex(20)}", "stripe-webhook-secrets": f"whsec_{secrets.token_hex(20)}\n"}
    simulated = {"stripe-simulator-key": "stripe-api-key", "stripe-simulator-secrets": "stripe-webhook-secrets",
                 "tiktok-simulator-secret": "tiktok-client-secret"}
    for service in services.PROGRAMS:
        if unknown := set(service.credentials) - set(shared) - set(simulated):
            raise RuntimeError(f"{service.name} needs the credential {', '.join(sorted(unknown))}, and tests/stack/render.py "
                               "does not say how to make it")
    folder(at.credentials, 0o711)
    for name in shared:
        for service in services.PROGRAMS:
            kept = at.credentials / service.database / name
            if service.database and kept.exists():
                shared[name] = kept.read_text()
    shared |= {name: shared[of] for name, of in simulated.items()}
    for service in services.PROGRAMS:
        own = folder(at.credentials / (service.database or service.name), 0o700, service.uid, service.uid)
        wanted = {name: shared[name] for name in service.credentials}
        if service.database:
            wanted["db-password"] = secrets.token_urlsafe(24)
        for name, value in wanted.items():
            if not (own / name).exists():
                write(own / name, value, 0o400, service.uid, service.uid)
            elif AS_ROOT:  # a new row of the table of services moves the uids of those after it
                os.chown(own / name, service.uid, service.uid)


def configuration(at, https, changes):
    """The programs' one configuration file. changes: {(section, key): value} of the command line."""
    url, sandbox = f"https://localhost:{https}", f"https://{SANDBOX}:{https}"
    values = {
        ("service", "url"): url,
        ("service", "socket_dir"): at.run,
        ("service", "log_level"): "debug",  # tests read the lines of requests that succeed
        ("metrics", "dir"): at.run / "metrics",
        ("keys", "epoch"): at.run / "keys.epoch",
        ("rates", "file"): at.run / "rates.1",
        # All tests come from one address; tests/api/test_rate.py puts the real ones in.
        **{("rates", name): 60000 for name in ("read", "images", "write", "post", "auth")},
        # All tests come from one address; tests/api/test_sign_in.py puts the real one in.
        ("signin", "tries_of_network"): 60000,
        ("database", "socket"): at.mariadb_sock,
        ("stripe", "api_url"): sandbox,
        ("stripe", "ca_file"): at.ca,
        ("stripe", "allow_private_addresses"): "yes",
        ("tiktok", "client_key"): "sandbox-client-key",
        ("tiktok", "authorize_url"): sandbox,
        ("tiktok", "api_url"): sandbox,
        ("tiktok", "ca_file"): at.ca,
        ("tiktok", "allow_private_addresses"): "yes",
        ("store", "dir"): at.store,
        ("store", "spool_dir"): at.spool,
        ("store", "image_socket"): at.run / "image.sock",
        ("policy", "dir"): at.policy,
        **{("controller", name): value for name, value in CONTROLLER.items()},
        ("privacy", "spool_dir"): at.exports,
        ("smtp", "host"): "",  # mails are files: Layout.mail
        ("smtp", "dir"): at.mail,
        ("worker", "kept_dir"): at.kept,
        ("privacy", "journal_dir"): at.journal,
        ("sandbox", "url"): sandbox,
        ("sandbox", "socket"): at.simulator_sock,
        ("sandbox", "ca_file"): at.ca,
        ("sandbox", "allow_private_addresses"): "yes",
        ("security", "contact"): "security@example.com",
        ("billing", "plans"): at.plans,
        # Tests stop programs, and move clocks; tests/api/test_alarms.py puts the real ones in.
        **{("watch", name): 0 for name in ("silent_sec", "free_percent", "certificate_days")},
        ("watch", "clock"): "no",
        **changes,
    }
    write(at.plans, PLANS)
    text, last = "", None
    for (section, key), value in sorted(values.items()):
        text += "" if section == last else f"[{section}]\n"
        text += f"{key} = {value}\n"
        last = section
    write(at.conf, text)


def limits(at, admin):
    """The file of the programs' limits that nginx includes, as its unit has it made on a server."""
    done = subprocess.run([admin, "nginx"], stderr=subprocess.PIPE, text=True, env={**os.environ, "MARKETINGCLI_CONF": str(at.conf)})
    if done.returncode != 0:
        raise RuntimeError(done.stderr)


def served(at, name, path):
    """The folder, or a copy of it where nginx, which is somebody else, cannot come to it."""
    if not AS_ROOT or not path.exists() or reachable(path):
        return path
    return shutil.copytree(path, at.home / name, dirs_exist_ok=True)


def nginx(at, build, tables, https, http, ipv6):
    """The site that the build's tables and nginx/ of the checkout make. tables: see tables()."""
    made = pathlib.Path(build) / "nginx"
    pages = made / "html" if (made / "html").exists() else CHECKOUT / "nginx/html"  # a build without the dashboard makes none
    html = served(at, pages.name, pages)
    folder(at.nginx, 0o755)
    folder(at.nginx / "temp", 0o700, services.NGINX.uid, services.GID_NGINX)
    folder(at.intake, 0o700, services.INTAKE.uid, services.INTAKE.uid)
    write(at.nginx / "no-bodies", "", 0o700, services.NGINX.uid, services.GID_NGINX)
    access_log = at.log / "access.log"
    access_log.touch(0o644)
    if AS_ROOT:
        os.chown(access_log, services.NGINX.uid, services.GID_NGINX)
    files = min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1])  # as on a server: nginx/meson.build
    names = {
        "HTTPS4": f"127.0.0.1:{https}", "HTTPS6": f"[::1]:{https}" if ipv6 else None,
        "HTTP4": f"127.0.0.1:{http}", "HTTP6": f"[::1]:{http}" if ipv6 else None,
        "ORIGIN": f"https://localhost:{https}", "SERVER_NAMES": "localhost 127.0.0.1 [::1]", "SANDBOX_NAME": SANDBOX,
        "CERTIFICATE": at.tls / "leaf.crt", "CERTIFICATE_KEY": at.tls / "leaf.key", "NGINX_DIR": at.nginx,
        "RUN_DIR": at.run, "SIMULATOR_SOCKET": at.simulator_sock, "STORE_DIR": at.store, "POLICY_DIR": at.policy, "HTML_DIR": html, "ACME_DIR": at.nginx / "acme",
        "NO_BODY_TEMP": at.nginx / "no-bodies", "INTAKE_DIR": at.intake_dir, "INTAKE_TEMP": at.intake,
        "ACCESS_LOG": access_log, "ERROR_LOG": "stderr",
        # A browser applies HSTS to the host whatever the port: a real value would lock a developer out of every other
        # http://localhost.
        "HSTS": "max-age=0",
        # All tests come from one address; tests/api/test_limits.py puts the real ones in.
        "NETWORK_RATE": "100000r/s", "CALLER_RATE": "100001r/s", "SIGN_IN_RATE": "100002r/s", "HEALTH_RATE": "100003r/s", "DELIVERY_RATE": "100004r/s", "UPLOADS_AT_ONCE": 1000, "USER_UPLOADS_AT_ONCE": 1001,
        "CONNECTIONS_AT_ONCE": 60000,
        "DAEMON": "off", "USER": None, "WORKERS": 16, "PID": at.nginx / "temp/nginx.pid", "TEMP_DIR": at.nginx / "temp",
        # Chattier than a server's: the site has an error_log of its own, and what it keeps silent must not come out here.
        "MAIN_ERROR_LOG": "stderr info", "FILES": files, "CONNECTIONS": files // 2,
        "MODULES": None, "OTHER_CONF": at.nginx / "sites/marketingcli.conf",
        "SITES": at.nginx / "sites/marketingcli-sandbox.conf",
    }
    for name, made in services.generate.nginx(tables, names).items():
        if name != "main":
            shutil.rmtree(at.nginx / name, ignore_errors=True)  # what an older checkout made
        into = folder(at.nginx / ("" if name == "main" else name), 0o755)
        for file, text in made.items():
            write(into / file, text)


def tables(admin):
    """The routes and errors of the programs, as their own admin tool prints them."""
    return json.loads(subprocess.run([admin, "tables"], check=True, capture_output=True, text=True).stdout)


def find_program(build, name):
    """The binary of that name in a meson build folder; None when it is not built."""
    for place in ("fcgi-apps", "worker", "worker/image", "tools/admin", ""):
        path = pathlib.Path(build) / place / name
        if path.is_file() and os.access(path, os.X_OK):
            return path
    return None


def programs(at, build, names):
    """{name: path or None}. Copied when the services' uids cannot reach the build folder."""
    found = {name: find_program(build, name) for name in names}
    if AS_ROOT and not reachable(build):
        folder(at.bin, 0o755)
        for name, path in found.items():
            if path is not None:
                (at.bin / name).unlink(missing_ok=True)
                shutil.copy2(path, at.bin / name)
                found[name] = at.bin / name
    return found

import base64
import email
import email.policy
import os
import pwd
import shutil
import smtplib
import socket
import subprocess
import sys


from lab import FOLDER, Relay, check, wait_until

TRACE = base64.b64encode(b'{"TagName":"Test","OpenTrace":"1","LinkTrace":"1"}').decode()
MAIL = f"""\
From: news@shop.example
To: ann@mail.test
Subject: Through Postfix
MIME-Version: 1.0
Content-Type: text/html; charset=ISO-8859-1
X-AliDM-Trace: {TRACE}

<html><body><p>Gr\xfc\xdfe</p><a href="https://www.example.com/a?b=1&amp;c=2">link</a></body></html>
""".replace("\n", "\r\n").encode("iso-8859-1")

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = localhost
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
virtual_mailbox_domains = mail.test
virtual_mailbox_base = {folder}/boxes
virtual_mailbox_maps = static:ann/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {folder}/cert.pem
smtpd_tls_key_file = {folder}/cert.key
smtpd_tls_received_header = yes
smtpd_tls_loglevel = 1
maillog_file_prefixes = /var, {folder}
maillog_file = {folder}/maillog
multi_instance_enable = yes
multi_instance_name = postfix-interop
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_certificates(folder):
    """An authority, a certificate of it for localhost, and a stranger's authority."""
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for name in ("ca", "other"):
        openssl("req", "-x509", *curve, "-days", 2, "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key",
                "-out", folder / f"{name}.pem")
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    openssl("req", *curve, "-subj", "/CN=localhost", "-keyout", folder / "cert.key", "-out", folder / "cert.csr")
    openssl("x509", "-req", "-in", folder / "cert.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key",
            "-CAcreateserial", "-days", 2, "-extfile", folder / "names", "-out", folder / "cert.pem")


class Postfix:
    """A Postfix of its own in a folder: smtpd with STARTTLS required, mail into a Maildir."""

    def __init__(self):
        self.folder = FOLDER / "postfix"
        for name in ("etc", "spool", "data", "boxes"):
            (self.folder / name).mkdir(parents=True)
        os.chmod(FOLDER, 0o755)
        os.chmod(self.folder, 0o755)
        make_certificates(self.folder)
        self.port = free_port()
        user = pwd.getpwnam("nobody")
        shutil.chown(self.folder / "data", "postfix")
        shutil.chown(self.folder / "boxes", user.pw_uid, user.pw_gid)
        (self.folder / "etc/master.cf").write_text(MASTER.format(port=self.port))
        (self.folder / "etc/main.cf").write_text(MAIN.format(folder=self.folder, uid=user.pw_uid, gid=user.pw_gid))

    def start(self):
        self.command("start")
        wait_until(self.listens, "Postfix listens")

    def command(self, word):
        result = subprocess.run(["postfix", "-c", self.folder / "etc", word], capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f"FAILED: postfix {word}: {result.stderr}")

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def mails(self):
        return [path.read_bytes() for path in sorted((self.folder / "boxes/ann/new").glob("*"))]

    def log(self):
        path = self.folder / "maillog"
        return path.read_text() if path.exists() else ""


def send(relay):
    with smtplib.SMTP("127.0.0.1", relay.smtp) as client:
        client.sendmail("news@shop.example", ["ann@mail.test"], MAIL)


def refused(name, postfix, authority, server_name, words):
    """Nothing goes out, the log names the check, and the mail waits."""
    relay = Relay(name, f'address = "127.0.0.1:{postfix.port}"\nca-file = "{authority}"\n'
                        f'tls-server-name = "{server_name}"')
    send(relay)
    log = relay.wait_for_log("status=deferred")
    line = next(line for line in log.splitlines() if "status=deferred" in line)
    check(words in line, f"{name}: {line[line.index('status='):]}")
    check("upstream paused" in relay.wait_for_log("upstream paused"), f"{name}: the upstream pauses and says so")
    check("\n1 in the queue" in relay.run("queue", "list").stdout, f"{name}: the mail waits in the queue")
    relay.stop()
    check(not postfix.mails() and "client=" not in postfix.log(), f"{name}: nothing was sent, not even an envelope")


def main():
    postfix = Postfix()
    try:
        postfix.start()
        refused("wrong-authority", postfix, postfix.folder / "other.pem", "localhost", "unknown authority")
        refused("wrong-name", postfix, postfix.folder / "ca.pem", "mx.example", "name mismatch: expected mx.example")
        relay = Relay("trusted", f'address = "localhost:{postfix.port}"\nca-file = "{postfix.folder}/ca.pem"')
        send(relay)
        content = wait_until(postfix.mails, "the mail reaches Postfix's mailbox")[0]
        message = email.message_from_bytes(content, policy=email.policy.default)
        check("client=" in postfix.log(), "Postfix logs a client whose mail it takes")
        check("Grüße" in message.get_content(), "the text arrived, now as UTF-8")
        check("https://track.example.test/c/" in message.get_content(), "its link is tracked")
        received = " ".join(message.get_all("Received")[0].split())
        check("TLSv1.3" in received and "ESMTPS" in received, f"Postfix: {received}")
        log = relay.wait_for_log("removed id=")
        line = next(line for line in log.splitlines() if "status=sent" in line)
        check("250 2.0.0 Ok: queued as" in line and "tls=\"TLSv1.3" in line, f"the relay: {line[line.index('tls='):]}")
        relay.stop()
        print("Postfix stops for a while, and comes back")
        relay = Relay("patient", f'address = "localhost:{postfix.port}"\nca-file = "{postfix.folder}/ca.pem"')
        postfix.command("stop")
        send(relay)
        relay.wait_for_log("cannot connect")
        postfix.command("start")
        wait_until(lambda: len(postfix.mails()) == 2, "the mail that waited arrives", seconds=60)
        check(True, "the mail that waited arrived")
        relay.stop()
    finally:
        subprocess.run(["postfix", "-c", postfix.folder / "etc", "stop"], capture_output=True)


main()
